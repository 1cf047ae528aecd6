"""What holds at a site by whose signatures, for those who ask."""

from msgspec import Struct

from protocol.oversight.document import kind_of
from protocol.oversight.standing import Standing
from proxy.signals.signed.book import DocumentBook, Waiting
from proxy.signals.signed.source import SignedDocuments
from proxy.signals.signed.words import words

MAX_LISTED = 200
"""Documents of each list in one answer: 500 B each."""


class StandingView(Struct):
    """A document that was taken and has not ended.

    Attributes:
        by: Roles that signed it.
        counts: Enough of those who signed still count; a limit holds anyhow.
        is_ruling: It makes the budget now.
    """

    id: str
    kind: str
    said: str
    watts: int
    not_before: int
    expires: int
    reason: str
    by: list[str]
    keys: list[str]
    counts: bool
    is_ruling: bool


class WaitingView(Struct):
    """A document that waits.

    Attributes:
        needs: Who is missing.
        until: Unix seconds; then it is forgotten.
    """

    id: str
    kind: str
    said: str
    by: list[str]
    needs: list[str]
    until: float


class PolicyView(Struct):
    """A policy; in force or to come."""

    version: int
    id: str
    in_force_from: float
    expires: int
    default_w: int
    envelope_w: int
    parties: dict[str, list[str]]


class DocumentsView(Struct):
    """All of a site's documents, at one moment.

    Attributes:
        budget_w: What they make of the budget now.
        why: What makes it so.
        policies: The one in force, then those that will be.
        present: Parties that are there.
        raise_needs: So many must be for anything to be raised.
        unwritten: Documents that have their effect and could not be written down.
        more: Documents that are not listed.
    """

    site: str
    budget_w: int
    why: str
    policies: list[PolicyView]
    standing: list[StandingView]
    waiting: list[WaitingView]
    revoked: list[str]
    present: list[str]
    raise_needs: int
    unwritten: int
    more: int


def documents_view(source: SignedDocuments) -> DocumentsView:
    """Return what a signal's documents make of the site now."""
    now, book = source.moment, source.book
    council = book.council
    piece = council.pieces(now)[0]
    standing = sorted(council.standing.values(), key=lambda s: -s.at)
    ruling = piece.by
    held = [_standing(book, s, now, is_ruling=s is ruling) for s in standing]
    waiting = [_waiting(one) for one in book.waiting.values()]
    return DocumentsView(
        council.site,
        piece.watts,
        piece.why,
        _policies(book, now),
        held[:MAX_LISTED],
        waiting[:MAX_LISTED],
        sorted(council.revoked),
        sorted(council.present(source.seen, now)),
        council.presence.raise_needs,
        source.unwritten,
        max(0, len(held) - MAX_LISTED) + max(0, len(waiting) - MAX_LISTED),
    )


def _standing(
    book: DocumentBook, one: Standing, now: float, *, is_ruling: bool
) -> StandingView:
    council, document = book.council, one.document
    keys = council.chain.keys()
    return StandingView(
        one.id,
        kind_of(document),
        words(document),
        document.watts,
        document.not_before,
        document.expires,
        document.reason,
        sorted({keys[n].role for n in one.signers if n in keys}),
        sorted(one.signers),
        one.counts(council.chain.in_force(now), council.revoked),
        is_ruling,
    )


def _waiting(one: Waiting) -> WaitingView:
    ruling = one.weighed.ruling
    return WaitingView(
        ruling.id,
        one.weighed.kind,
        words(ruling.document),
        sorted(ruling.roles),
        list(ruling.needs),
        one.until,
    )


def _policies(book: DocumentBook, now: float) -> list[PolicyView]:
    accepted = book.council.chain.accepted
    begun = [one for one in accepted if one.in_force_from <= now][-1:]
    to_come = [one for one in accepted if one.in_force_from > now]
    found: list[PolicyView] = []
    for one in (*begun, *to_come):
        policy = one.policy
        parties: dict[str, list[str]] = {}
        for name, key in sorted(policy.keys.items()):
            parties.setdefault(key.role, []).append(name)
        found.append(
            PolicyView(
                *(policy.version, one.id, one.in_force_from, policy.expires),
                *(policy.default_w, policy.envelope_w, parties),
            )
        )
    return found
