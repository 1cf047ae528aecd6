"""Which source to hash for: a function of what each has to offer."""

from collections.abc import Sequence

from attrs import frozen

from protocol.units import Seconds


@frozen
class Candidate:
    """A source in the order of preference.

    Attributes:
        is_usable: It has work that we can take.
        ready_since: Since when, without a break.
    """

    is_usable: bool
    ready_since: Seconds


def choose(
    candidates: Sequence[Candidate],
    active: int | None,
    now: Seconds,
    fail_back: Seconds,
) -> int | None:
    """Return the index of the source to hash for, or None if none has work.

    A source that is lost is left at once for the best there is. A better one is
    gone back to only after it has had work for `fail_back`, or the fleet would
    follow each flap of a line.
    """
    usable = [i for i, c in enumerate(candidates) if c.is_usable]
    if not usable:
        return None
    if active is None or active not in usable:
        return usable[0]
    steady = [i for i in usable if now - candidates[i].ready_since >= fail_back]
    return min([active, *steady])
