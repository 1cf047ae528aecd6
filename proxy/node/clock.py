"""Whether a node's clock can be believed: its time goes into the headers we hash."""

from datetime import UTC, datetime

from attrs import frozen

from protocol.units import Seconds, UnixTime

MAX_GAP = Seconds(86_400.0)
"""How far a node's clock and ours may be apart.

A block 2 h ahead is refused by everybody (Bitcoin Core, MAX_FUTURE_BLOCK_TIME), but a
gap of hours may as well be ours: a host without a clock battery, a wrong time zone. A
day is neither, and leaves room for a regtest chain that blocks have pushed ahead.
"""


@frozen
class NodeTime:
    """What a node's clock said, and when.

    Attributes:
        curtime: Of a template, Unix seconds.
        came_at: On our monotonic clock, which no correction of the time moves.
    """

    curtime: int
    came_at: Seconds

    def fault(self, now: Seconds, wall: UnixTime) -> str:
        """Return what is wrong with the node's clock, or ours; empty if nothing is."""
        # On the monotonic clock: the wall clock that it is compared with may have been
        # set.
        theirs = self.curtime + (now - self.came_at)
        if abs(theirs - wall) <= MAX_GAP:
            return ""
        return (
            f"its clock says {_shown(theirs)}, ours {_shown(wall)}: blocks of a wrong"
            " time are refused"
        )


def _shown(moment: float) -> str:
    return datetime.fromtimestamp(moment, UTC).strftime("%Y-%m-%d %H:%M UTC")
