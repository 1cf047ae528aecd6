"""Looks at a site's meter: means of the readings since its machines have settled."""

from attrs import evolve, frozen

from protocol.units import Watts

USUAL = 5
"""Readings of a usual look: one is taken each control period (5 s)."""

LONGEST = 12
"""Readings of a look at the most, where some before were too short."""

LEAST = 3
"""Of a look that something is learned from; one alone may be a spike."""

LAGGED = 3
"""Readings that are left out once machines should have done as they were told: one for
the command, one for the meter's lag, one for its poll (1 s each)."""


@frozen
class Looks:
    """The look that goes on, and the last readings whatever moves.

    Attributes:
        readings: Of the look, believable ones, in watts.
        settled_for: Believable readings since all is settled.
        last: The last believable readings, without a gap.
    """

    readings: tuple[float, ...] = ()
    settled_for: int = 0
    last: tuple[float, ...] = ()

    @property
    def mean_w(self) -> Watts | None:
        """What the site draws by the look; None: it has been too short."""
        if len(self.readings) < LEAST:
            return None
        return Watts(sum(self.readings) / len(self.readings))

    @property
    def low_w(self) -> Watts | None:
        """What it has drawn at the least of late; None: nobody knows."""
        return Watts(min(self.last)) if len(self.last) >= LEAST else None

    def polled(self, reading: float | None, *, is_settled: bool) -> "Looks":
        """Return the looks after a poll of the meter.

        Args:
            reading: Believable watts; None: there are none.
            is_settled: Machines are past their last change.
        """
        if reading is None:
            return Looks()
        last = (*self.last, reading)[-LEAST:]
        if not is_settled:
            return Looks(last=last)
        settled_for = self.settled_for + 1
        if settled_for <= LAGGED:
            return Looks(last=last, settled_for=settled_for)
        return Looks((*self.readings, reading)[-LONGEST:], settled_for, last)

    def taken(self, *, has_changed: bool) -> "Looks":
        """Return the looks after an action, which used the look if it was long enough.

        Args:
            has_changed: Machines were told something: the next look begins anew.
        """
        if has_changed:
            return Looks(last=self.last)
        return self if self.mean_w is None else evolve(self, readings=())
