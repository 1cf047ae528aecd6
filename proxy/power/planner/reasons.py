"""Why a machine changes its level, in words."""

from collections.abc import Iterator, Sequence

from proxy.power.planner.steps import Reason

REASONS = {
    Reason.UNMANAGED: "no fleet row describes it",
    Reason.CLASS: "the lowest class that runs goes first, worst J/TH in it",
    Reason.TRIM: "a slower level is enough",
    Reason.FORCED: "the budget cannot be kept otherwise, though it began lately",
    Reason.TRIP: "trip",
    Reason.ROTATE: "an equal machine has been off for longer",
    Reason.WAKE: "there is room for it",
    Reason.RAISE: "there is room for a faster level",
    Reason.HELD: "parked by hand",
    Reason.FILL: "a slower level makes room for one more machine",
}


def in_words(reasons: Sequence[int]) -> Iterator[str]:
    """Return `Reason`s as they stand in the columns of a plan, in words."""
    words = {reason: REASONS[Reason(reason)] for reason in set(reasons)}
    return (words[reason] for reason in reasons)
