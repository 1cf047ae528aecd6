"""Days of a fictional plant: what its grid asks, and what goes wrong."""

import random
from collections.abc import Callable

from attrs import define, field

from proxy.sim.site_meter import MeterTrouble
from tests.fakes.virtual_plant import Speaker, VirtualSite

RENEW_S = 10


@define(eq=False)
class Days:
    """A site lived through by the clock: orders, lost signals, a sick meter.

    Each day: load-following, price steps, a trip, a peak, the signal lost for 10,
    60 and 600 s, the meter frozen, NaN and spiking.

    Attributes:
        hour: Seconds; a shorter one leaves out the dull part of the day.
    """

    site: VirtualSite
    grid: Speaker
    envelope_w: float
    hour: int = 3600
    seed: int = 1
    is_silent: bool = False
    _steps: dict[int, list[Callable[[], None]]] = field(factory=dict)

    def live(self, days: int) -> None:
        """Live through so many days."""
        rng = random.Random(self.seed)  # noqa: S311
        for day in range(days):
            self._plan_day(day * 24 * self.hour, rng)
        for second in range(days * 24 * self.hour):
            for step in self._steps.pop(second, ()):
                step()
            if second % RENEW_S == 0 and not self.is_silent:
                self.grid.renew()
            self.site.second()

    def _plan_day(self, start: int, rng: random.Random) -> None:
        def at(hours: float) -> int:
            return start + int(hours * self.hour)

        self._order(at(0), 1.0)
        for n in range(15):  # 2 % each time, down and up again
            self._order(at(1 + n / 60), 1.0 - 0.02 * (n + 1))
            self._order(at(4 + n / 60), 0.7 + 0.02 * (n + 1))
        for n in range(24):
            self._order(at(8 + n / 12), rng.uniform(0.4, 1.0))
        self._order(at(12), 0.0)
        self._order(at(12.5), 0.9)
        self._order(at(15), 0.23)
        self._order(at(18), 0.8)
        for hours, lost in ((20, 10), (21, 60), (22, 600)):
            self._silence(at(hours), lost)
        self._trouble(at(23), MeterTrouble.FROZEN, 150)
        self._trouble(at(23.33), MeterTrouble.NAN, 120)
        self._trouble(at(23.67), MeterTrouble.SPIKE, 30)

    def _order(self, second: int, share: float) -> None:
        watts = share * self.envelope_w

        def say() -> None:
            self.grid.order(watts, self.site.wall())

        self._steps.setdefault(second, []).append(say)

    def _silence(self, second: int, lasts: int) -> None:
        def fall() -> None:
            self.is_silent = True

        def speak() -> None:
            self.is_silent = False
            self.grid.renew()

        self._steps.setdefault(second, []).append(fall)
        self._steps.setdefault(second + lasts, []).append(speak)

    def _trouble(self, second: int, trouble: MeterTrouble, lasts: int) -> None:
        def begin() -> None:
            self.site.plant.meter.trouble = trouble

        def end() -> None:
            self.site.plant.meter.trouble = None

        self._steps.setdefault(second, []).append(begin)
        self._steps.setdefault(second + lasts, []).append(end)
