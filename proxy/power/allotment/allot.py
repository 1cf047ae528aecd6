"""The leader's step: from what members say to what they are granted.

Many halls share one budget. Messages are late or lost, processes stop and come back,
the database may lose its last seconds; and yet the watts of all grants that are held
anywhere must never exceed the budget. So a leader counts, for each member, the most
that it *may hold*, and gives away only what that leaves:

    silent      nothing new was heard of it for so long that no grant can be held: its
                floor counts, and is all that it is granted
    may hold    else: the largest of all grants that it may have read and not given up,
                of what it says that it draws, and, for a while after its start, of all
                that its life before may hold
    fresh       its poll shows that it has read this leader's epoch, so it was sent
                after this leader began. One that is not fresh learns the epoch, and
                no grant of its is made longer or larger: what its row says may be
                from before the database was set back
    frozen      for as long as a grant may be held that this leader does not know of (a
                failover lost it), nobody gets more than it says that it holds: until
                such grants have lapsed, and each member was fresh once or is silent
    room        budget less all that may be held. What goes beyond may-hold takes from
                it; where it is negative nobody is raised, not even to what it may hold:
                else the sum could stay above a budget that was lowered for as long as
                needs go up and down
    anew        a leader that has not looked for a lease may have been followed, and a
                failover have taken that: it is frozen as at its beginning, and nobody
                is silent for what was before
    numbers     a grant that says something else has a higher number, and a lowering
                frees its watts when the member's row says that this number is held

`tests/property/test_allotment` runs this module, `tenure` and `election` under faults,
and leaves out one rule after the other to see the sum exceed the budget.
"""

from collections.abc import Mapping

from attrs import evolve, frozen

from protocol.units import Seconds
from proxy.power.allotment.by_need import Claim, by_need
from proxy.power.allotment.rows import MAX_OUT, Grant, Out, Row, Seen, Term

STEADY = 0.005
"""Of a grant: what is worth no new one, where there is room. A meter's class is 0.5 %,
and each change costs the hall a durable write."""


@frozen
class _Stand:
    """Where a member stands."""

    row: Row
    grant: Grant
    is_new: bool  # no grant of it was ever written
    is_silent: bool
    is_fresh: bool
    is_unknown: bool  # what it holds may be what no table has
    may_hold_w: int


def resumed(
    term: Term, seen: Mapping[str, Seen], now: Seconds
) -> tuple[Term, Mapping[str, Seen]]:
    """Return the term and what was seen as a leader goes on from them at `now`."""
    if now - term.now < term.times.lease:
        return evolve(term, now=now), seen
    return evolve(term, now=now, began=now), {}


def watch(
    term: Term,
    rows: Mapping[str, Row],
    grants: Mapping[str, Grant],
    seen: Mapping[str, Seen],
) -> dict[str, Seen]:
    """Return what the leader has seen of each member once it has looked at `rows`."""
    return {n: _seen(term, row, grants.get(n), seen.get(n)) for n, row in rows.items()}


def _seen(term: Term, row: Row, grant: Grant | None, seen: Seen | None) -> Seen:
    is_known = row.epoch == term.epoch
    if seen is None:
        return Seen(row.life, row.seq, term.now, is_known)
    is_known |= seen.is_known
    if seen.life != row.life:
        old_w = max(_watts_out(grant), seen.old_w if term.now < seen.old_until else 0)
        until = Seconds(term.now + term.times.gone_after + row.down_s)
        return Seen(row.life, row.seq, term.now, is_known, old_w, until)
    if seen.seq != row.seq:
        return evolve(seen, seq=row.seq, at=term.now, is_known=is_known)
    return seen


