"""Publishes the log every few seconds: tiles, signature, witnesses, checkpoint."""

from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from typing import Any

from attrs import define, evolve, field, frozen
from twisted.internet.defer import Deferred, DeferredList
from twisted.logger import Logger

from protocol.tlog.checkpoint import Checkpoint
from protocol.tlog.note import Note, SignatureLine, VerifierKey
from protocol.tlog.tree import consistency
from protocol.tlog.trust import NO_QUORUM, Trust
from protocol.units import Seconds, UnixTime
from proxy.oversight.signing import LogKeyError, Signer
from proxy.oversight.witnesses import AskedWitness
from proxy.oversight.writer import LogForkedError, LogUnreadableError, LogWriter
from proxy.power.journal.published import Published
from proxy.power.journal.store import StoreError
from proxy.runtime.tasks import Tasks

WITNESSED_WITHIN = Seconds(5.0)
"""A checkpoint waits so long for cosignatures; those that come later are added."""

AGAIN = Seconds(60.0)
"""A checkpoint that stays the newest is cosigned anew so often: that shows who is
there."""

Run = Callable[[Callable[[], Any]], Awaitable[Any]]


@frozen
class Around:
    """What a publisher lives on.

    Attributes:
        run: Runs what blocks on a thread, one at a time.
        reactor: Monotonic time, and the network.
        wall_clock: What time it is.
    """

    run: Run
    reactor: Any
    wall_clock: Callable[[], UnixTime]


@frozen
class LogFault:
    """Why nothing, or not enough, is signed.

    Attributes:
        row: Id of the row from which the history is another; 0: not known, or late.
    """

    why: str
    is_forked: bool
    row: int = 0


@frozen
class Served:
    """The checkpoint in the folder.

    Attributes:
        cosigners: Whose cosignatures it carries.
        is_enough: The trust policy is met.
        at: When it was signed, by the monotonic clock.
    """

    note: Note
    point: Checkpoint
    at: Seconds
    cosigners: frozenset[VerifierKey] = frozenset()
    is_enough: bool = False


@frozen
class Begun:
    """What a log is published with.

    Attributes:
        writer: Called on a thread alone.
        signers: The log's keys.
    """

    writer: LogWriter
    signers: Sequence[Signer]


