"""What happens to a simulated plant and when: orders, losses, a sick meter."""

from collections import defaultdict
from collections.abc import Callable

from attrs import define, field

from proxy.sim.site_meter import MeterTrouble
from tests.fakes.virtual_adapters import Speaker
from tests.fakes.virtual_plant import VirtualSite

RENEW_S = 10


@define(eq=False)
class Script:
    """Lives through what is written down, second by second.

    Attributes:
        envelope_w: What the orders are parts of.
        calm_s: Seconds that are lived through at once while nothing happens.
        busy_s: How long each second is lived through after something happened.
    """

    site: VirtualSite
    grid: Speaker
    envelope_w: float
    calm_s: int = 1
    busy_s: int = 900
    _steps: defaultdict[int, list[Callable[[], None]]] = field(
        factory=lambda: defaultdict(list), init=False
    )
    _is_silent: bool = field(default=False, init=False)
    _second: int = field(default=0, init=False)
    _busy_until: int = field(default=0, init=False)

    def live(self, seconds: int) -> None:
        """Live through so many more seconds."""
        end = self._second + seconds
        while self._second < end:
            self._begin(self._second)
            if self._second % RENEW_S == 0 and not self._is_silent:
                self.grid.renew()
            step = min(self._step(), end - self._second)
            self.site.live(step)
            self._second += step

    def at(self, second: int, step: Callable[[], None]) -> None:
        """Let `step` happen at `second`."""
        self._steps[second - second % max(1, self.calm_s)].append(step)

    def order(self, second: int, share: float) -> None:
        """Order that part of the envelope."""
        watts = share * self.envelope_w
        self.at(second, lambda: self.grid.order(watts, self.site.wall()))

    def fall_silent(self, second: int, lasts: int) -> None:
        """Lose the signal for a while."""

        def silence(*, is_silent: bool) -> None:
            self._is_silent = is_silent
            if not is_silent:
                self.grid.renew()

        self.at(second, lambda: silence(is_silent=True))
        self.at(second + lasts, lambda: silence(is_silent=False))

    def trouble(self, second: int, trouble: MeterTrouble, lasts: int) -> None:
        """Let the meter be sick for a while."""
        meter = self.site.plant.meter
        self.at(second, lambda: setattr(meter, "trouble", trouble))
        self.at(second + lasts, lambda: setattr(meter, "trouble", None))

    def lose_upstream(self, second: int, lasts: int) -> None:
        """Let no source have work for a while."""
        self.at(second, self.site.lose_upstream)
        self.at(second + lasts, self.site.regain_upstream)

    def cut_supply(self, second: int) -> None:
        """Let every machine boot, and reconnect within half a minute of that."""
        self.at(second, self.site.cut_supply)
        for n in range(10):
            self.at(second + 60 + 3 * n, lambda n=n: self.site.connect(n, 10))  # type: ignore[misc]

    def _begin(self, second: int) -> None:
        steps = self._steps.pop(second, ())
        for step in steps:
            step()
        if steps:
            self._busy_until = second + self.busy_s

    def _step(self) -> int:
        is_aligned = self._second % self.calm_s == 0
        return self.calm_s if is_aligned and self._second >= self._busy_until else 1