def allot(
    term: Term,
    rows: Mapping[str, Row],
    grants: Mapping[str, Grant],
    seen: Mapping[str, Seen],
) -> dict[str, Grant]:
    """Return the grants to be written for all members of `rows`.

    Args:
        term: The leader's.
        rows: What members say; of one read of the database with `grants`.
        grants: As they stand.
        seen: As `watch` returned it for these.
    """
    stands = {n: _stand(term, row, grants.get(n), seen[n]) for n, row in rows.items()}
    claims = {
        name: Claim(stand.row.floor_w, () if stand.is_silent else stand.row.need)
        for name, stand in stands.items()
    }
    targets = by_need(term.budget_w, claims)
    is_frozen = term.is_frozen or any(stand.is_unknown for stand in stands.values())
    room = term.budget_w - sum(stand.may_hold_w for stand in stands.values())
    granted: dict[str, Grant] = {}
    for name, stand in stands.items():
        if not stand.is_silent and not stand.is_fresh:
            granted[name] = _told(term, stand)
            continue
        watts = _watts(stand, targets[name], room, is_frozen=is_frozen)
        room -= max(0, watts - stand.may_hold_w)
        granted[name] = _granted(term, stand, watts)
    return granted


def may_hold(
    term: Term,
    rows: Mapping[str, Row],
    grants: Mapping[str, Grant],
    seen: Mapping[str, Seen],
) -> dict[str, int]:
    """Return the most that each member may draw, as its leader counts it."""
    return {
        name: _stand(term, row, grants.get(name), seen[name]).may_hold_w
        for name, row in rows.items()
    }


def is_silent(term: Term, row: Row, seen: Seen) -> bool:
    """Tell whether a member can hold no grant any more, and draws no more of one."""
    return term.now - seen.at >= term.times.gone_after + row.down_s


def _stand(term: Term, row: Row, grant: Grant | None, seen: Seen) -> _Stand:
    is_new = grant is None
    if grant is None:
        grant = Grant(term.epoch, 0, row.floor_w)
    silent = is_silent(term, row, seen)
    held = [row.held_w, row.floor_w, grant.watts]
    held += [watts for _, watts in _not_given_up(row, grant)]
    if term.now < seen.old_until:
        held.append(seen.old_w)
    return _Stand(
        row,
        grant,
        is_new,
        silent,
        is_fresh=row.epoch == term.epoch,
        is_unknown=not silent and not seen.is_known,
        may_hold_w=row.floor_w if silent else max(held),
    )


def _not_given_up(row: Row, grant: Grant) -> Out:
    """Return the grants that the member may still hold: from the one it says on."""
    if row.life != grant.life:  # nothing is known of what this life has read
        return grant.out
    return tuple(one for one in grant.out if one[0] >= row.applied)


def _watts(stand: _Stand, target: int, room: int, *, is_frozen: bool) -> int:
    """Return what a member is granted, out of `room` where it may not hold it yet."""
    newest = stand.grant.watts
    if stand.is_silent:
        return stand.row.floor_w
    if is_frozen:
        target = min(target, max(stand.row.held_w, stand.row.floor_w))
    if room < 0:
        return min(target, newest)
    if is_frozen:
        return target
    if abs(target - newest) <= STEADY * newest:
        return newest
    return min(target, stand.may_hold_w + room)


def _told(term: Term, stand: _Stand) -> Grant:
    """Return a grant that says nothing new but who leads."""
    grant = stand.grant
    return evolve(
        grant, epoch=term.epoch, out=grant.out or ((grant.number, grant.watts),)
    )


def _granted(term: Term, stand: _Stand, watts: int) -> Grant:
    row, grant = stand.row, stand.grant
    is_other = watts != grant.watts or stand.is_new or grant.life != row.life
    number = max(grant.number, row.applied) + is_other
    out = () if stand.is_silent else _not_given_up(row, grant)
    if not out or out[-1] != (number, watts):
        out = (*out, (number, watts))
    return Grant(term.epoch, number, watts, _merged(out), row.life, row.seq)


def _merged(out: Out) -> Out:
    """Return at most `MAX_OUT` entries: the oldest count as the largest of them."""
    while len(out) > MAX_OUT:
        (_, oldest), (number, watts), *rest = out
        out = ((number, max(oldest, watts)), *rest)
    return out


def _watts_out(grant: Grant | None) -> int:
    if grant is None:
        return 0
    return max(grant.watts, *(watts for _, watts in grant.out), 0)
