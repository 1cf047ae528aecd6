"""What taken documents make of a site's budget: a function of the moment.

    B(t) = min(envelope_w, max(default_w, allows that hold), limits that hold)

An allow holds while those of its signers who still count meet the rule of the policy
in force. A limit holds whoever has been revoked since, and so do the watts of a pause:
loss of a key only lowers.
"""

import heapq
from collections.abc import Collection, Iterable, Mapping, Sequence

from attrs import frozen

from protocol.oversight.chain import PolicyChain
from protocol.oversight.document import Allow, Limit, Pause, Policy, kind_of
from protocol.oversight.rules import is_met, roles_of


@frozen
class Standing:
    """A document that was taken and has not ended.

    Attributes:
        signers: Names of the keys that signed it.
        at: When it was taken, Unix seconds.
    """

    id: str
    document: Limit | Allow | Pause
    signers: frozenset[str]
    at: float

    def counts(self, policy: Policy, revoked: Collection[str]) -> bool:
        """Tell whether those of its signers who still count are enough."""
        rule = policy.rules.get(kind_of(self.document), ())
        return is_met(rule, roles_of(policy, self.signers, revoked))


@frozen
class Piece:
    """A budget for a time.

    Attributes:
        start, end: Unix seconds; no end: until something else is said.
        by: The document that makes it so; None: the policy.
        why: For people.
    """

    start: float
    end: float | None
    watts: int
    by: Standing | None
    why: str


def budget_at(
    moment: float,
    chain: PolicyChain,
    standing: Iterable[Standing],
    revoked: Collection[str],
) -> int:
    """Return B(t), as the definition has it."""
    policy = chain.in_force(moment)
    held = [s for s in standing if s.document.holds_at(moment)]
    allowed = [
        s.document.watts
        for s in held
        if isinstance(s.document, Allow) and s.counts(policy, revoked)
    ]
    bounds = [s.document.watts for s in held if not isinstance(s.document, Allow)]
    return min([policy.envelope_w, max([policy.default_w, *allowed]), *bounds])


def paused_roles(
    moment: float,
    policy: Policy,
    standing: Iterable[Standing],
    revoked: Collection[str],
) -> frozenset[str]:
    """Return which roles need not be present."""
    return frozenset(
        s.document.role
        for s in standing
        if isinstance(s.document, Pause)
        and s.document.holds_at(moment)
        and s.counts(policy, revoked)
    )


def pieces(
    since: float,
    chain: PolicyChain,
    standing: Mapping[str, Standing],
    revoked: Collection[str],
) -> list[Piece]:
    """Return B(t) from `since` on, in time proportional to n log n."""
    changes = [a.in_force_from for a in chain.accepted]
    edges = [m for s in standing.values() for m in _edges(s.document)]
    cuts = sorted({since, *(m for m in (*changes, *edges) if m > since)})
    begun = sorted(standing.values(), key=lambda s: s.document.not_before)
    bounds = _Lowest(s for s in begun if not isinstance(s.document, Allow))
    allows, policy = _Lowest(()), None
    found: list[Piece] = []
    for start, end in zip(cuts, [*cuts[1:], None], strict=True):
        if chain.in_force(start) is not policy:
            policy = chain.in_force(start)
            allows = _Lowest(_counting(begun, policy, revoked), sign=-1)
        piece = _piece(start, end, policy, allows.at(start), bounds.at(start))
        _add(found, piece)
    return found


def _edges(document: Limit | Allow | Pause) -> tuple[int, int]:
    return document.not_before, document.expires


def _counting(
    begun: Sequence[Standing], policy: Policy, revoked: Collection[str]
) -> Iterable[Standing]:
    return (
        s for s in begun if isinstance(s.document, Allow) and s.counts(policy, revoked)
    )


class _Lowest:
    """The lowest (or highest: `sign` -1) of what holds, as time goes on."""

    def __init__(self, begun: Iterable[Standing], sign: int = 1) -> None:
        self._waiting = list(begun)[::-1]
        self._sign = sign
        self._held: list[tuple[int, int, Standing]] = []

    def at(self, moment: float) -> Standing | None:
        while self._waiting and self._waiting[-1].document.not_before <= moment:
            one = self._waiting.pop()
            watts = self._sign * one.document.watts
            heapq.heappush(self._held, (watts, len(self._waiting), one))
        while self._held and self._held[0][2].document.expires <= moment:
            heapq.heappop(self._held)
        return self._held[0][2] if self._held else None


def _piece(
    start: float,
    end: float | None,
    policy: Policy,
    allow: Standing | None,
    bound: Standing | None,
) -> Piece:
    watts, by = policy.default_w, None
    why = f"policy {policy.version}: no allow holds"
    if allow is not None and allow.document.watts > watts:
        watts, by, why = allow.document.watts, allow, _said(allow, policy)
    if policy.envelope_w < watts:
        watts, by, why = policy.envelope_w, None, f"envelope of policy {policy.version}"
    if bound is not None and bound.document.watts < watts:
        watts, by, why = bound.document.watts, bound, _said(bound, policy)
    return Piece(start, end, watts, by, why)


def _said(one: Standing, policy: Policy) -> str:
    # Also of keys that have been revoked: it is they who said it.
    roles = roles_of(policy, one.signers) or one.signers
    text = f"{kind_of(one.document)} {one.id[:8]} by {', '.join(sorted(roles))}"
    return f"{text}: {one.document.reason}" if one.document.reason else text


def _add(found: list[Piece], piece: Piece) -> None:
    """Add a piece, to the one before where nothing changes."""
    last = found[-1] if found else None
    if last is None or (last.watts, last.why) != (piece.watts, piece.why):
        found.append(piece)
        return
    found[-1] = Piece(last.start, piece.end, last.watts, last.by, last.why)
