"""Days and a week of a fictional plant: what its grid asks, and what goes wrong."""

import random
from collections.abc import Iterator

from attrs import define

from proxy.sim.site_meter import MeterTrouble
from tests.fakes.plant_script import Script

WEEK_H = 7 * 24
PRICE_WINDOW_S = 300
STRIKE = 100.0


def write_day(script: Script, hour: int, seed: int = 1) -> None:
    """Write down a day in which everything happens.

    Load-following, dispatch steps, a trip, a peak, the signal lost for 10, 60 and
    600 s, the meter frozen, NaN and spiking.

    Args:
        script: Where.
        hour: Seconds; a shorter one leaves out the dull part of the day.
        seed: Of what is left to chance.
    """
    rng = random.Random(seed)  # noqa: S311

    def at(hours: float) -> int:
        return int(hours * hour)

    script.order(at(0), 1.0)
    for n in range(15):  # 2 % each time, down and up again
        script.order(at(1 + n / 60), 1.0 - 0.02 * (n + 1))
        script.order(at(4 + n / 60), 0.7 + 0.02 * (n + 1))
    for n in range(24):
        script.order(at(8 + n / 12), rng.uniform(0.4, 1.0))
    for hours, share in ((12, 0.0), (12.5, 0.9), (15, 0.23), (18, 0.8)):
        script.order(at(hours), share)
    for hours, lost in ((20, 10), (21, 60), (22, 600)):
        script.fall_silent(at(hours), lost)
    script.trouble(at(23), MeterTrouble.FROZEN, 150)
    script.trouble(at(23.33), MeterTrouble.NAN, 120)
    script.trouble(at(23.67), MeterTrouble.SPIKE, 30)


@define(eq=False)
class Week:
    """Writes down a week; each night the plant follows its load to 70 % and back.

    | Monday    | prices, each five minutes, with hysteresis             |
    | Tuesday   | a coincident peak from 15 to 18 h                      |
    | Wednesday | base points each five minutes, then regulation each 4 s |
    | Thursday  | the signal lost for 10, 60 and 600 s                   |
    | Friday    | the meter frozen, NaN, silent, spiking and negative    |
    | Saturday  | a reactor trip, the supply cut, no source for 15 min   |
    | Sunday    | half the power all day                                 |

    Attributes:
        hour: Seconds; a shorter one leaves out the dull part.
    """

    script: Script
    hour: int = 3600
    seed: int = 1

    def write(self) -> None:
        """Write it down."""
        self.script.order(0, 1.0)
        for day in range(7):
            self._follow_load(24 * day, percent_a_minute=1 + day % 3)
        self._prices(0)
        self._order(24 + 15, 0.23)
        self._order(24 + 18, 1.0)
        self._dispatch(48)
        for hours, lost in ((8, 10), (10, 60), (14, 600)):
            self.script.fall_silent(self._at(72 + hours), lost)
        self._sicken_meter(96)
        self._break_down(120)
        self._order(144 + 6, 0.5)

    def _at(self, hours: float) -> int:
        return int(hours * self.hour)

    def _order(self, hours: float, share: float) -> None:
        self.script.order(self._at(hours), share)

    def _follow_load(self, day: float, percent_a_minute: int) -> None:
        for n in range(1, 31):
            minutes = n / percent_a_minute
            self._order(day + 0.5 + minutes / 60, 1.0 - 0.01 * n)
            self._order(day + 4.5 + minutes / 60, 0.7 + 0.01 * n)

    def _prices(self, day: float) -> None:
        for window, share in self._told_by_prices():
            begins = self._at(day + 8) + window * PRICE_WINDOW_S * self.hour // 3600
            self.script.order(begins, share)

    def _told_by_prices(self) -> Iterator[tuple[int, float]]:
        """Yield when to go: down after two dear windows, up after four cheap ones."""
        rng = random.Random(self.seed)  # noqa: S311
        price, dear, cheap, is_down = 80.0, 0, 0, False
        for window in range(12 * 12):
            price = 80.0 + 0.8 * (price - 80.0) + rng.gauss(0.0, 20.0)
            dear, cheap = (dear + 1, 0) if price > STRIKE else (0, cheap + 1)
            if is_down and cheap >= 4:
                is_down = False
                yield window, 1.0
            elif not is_down and dear >= 2:
                is_down = True
                yield window, 0.3
        yield 12 * 12, 1.0

    def _dispatch(self, day: float) -> None:
        rng = random.Random(self.seed + 1)  # noqa: S311
        for n in range(48):
            self._order(day + 8 + n / 12, rng.uniform(0.4, 1.0))
        drift = 0.0
        for n in range(150):
            drift = 0.9 * drift + rng.gauss(0.0, 0.02)
            self.script.order(self._at(day + 14) + 4 * n, 0.7 + drift)
        self._order(day + 18, 1.0)

    def _sicken_meter(self, day: float) -> None:
        for hours, trouble, lasts in (
            (8, MeterTrouble.FROZEN, 150),
            (10, MeterTrouble.NAN, 120),
            (12, MeterTrouble.SILENT, 90),
            (14, MeterTrouble.SPIKE, 30),
            (16, MeterTrouble.NEGATIVE, 60),
        ):
            self.script.trouble(self._at(day + hours), trouble, lasts)

    def _break_down(self, day: float) -> None:
        self._order(day + 7, 0.0)
        self._order(day + 8, 1.0)
        self.script.cut_supply(self._at(day + 11))
        self.script.lose_upstream(self._at(day + 15), 900)
