"""Share a budget among halls by what their machines need: a function.

Each hall has its floor, come what may. What is left goes to the machines of the highest
priority, of those to the ones that make most of a joule, of those to the ones that run
before those that would have to be started; among equals in proportion. A hall serves
its own machines in the same order, so its floor counts for its first ones.
"""

from collections.abc import Iterable, Iterator, Mapping
from itertools import groupby

from attrs import frozen

from proxy.power.allotment.rows import Need


@frozen
class Claim:
    """What a hall asks for."""

    floor_w: int
    need: tuple[Need, ...] = ()


@frozen
class _Piece:
    """Machines of one hall that are served alike."""

    rank: tuple[int, int, bool]  # the lowest is served first
    hall: str
    watts: int


def by_need(budget_w: int, claims: Mapping[str, Claim]) -> dict[str, int]:
    """Return watts for each hall: its floor, and what it gets beyond that.

    Their sum is at most `budget_w`, or the sum of the floors where that is more.
    """
    shares = {hall: claim.floor_w for hall, claim in claims.items()}
    left = max(0, budget_w - sum(shares.values()))
    pieces = [p for hall, claim in claims.items() for p in _beyond_floor(hall, claim)]
    pieces.sort(key=lambda piece: piece.rank)
    for _, group in groupby(pieces, key=lambda piece: piece.rank):
        left -= _serve([*group], left, shares)
    return shares


def _serve(alike: list[_Piece], left: int, shares: dict[str, int]) -> int:
    """Add to `shares` what `left` allows of `alike`; return how much that is."""
    asked = sum(piece.watts for piece in alike)
    given = 0
    for piece in alike:
        # rounded down, so that the sum of all is never above what is left
        part = piece.watts if asked <= left else piece.watts * left // asked
        shares[piece.hall] += part
        given += part
    return given


def _beyond_floor(hall: str, claim: Claim) -> Iterator[_Piece]:
    """Yield what a hall asks for, less its floor."""
    covered = claim.floor_w
    for piece in sorted(_pieces(hall, claim.need), key=lambda piece: piece.rank):
        beyond = piece.watts - covered
        covered = max(0, -beyond)
        if beyond > 0:
            yield _Piece(piece.rank, hall, beyond)


def _pieces(hall: str, needs: Iterable[Need]) -> Iterator[_Piece]:
    for need in needs:
        running, wanted = max(0, need.running_w), max(0, need.wanted_w)
        of_running = min(running, wanted)
        yield _Piece((-need.priority, need.joules_per_th, False), hall, of_running)
        rest = wanted - of_running
        yield _Piece((-need.priority, need.joules_per_th, True), hall, rest)
