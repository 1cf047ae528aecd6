"""How late the reactor comes to what is due: what a share may have to wait for."""

from attrs import define, field
from twisted.internet.interfaces import IReactorTime

from protocol.units import Seconds
from proxy.runtime.periodic import PeriodicService
from proxy.runtime.time_histogram import TimeHistogram

EVERY = Seconds(0.1)

EDGES = (0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0)
"""Half of a millisecond is a turn that does nothing; 2 s are no health (`LATE`)."""


@define(eq=False, repr=False)
class Lateness:
    """Looks ten times a second.

    Attributes:
        times: By how much it was late, each time.
    """

    clock: IReactorTime
    times: TimeHistogram = field(factory=lambda: TimeHistogram(EDGES), init=False)
    _due: float = field(init=False)

    def __attrs_post_init__(self) -> None:
        self._due = self.clock.seconds()

    def service(self) -> PeriodicService:
        """Return what looks."""
        self._due = self.clock.seconds()
        return PeriodicService(EVERY, self._look, self.clock)

    async def _look(self) -> None:
        now = self.clock.seconds()
        late = max(0.0, now - self._due)
        self.times.add(Seconds(late))
        # LoopingCall skips beats that are over, and keeps to those that it began with.
        self._due += EVERY * (1 + late // EVERY)
