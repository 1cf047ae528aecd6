"""The documents of a site: what holds, what waits, and how it is kept for a restart."""

from collections.abc import Collection, Mapping, Sequence

import msgspec
from attrs import define, evolve, field, frozen

from protocol.errors import RemoteError
from protocol.oversight.checks import Moments
from protocol.oversight.council import Council
from protocol.oversight.document import (
    Document,
    Limit,
    Policy,
    Revoke,
    document_id,
    kind_of,
    read_document,
)
from protocol.oversight.ruling import Ruling, Verdict
from protocol.oversight.signature import Signature, signers_of
from protocol.units import Seconds
from proxy.power.orders.documents import FOR_EVER, DocumentRow, Kept
from proxy.signals.signed.paces import MAX_AN_HOUR, KeyPace

MAX_WAITING_OF_KEY = 8
"""Documents that wait, signed by one key: parties sign one after the other."""

MAX_WAITING = 256
"""Documents that wait, of all keys together: those of 32."""

_read_signatures = msgspec.json.Decoder(tuple[Signature, ...]).decode
_encode = msgspec.json.encode


class SignedError(RemoteError):
    """A document that is new and signed by a party, and is not taken."""


@frozen
class Weighed:
    """A document that is taken or waits.

    Attributes:
        raw: Its bytes.
        signatures: All that have come, the verified ones.
        added: Names of the keys that signed it now, and had not before.
        is_signed: A key of an accepted policy is among these.
    """

    ruling: Ruling
    raw: bytes
    signatures: tuple[Signature, ...]
    added: frozenset[str] = frozenset()
    is_signed: bool = False

    @property
    def is_lowering(self) -> bool:
        """It can only lower what the site may draw."""
        return isinstance(self.ruling.document, Limit | Revoke)

    @property
    def kind(self) -> str:
        """Of the document."""
        return kind_of(self.ruling.document)


@frozen
class Waiting:
    """A document that waits for signatures, or for parties to be present.

    Attributes:
        until: Unix seconds.
    """

    weighed: Weighed
    until: float