@define(eq=False, repr=False)
class LogPublisher:
    """Owns what was signed and cosigned.

    Attributes:
        begin: Returns the keys and who writes, on a thread; may raise `LogKeyError`.
        trust: Who must have cosigned.
        witnesses: Whom to ask.
        keep: Makes durable what is going to be signed; may raise `StoreError`.
        around: Threads and clocks.
        late_after: Without a checkpoint that enough cosigned for so long, it is late.
        hang_up: Ends the connections to witnesses.
        served: What is in the folder; None: nothing of this run.
        enough: The newest that enough cosigned; None: none of this run.
        forked: Nothing is signed any more; None: all is well.
        trouble: Why the last call signed nothing; empty: it did.
        begun: What it is published with; None: not yet.
    """

    _log = Logger()

    begin: Callable[[], "Begun"]
    trust: Trust
    witnesses: Sequence[AskedWitness]
    keep: Callable[[Published], None]
    around: Around
    late_after: Seconds
    hang_up: Callable[[], Awaitable[None]]
    served: Served | None = field(default=None, init=False)
    enough: Served | None = field(default=None, init=False)
    forked: LogFault | None = field(default=None, init=False)
    trouble: str = field(default="", init=False)
    begun: Begun | None = field(default=None, init=False)
    _begun_at: Seconds = field(init=False)
    _asked_at: Seconds = field(default=Seconds(0.0), init=False)
    _newest: Note = field(default=Note(b""), init=False)
    _cosignatures: dict[VerifierKey, SignatureLine] = field(factory=dict, init=False)
    _fresh: set[VerifierKey] = field(factory=set, init=False)
    _is_waiting: bool = field(default=False, init=False)
    _tasks: Tasks = field(factory=Tasks, init=False)

    def __attrs_post_init__(self) -> None:
        self._begun_at = self._now()

    @property
    def fault(self) -> LogFault | None:
        """Why somebody must look; None: all is well."""
        if self.forked is not None:
            return self.forked
        since = self._begun_at if self.enough is None else self.enough.at
        late = self._now() - since
        if late < self.late_after:
            return None
        why = f"no state of the log was signed and cosigned for {late:.0f} s"
        missing = self.trouble or self._missing()
        return LogFault(f"{why}: {missing}" if missing else why, is_forked=False)

    @property
    def cosigned(self) -> Served | None:
        """The newest that enough cosigned; None: none, or nobody has to."""
        return None if self.trust.quorum == NO_QUORUM else self.enough

    async def publish(self) -> None:
        """Publish what is new; what fails is tried again at the next call."""
        if self.forked is not None:
            return
        try:
            await self._publish()
            self.trouble = ""
        except LogForkedError as error:
            self._stop_signing(error)
        except (LogUnreadableError, LogKeyError, StoreError) as error:
            self._note_trouble(str(error))

    def begin_anew(self) -> None:
        """Forget that there was a fork: a new generation was begun."""
        self.forked = self.begun = self.served = self.enough = None
        self._begun_at = self._now()

    async def stop(self) -> None:
        """End what still asks witnesses."""
        await self._tasks.cancel_all()
        await self.hang_up()

    async def _publish(self) -> None:
        begun = self.begun
        if begun is None:
            begun = self.begun = await self.around.run(self.begin)
        spared = 0 if self.enough is None else self.enough.point.size
        prepared = await self.around.run(partial(begun.writer.prepare, spared))
        known = self.served
        if known is None or known.point != prepared.point:
            self.keep(prepared.what)  # before the signature: a restart holds it to it
            at = int(self.around.wall_clock())
            note = await self.around.run(
                partial(_signed, begun.signers, prepared.point, at)
            )
            self._newest, self._cosignatures = note, {}
        elif known.is_enough and self._now() - self._asked_at < self._again:
            return
        await self._ask_all(begun.writer, self._newest, prepared.point)
        await self._serve(begun.writer, prepared.point)

    async def _ask_all(self, writer: LogWriter, note: Note, point: Checkpoint) -> None:
        """Ask all who are due, and wait for them a while."""
        self._asked_at = self._now()
        self._fresh.clear()
        due = [one for one in self.witnesses if one.is_due(self._now())]
        self._is_waiting = True
        asked = [self._asked(one, writer, note, point) for one in due]
        if asked:
            waited: Deferred[Any] = DeferredList(asked, consumeErrors=True)
            _ = waited.addTimeout(
                WITNESSED_WITHIN, self.around.reactor, lambda *_: None
            )
            await waited
        self._is_waiting = False

    def _asked(
        self, one: AskedWitness, writer: LogWriter, note: Note, point: Checkpoint
    ) -> Deferred[Any]:
        done: Deferred[None] = Deferred()

        async def ask() -> None:
            proof = partial(self._proof, writer)
            try:
                line = await one.cosign(note, point, proof, self._now())
                if line is not None and note.text == self._newest.text:
                    self._cosignatures[one.witness.key] = line
                    self._note_age(one)
                    if not self._is_waiting:
                        await self._serve(writer, point)
            except LogForkedError as error:
                self._stop_signing(error)
            finally:
                if not done.called:
                    done.callback(None)

        self._tasks.start(f"ask {one.witness.name}", ask())
        return done

    def _note_age(self, one: AskedWitness) -> None:
        """Count a witness as there unless it said again what it signed long ago."""
        age = abs(self.around.wall_clock() - one.cosigned_at)
        if age < self.late_after:
            self._fresh.add(one.witness.key)
        else:
            one.why = f"its cosignature is of {age:.0f} s before or after now"

    async def _serve(self, writer: LogWriter, point: Checkpoint) -> None:
        """Put the newest checkpoint there, with the cosignatures that came."""
        found = dict(self._cosignatures)
        note = evolve(
            self._newest, signatures=(*self._newest.signatures, *found.values())
        )
        if self.served is None or note != self.served.note:
            await self.around.run(partial(writer.serve, note))
        is_enough = self.trust.is_met_by(found)
        self.served = Served(note, point, self._now(), frozenset(found), is_enough)
        if self.trust.is_met_by(self._fresh):  # by those who are there now
            self.enough = self.served

    async def _proof(self, writer: LogWriter, old: int, size: int) -> Sequence[bytes]:
        def make() -> list[bytes]:
            return consistency(old, size, partial(writer.hash_at, size))

        proof: list[bytes] = await self.around.run(make)
        return proof

    @property
    def _again(self) -> Seconds:
        """How often the newest is cosigned anew: long before it counts as late."""
        return min(AGAIN, Seconds(self.late_after / 3))

    def _missing(self) -> str:
        return "; ".join(f"{w.witness.name}: {w.why}" for w in self.witnesses if w.why)

    def _stop_signing(self, error: LogForkedError) -> None:
        self.forked = LogFault(str(error), is_forked=True, row=error.row)
        self._log.critical("the log signs nothing more: {error}", error=error)

    def _note_trouble(self, why: str) -> None:
        if not self.trouble:
            self._log.error("the log is not published: {why}", why=why)
        self.trouble = why

    def _now(self) -> Seconds:
        return Seconds(self.around.reactor.seconds())


def _signed(signers: Sequence[Signer], point: Checkpoint, at: int) -> Note:
    lines = tuple(signer.line(point.text, at) for signer in signers)
    return Note(point.text, lines)
