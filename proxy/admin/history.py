"""The last minutes of each site's power, as bars of text."""

from collections import deque
from typing import Any

from attrs import define, field
from rich.text import Text

from proxy.admin.text_columns import si

LENGTH = 120
"""Looks that are kept, one a second."""

BARS = "▁▂▃▄▅▆▇█"
PLAIN_BARS = "_.,-=+*#"
"""Where a terminal's encoding has no blocks."""

_Look = tuple[float, float, float]


@define(eq=False, repr=False)
class PowerHistory:
    """What `status` said of each site in its last looks; sites do not come and go.

    Args:
        bars: What values are drawn with, the lowest first.
    """

    _bars: str = BARS
    _sites: dict[str, deque[_Look]] = field(factory=dict, init=False)

    def add(self, status: Any) -> None:
        """Remember one look."""
        for site in status["sites"]:
            looks = self._sites.setdefault(site["name"], deque(maxlen=LENGTH))
            rate = site["hashrate_hs"]["1m"]
            looks.append((site["budget_w"] or 0.0, site["power_w"] or 0.0, rate))

    def lines(self, site: Any) -> list[Text]:
        """Return budget, power and hashrate of `site` over time, the newest right."""
        looks = self._sites.get(site["name"], deque())
        if len(looks) < 2:  # noqa: PLR2004  (a point is no line)
            return []
        budgets, powers, rates = zip(*looks, strict=True)
        watts = max(*budgets, *powers)
        return [
            self._line("budget", budgets, watts, "cyan", si(watts, "W")),
            self._line("drawn", powers, watts, "magenta", si(watts, "W")),
            self._line("hashrate", rates, max(rates), "green", si(max(rates), "H/s")),
        ]

    def _line(
        self, name: str, values: tuple[float, ...], most: float, style: str, scale: str
    ) -> Text:
        bars = "".join(self._bar(value / most if most else 0.0) for value in values)
        return Text.assemble(
            (f" {name:9}", "dim"), (bars, style), (f"  full bar {scale}", "dim"),
            overflow="crop", no_wrap=True,
        )  # fmt: skip

    def _bar(self, part: float) -> str:
        highest = len(self._bars) - 1
        return self._bars[min(highest, max(0, round(part * highest)))]


def bars_for(encoding: str) -> str:
    """Return bars that a terminal of this encoding can show."""
    try:
        BARS.encode(encoding)
    except (LookupError, UnicodeEncodeError):
        return PLAIN_BARS
    return BARS
