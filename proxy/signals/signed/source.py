"""The signal: documents come by HTTP or from an operator, budgets go to the order book.

What is taken is in the log before it has its effect; what only lowers has it also where
the disk fails, and is written down as soon as it can be.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from attrs import field, frozen
from twisted.internet.interfaces import IReactorTime
from twisted.logger import Logger

from protocol.errors import RemoteError
from protocol.oversight.council import Council
from protocol.oversight.document import DocumentError, document_id
from protocol.oversight.presence import PresenceRule
from protocol.oversight.ruling import Verdict
from protocol.units import Seconds, UnixTime
from proxy.power.orders.documents import DocumentRow
from proxy.power.ports import SignalListener
from proxy.runtime.periodic import PeriodicService
from proxy.signals.signed.book import DocumentBook, SignedError, Waiting, Weighed
from proxy.signals.signed.curve import BudgetCurve
from proxy.signals.signed.entries import body_of, cause_of, kind_of, text_of
from proxy.signals.signed.letters import (
    BAD,
    REFUSED,
    TAKEN,
    WAITS,
    Answer,
    Reply,
    read_envelope,
)
from proxy.signals.signed.log import DocumentLog
from proxy.signals.signed.trust import TrustedPolicy, begin_chain

LOOK_EVERY = Seconds(1.0)
"""How often it is looked at who is present, and what has waited long enough."""

FORGET_EVERY = Seconds(600.0)

NOT_WRITTEN = "it could not be written down"


@frozen
class SignedSettings:
    """What the signal is told by the configuration."""

    site: str
    name: str
    trusted: TrustedPolicy
    presence: PresenceRule = field(factory=PresenceRule)


@frozen
class Unwritten:
    """What lowers, has its effect, and could not be written down yet."""

    cause: str
    body: dict[str, Any]
    rows: Sequence[DocumentRow]


class SignedDocuments:
    """Judges documents for one site, once started, until it is stopped."""

    lease_s: Seconds | None = None
    _log = Logger()

    def __init__(self, settings: SignedSettings, clock: IReactorTime) -> None:
        self.name = settings.name
        self._settings = settings
        self._clock = clock
        self._listener: SignalListener | None = None
        self._looks = PeriodicService(LOOK_EVERY, self._look, clock)
        chain, _ = begin_chain(settings.trusted, ())
        self.book = DocumentBook(Council(settings.site, chain, settings.presence))
        self._events = DocumentLog(settings.name)
        self._unwritten: list[Unwritten] = []
        self._curve = BudgetCurve(settings.site, settings.name)
        self._forgot_at = Seconds(0.0)
        self._begun_at = UnixTime(0.0)

    def start(self, listener: SignalListener) -> None:
        """See `SignalSource`.

        Raises:
            ValueError: What is kept cannot be read, or does not follow from the
                policy: the site must not start.
        """
        moments, rows = listener.moments(), listener.documents()
        settings = self._settings
        chain, first = begin_chain(settings.trusted, rows)
        self.book = DocumentBook(Council(settings.site, chain, settings.presence))
        self.book.restore([row for row in rows if _goes_on(row, first)])
        self._listener, self._begun_at = listener, moments[0]
        if settings.trusted.id not in {row.id for row in rows}:
            self._trust(listener, moments[0])
        self._give(listener)
        self._looks.startService()

    async def stop(self) -> None:
        """See `SignalSource`."""
        self._listener = None
        if self._looks.running:
            await self._looks.stopService()

    @property
    def seen(self) -> Mapping[str, float]:
        """When each role's witness last cosigned the log, Unix seconds."""
        return {} if self._listener is None else self._listener.cosigned()

    @property
    def moment(self) -> UnixTime:
        """Now."""
        return UnixTime(0.0) if self._listener is None else self._listener.moments()[0]

    @property
    def unwritten(self) -> int:
        """Return how many documents hold and could not be written down."""
        return len(self._unwritten)

    def receive(self, data: bytes, peer: str) -> Answer:
        """Return what becomes of an envelope, in whose name it is answered.

        Args:
            data: JSON.
            peer: Who sent it, for the log.
        """
        listener = self._listener
        if listener is None:
            return _refused(REFUSED, "stopping")
        try:
            raw, signatures = read_envelope(data)
        except ValueError as error:
            self._events.unread(str(error))
            return _refused(BAD, str(error))
        name = document_id(raw)
        moments, now = listener.moments(), Seconds(self._clock.seconds())
        try:
            weighed = self.book.weigh(raw, signatures, moments, self.seen, now)
        except RemoteError as error:
            # Anybody may send what parties signed long ago, or what was refused: it is
            # in the log already.
            is_known = self._events.knows(name)
            is_signed = isinstance(error, SignedError) and not is_known
            body = {"peer": peer, "id": name}
            body |= text_of(raw, signatures) if is_signed else {}
            self._events.refused(listener, now, str(error), body)
            status = BAD if isinstance(error, DocumentError) else REFUSED
            return _refused(status, str(error), name, is_signed=is_signed)
        return self._act(listener, weighed, peer)

    def _act(self, listener: SignalListener, weighed: Weighed, peer: str) -> Answer:
        """Write down what a document comes to, then let it."""
        ruling, is_signed = weighed.ruling, weighed.is_signed
        is_pending = ruling.verdict is Verdict.PENDING
        waits = Answer(
            WAITS, Reply(taken=False, id=ruling.id, needs=ruling.needs), is_signed
        )
        if is_pending and not weighed.added:
            return waits  # what parties signed before is in the log already
        rows = self.book.rows_of(weighed, listener.moments()[0])
        body = body_of(weighed, peer)
        recorded = listener.record(kind_of(weighed), cause_of(weighed), body, rows)
        if recorded is None:
            return self._not_written(listener, weighed, rows, body)
        self.book.commit(weighed, rows, recorded.row)
        if is_pending:
            return waits
        self._give(listener)
        at, origin = recorded.leaf, recorded.origin
        reply = Reply(taken=True, id=ruling.id, leaf=at, origin=origin)
        return Answer(TAKEN, reply, is_signed)

    def _not_written(
        self,
        listener: SignalListener,
        weighed: Weighed,
        rows: Sequence[DocumentRow],
        body: dict[str, Any],
    ) -> Answer:
        name = weighed.ruling.id
        if weighed.ruling.verdict is Verdict.PENDING or not weighed.is_lowering:
            return _refused(REFUSED, NOT_WRITTEN, name, is_signed=weighed.is_signed)
        # Nothing unwritten raises; what lowers does not wait for a disk.
        self.book.commit(weighed, rows, 0)
        self._unwritten.append(Unwritten(cause_of(weighed), body, rows))
        self._give(listener)
        why = f"{NOT_WRITTEN}: it holds while this controller runs"
        return _refused(REFUSED, why, name, is_signed=weighed.is_signed)

    # what is looked at each second

    async def _look(self) -> None:
        listener = self._listener
        if listener is None:
            return
        moments = listener.moments()
        self._write_again(listener)
        self._absence(listener, moments)
        for waiting in list(self.book.waiting.values()):
            self._weigh_again(listener, waiting, moments)
        for waiting in self.book.prune(moments):
            self._in_vain(listener, waiting)
        if not self._curve.is_given:
            self._give(listener)
        now = Seconds(self._clock.seconds())
        if now - self._forgot_at >= FORGET_EVERY:
            self._forgot_at = now
            listener.forget_documents(min(moments))

    def _write_again(self, listener: SignalListener) -> None:
        while self._unwritten:
            one = self._unwritten[0]
            if listener.record("document", one.cause, one.body, one.rows) is None:
                return
            del self._unwritten[0]

    def _absence(self, listener: SignalListener, moments: Sequence[UnixTime]) -> None:
        council = self.book.council
        # What was cosigned before the start is not known: absence begins with it.
        roles = council.chain.in_force(moments[0]).roles
        seen = {r: max(self.seen.get(r, 0.0), self._begun_at) for r in roles}
        ended = council.ended_by_absence(seen, moments)
        if not ended:
            return
        rows = self.book.ended(ended)
        council.end(ended)
        self.book.keep(rows)
        cause = "too few parties were present for too long: no allow holds any more"
        body = {"ended": sorted(ended), "seen": dict(self.seen)}
        if listener.record("presence", cause, body, rows) is None:
            self._unwritten.append(Unwritten(cause, body, rows))
        self._give(listener)

    def _weigh_again(
        self, listener: SignalListener, waiting: Waiting, moments: Sequence[UnixTime]
    ) -> None:
        """Take what waited for parties to be present."""
        if not waiting.weighed.ruling.is_signed:
            return
        try:
            weighed = self.book.weigh_again(waiting, moments, self.seen)
        except RemoteError:
            return  # it ends with its time
        if weighed.ruling.verdict is Verdict.TAKEN:
            self._act(listener, weighed, "")
        else:
            self.book.waits(weighed, waiting.until)

    def _in_vain(self, listener: SignalListener, waiting: Waiting) -> None:
        ruling = waiting.weighed.ruling
        why = f"nobody else signed in time: {', '.join(ruling.needs)}"
        body = {"id": ruling.id, **text_of(waiting.weighed.raw, ())}
        now = Seconds(self._clock.seconds())
        self._events.refused(listener, now, why, body)

    # what is handed over

    def _trust(self, listener: SignalListener, at: UnixTime) -> None:
        """Write down the policy that all begins with."""
        trusted = self._settings.trusted
        row = trusted.row(at)
        body = {"id": trusted.id, "document": row.body, "verdict": "trusted"}
        cause = f"policy {trusted.policy.version} is trusted by its id"
        recorded = listener.record("policy", cause, body, [row])
        self.book.keep([row])
        if recorded is None:
            self._unwritten.append(Unwritten(cause, body, [row]))

    def _give(self, listener: SignalListener) -> None:
        self._curve.give(listener, self.book.council)


def _goes_on(row: DocumentRow, first: int) -> bool:
    """Tell whether a kept document goes on from the first policy."""
    return row.leaf >= first or '"kind":"policy"' not in row.body


def _refused(
    status: int, why: str, name: str = "", *, is_signed: bool = False
) -> Answer:
    return Answer(status, Reply(taken=False, id=name, reason=why), is_signed)
