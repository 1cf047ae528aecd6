"""How often a group may be given a job, however often its source sends one."""

from attrs import define, field

from protocol.units import Seconds

POST_SPACING = Seconds(1.0)
"""Between the jobs of a source that sends many: each goes to every miner."""

BURST = 4
"""Jobs at once, after a quiet time: a pool may send its first one, a difficulty, that
job again and one with transactions within a moment."""

URGENT_BURST = 16
"""The same where older work is of no use any more: blocks may come in a row."""


@define
class PostPace:
    """Lets a few posts through at once, and one a `POST_SPACING` for ever.

    Source: the generic cell rate algorithm (ITU-T I.371).
    """

    _due: Seconds = field(default=Seconds(0.0), init=False)

    def lets(self, now: Seconds, burst: int) -> bool:
        """Return whether a post may go out at `now`, and count it if so.

        Args:
            now: Clock.
            burst: Posts that may go out at once.
        """
        due = max(self._due, now)
        # A post that is refused is not counted: a flood does not push the next one
        # away.
        if due - now > (burst - 1) * POST_SPACING:
            return False
        self._due = Seconds(due + POST_SPACING)
        return True
