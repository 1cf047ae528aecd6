"""Which source to hash for: a function of what each has to offer."""

from collections.abc import Sequence

from attrs import frozen

from protocol.units import Seconds


@frozen
class Candidate:
    """A source in the order of preference.

    Attributes:
        is_usable: It has work that we can take.
        is_doubted: It takes few of the shares: only where there is no other.
        ready_since: Since when, without a break.
    """

    is_usable: bool
    ready_since: Seconds
    is_doubted: bool = False


def choose(
    candidates: Sequence[Candidate],
    active: int | None,
    now: Seconds,
    fail_back: Seconds,
) -> int | None:
    """Return the index of the source to hash for, or None if none has work.

    A source that is lost is left at once for the best there is. A better one is
    gone back to only after it has had work for `fail_back`, or the fleet would
    follow each flap of a line. One that is doubted counts as none as long as there is
    another, but the last one is not left for a doubt.
    """
    usable = [i for i, c in enumerate(candidates) if c.is_usable]
    sound = [i for i in usable if not candidates[i].is_doubted]
    choice = sound or usable
    if not choice:
        return None
    if active is None or active not in choice:
        return choice[0]
    # From the sound ones alone: a doubted source is no reason to leave one that works.
    steady = [i for i in sound if now - candidates[i].ready_since >= fail_back]
    return min([active, *steady])