@define(eq=False, repr=False)
class DocumentBook:
    """What parties have said about one site.

    Attributes:
        waiting: By id.
    """

    council: Council
    waiting: dict[str, Waiting] = field(factory=dict, init=False)
    _rows: dict[str, DocumentRow] = field(factory=dict, init=False)
    _pace: KeyPace = field(factory=KeyPace, init=False)

    def weigh(
        self,
        raw: bytes,
        signatures: Sequence[Signature],
        moments: Moments,
        seen: Mapping[str, float],
        now: Seconds,
    ) -> Weighed:
        """Return what becomes of a document; nothing is changed.

        Args:
            raw: Its bytes.
            signatures: That came with it; those that came before count as well.
            moments: What time it may be.
            seen: When each role's witness last cosigned.
            now: Of the monotonic clock.

        Raises:
            DocumentError: It is none.
            SignedError: A party has signed it now, and it is refused all the same.
            RemoteError: It is refused, whoever signed it: it may be an old one.
        """
        heard = self.council.hear(raw, moments)
        new = heard.document if isinstance(heard.document, Policy) else None
        keys = self.council.chain.keys(new)
        signers = signers_of(raw, signatures, keys)
        before = self.waiting.get(heard.id)
        known = () if before is None else before.weighed.signatures
        parties = self.council.parties(signers, moments[-1])
        late = {n for n in parties if not self._pace.has_room(n, heard.id, now)}
        merged = {s.key: s for s in (*known, *signatures) if s.key not in late}
        if not merged:
            name = min(late)
            raise SignedError(f"{name} signs more than {MAX_AN_HOUR} an hour")
        try:
            ruling = self.council.judge(heard, merged, seen)
        except RemoteError as error:
            if not parties:
                raise
            raise SignedError(str(error)) from error
        if ruling.verdict is Verdict.PENDING and before is None:
            self._check_room(ruling.signers)
        added = frozenset(merged) - {s.key for s in known}
        is_signed = bool(added & parties)
        return Weighed(ruling, raw, tuple(merged.values()), added, is_signed)

    def weigh_again(
        self, one: Waiting, moments: Moments, seen: Mapping[str, float]
    ) -> Weighed:
        """Return what becomes of a document that waits, now.

        Raises:
            RemoteError: It is refused by now.
        """
        weighed = one.weighed
        heard = self.council.hear(weighed.raw, moments)
        names = {signature.key for signature in weighed.signatures}
        return evolve(weighed, ruling=self.council.judge(heard, names, seen))

    def rows_of(self, weighed: Weighed, at: float) -> list[DocumentRow]:
        """Return what is to be kept of a document, and of those that it ends."""
        ruling = weighed.ruling
        is_taken = ruling.verdict is Verdict.TAKEN
        row = DocumentRow(
            ruling.id,
            weighed.raw.decode(),
            _encode(weighed.signatures).decode(),
            Kept.TAKEN if is_taken else Kept.PENDING,
            at,
            self._until(ruling, at),
        )
        ended = self._ended_by(ruling.document) if is_taken else []
        return [row, *ended]

    def ended(self, names: Collection[str]) -> list[DocumentRow]:
        """Return the rows of documents that end before their time."""
        rows = (self._rows[name] for name in names if name in self._rows)
        return [evolve(row, kept=Kept.ENDED) for row in rows]

    def commit(self, weighed: Weighed, rows: Sequence[DocumentRow], leaf: int) -> None:
        """Let a document have its effect.

        Args:
            weighed: What became of it.
            rows: As `rows_of` returned them.
            leaf: The event that tells of it.
        """
        own, *ended = rows
        ruling = weighed.ruling
        if ruling.verdict is Verdict.TAKEN:
            self.waiting.pop(ruling.id, None)
            self.council.enact(ruling, own.at)
        else:
            self.waits(weighed, own.until)
        self.keep([evolve(own, leaf=leaf), *ended])

    def waits(self, weighed: Weighed, until: float) -> None:
        """Have a document wait until then."""
        self.waiting[weighed.ruling.id] = Waiting(weighed, until)

    def keep(self, rows: Sequence[DocumentRow]) -> None:
        """Note what is written down."""
        self._rows |= {row.id: row for row in rows}

    def prune(self, moments: Moments) -> list[Waiting]:
        """Forget what has run out; return what has waited in vain."""
        self.council.prune(moments)
        now = min(moments)
        vain = [w for w in self.waiting.values() if w.until <= now]
        for one in vain:
            del self.waiting[one.weighed.ruling.id]
        self._rows = {i: r for i, r in self._rows.items() if r.until > now}
        return vain

    def restore(self, rows: Sequence[DocumentRow]) -> None:
        """Take in what was kept; whatever could raise is verified again.

        Raises:
            RemoteError, ValueError: It cannot be read, or does not verify.
        """
        for row in rows:
            try:
                self._restore(row)
            except (RemoteError, ValueError) as error:
                raise ValueError(f"kept document {row.id[:8]}: {error}") from error

    def _restore(self, row: DocumentRow) -> None:
        self._rows[row.id] = row
        if row.kept is Kept.TRUSTED:
            return
        if row.kept is Kept.ENDED:
            self.council.remember(row.id, row.until)
            return
        raw, signatures = row.body.encode(), _read_signatures(row.signatures)
        document = read_document(raw)
        if document_id(raw) != row.id:
            raise ValueError("its text has another id")
        new = document if isinstance(document, Policy) else None
        if not isinstance(document, Limit):
            signers_of(raw, signatures, self.council.chain.keys(new))
        names = frozenset(signature.key for signature in signatures)
        verdict = Verdict.TAKEN if row.kept is Kept.TAKEN else Verdict.PENDING
        ruling = Ruling(
            *(verdict, row.id, document, names, frozenset(), (), row.until),
            is_signed=True,  # perhaps: it is weighed again
        )
        if verdict is Verdict.TAKEN:
            self.council.enact(ruling, row.at)
            return
        self.waits(Weighed(ruling, raw, signatures), row.until)

    def _ended_by(self, document: Document) -> list[DocumentRow]:
        return self.ended(getattr(document, "lifts", ()))

    def _until(self, ruling: Ruling, at: float) -> float:
        if ruling.verdict is Verdict.PENDING:
            return at + self.council.chain.in_force(at).max_age_s
        if isinstance(ruling.document, Policy | Revoke):
            return FOR_EVER
        return ruling.until

    def _check_room(self, signers: Collection[str]) -> None:
        if len(self.waiting) >= MAX_WAITING:
            raise SignedError(f"{MAX_WAITING} documents wait already")
        for name in signers:
            held = sum(name in w.weighed.ruling.signers for w in self.waiting.values())
            if held >= MAX_WAITING_OF_KEY:
                raise SignedError(f"{held} documents that {name} signed wait already")
