"""Count rows that the ledger could not keep, and tell of them now and then."""

from collections.abc import Callable

from attrs import define, field

TELL_SECONDS = 60.0
"""Between two alarms."""


@define(eq=False, repr=False)
class Losses:
    """Rows that went unrecorded.

    Attributes:
        count: Since the start.
    """

    _on_alarm: Callable[[str], None]
    count: int = field(default=0, init=False)
    _told: int = field(default=0, init=False)
    _tell_at: float = field(default=0.0, init=False)

    def tell(self, now: float) -> None:
        """Say how many were lost since it was said last, if it is time."""
        if self.count > self._told and now >= self._tell_at:
            self.tell_now(now)

    def tell_now(self, now: float) -> None:
        """Say it whether or not it is time."""
        lost, self._told = self.count - self._told, self.count
        self._tell_at = now + TELL_SECONDS
        if lost:
            self._on_alarm(
                f"ledger: {lost} rows could not be recorded, {self.count} since the"
                " start"
            )
