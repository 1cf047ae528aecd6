"""The last minutes of each site's power and hashrate, as bars of text."""

from collections import deque
from collections.abc import Iterator, Sequence
from itertools import groupby
from operator import itemgetter
from typing import Any

from attrs import define, evolve, field, frozen
from rich.text import Text

from proxy.runtime.quantities import si

LENGTH = 400
"""Looks that are kept, one a second: more than a terminal has columns for."""

BARS = "▁▂▃▄▅▆▇█"
PLAIN_BARS = "_.,-=+*#"
"""Where a terminal's encoding has no blocks."""

LABEL = 20
"""Columns before the bars: what they are, and how much the highest may be."""

TICK_EVERY = 30
"""Seconds between two marks of the time axis."""

HOLDS = 3
"""Seconds that a look is drawn for, where the next one comes late."""

SHARED_FROM = 3
"""Rows from which on the budget is a line above the bars of what is drawn."""

_Look = tuple[int, float, float, float]
_Row = list[tuple[str, str]]


@frozen
class Bars:
    """What a terminal of some encoding can show.

    Attributes:
        levels: Of one cell, the lowest first.
        line: A level above bars.
        tick: A mark of the time axis.
        cut: The end of what does not fit.
    """

    levels: str
    line: str
    tick: str
    cut: str


BLOCKS = Bars(BARS, "─", "╵", "…")
PLAIN = Bars(PLAIN_BARS, "~", "|", "~")


@frozen
class _Series:
    """Values to draw; None where nothing is known."""

    name: str
    values: Sequence[float | None]
    most: float
    style: str
    unit: str = "W"


@define(eq=False, repr=False)
class PowerHistory:
    """What `status` said of each site in its last looks."""

    bars: Bars = BLOCKS
    _sites: dict[str, deque[_Look]] = field(factory=dict, init=False)

    def add(self, status: Any) -> None:
        """Remember one look; a proxy that was started again begins anew."""
        second = round(status["uptime_s"])
        present = {site["name"] for site in status["sites"]}
        self._sites = {n: looks for n, looks in self._sites.items() if n in present}
        for site in status["sites"]:
            looks = self._sites.setdefault(site["name"], deque(maxlen=LENGTH))
            if looks and looks[-1][0] > second:
                looks.clear()
            budget, power = site["budget_w"] or 0.0, site["power_w"] or 0.0
            looks.append((second, budget, power, site["hashrate_hs"]["1m"]))

    def chart(self, site: Any, width: int, height: int) -> list[Text]:
        """Return the newest that fits into `width` columns, the newest right.

        Args:
            site: As `status` has it.
            width: Columns, with the label.
            height: Rows, with the time axis; see `least_rows`.
        """
        looks = self._columns(site["name"], width - LABEL)
        if not looks:
            return []
        hashrate = _series("hashrate", "green", [look and look[3] for look in looks])
        hashrate = evolve(hashrate, unit="H/s")
        axis = self._axis(width)
        if site["budget_w"] is None:
            return [*self._bars(hashrate, height - 1), axis]
        budget = _series("budget", "cyan", [look and look[1] for look in looks])
        drawn = _series("drawn", "magenta", [look and look[2] for look in looks])
        most = max(budget.most, drawn.most)  # one scale for both
        upper = max(2, (height - 1) * 3 // 5)
        return [
            *self._power(evolve(budget, most=most), evolve(drawn, most=most), upper),
            *self._bars(hashrate, height - 1 - upper),
            axis,
        ]

    def _columns(self, name: str, width: int) -> list[_Look | None]:
        """Return what each second looked like; None: nothing is known of it."""
        looks = self._sites.get(name)
        if not looks or width < 1:
            return []
        last = looks[-1][0]
        columns: list[_Look | None] = [None] * width
        for look in looks:
            for second in range(look[0], min(look[0] + HOLDS, last + 1)):
                if second > last - width:
                    columns[second - last - 1] = look
        return columns

    def _power(
        self, budget: "_Series", drawn: "_Series", height: int
    ) -> Iterator[Text]:
        """Yield rows of what may be drawn and what is."""
        if height < SHARED_FROM:
            yield from self._bars(budget, 1)
            yield from self._bars(drawn, height - 1)
            return
        rows = self._cells(drawn, height)
        for x, watts in enumerate(budget.values):
            if watts is None or not budget.most:
                continue
            row = rows[-1 - min(height - 1, int(watts / budget.most * height))]
            cell, style = row[x]
            power = drawn.values[x] or 0.0
            if cell == " ":
                row[x] = self.bars.line, budget.style
            elif cell == self.bars.levels[-1] and power > watts:
                row[x] = self.bars.line, f"{budget.style} on {style}"
        key = Text(f" {self.bars.line * 2} {budget.name}".ljust(LABEL), budget.style)
        yield from _joined([_label(drawn), key], rows)

    def _bars(self, series: "_Series", height: int) -> Iterator[Text]:
        yield from _joined([_label(series)], self._cells(series, height))

    def _cells(self, series: "_Series", height: int) -> list[_Row]:
        """Return rows of cells, the highest first."""
        levels = self.bars.levels
        steps = len(levels)
        columns = []
        for value in series.values:
            full = _filled(value, series.most, height * steps)
            column = [min(steps, max(0, full - steps * y)) for y in range(height)]
            columns.append([levels[n - 1] if n else " " for n in column])
        return [
            [(column[y], series.style) for column in columns]
            for y in reversed(range(height))
        ]

    def _axis(self, width: int) -> Text:
        """Return when each column was."""
        now = f"now{self.bars.tick}"
        line = [" "] * (width - len(now))
        for age in range(TICK_EVERY, width - LABEL, TICK_EVERY):
            at = width - 1 - age
            mark = f"{self.bars.tick}-{age} s"
            if at + len(mark) < len(line):
                line[at : at + len(mark)] = mark
        return Text("".join(line) + now, "dim", no_wrap=True, overflow="crop")


def least_rows(site: Any) -> int:
    """Return the rows of the least chart of a site, its time axis with it."""
    return 2 if site["budget_w"] is None else 4


def bars_for(encoding: str) -> Bars:
    """Return bars that a terminal of this encoding can show."""
    try:
        f"{BARS}{BLOCKS.line}{BLOCKS.tick}{BLOCKS.cut}".encode(encoding)
    except (LookupError, UnicodeEncodeError):
        return PLAIN
    return BLOCKS


def _series(name: str, style: str, values: Sequence[float | None]) -> _Series:
    most = max((value for value in values if value is not None), default=0.0)
    return _Series(name, values, most, style)


def _filled(value: float | None, most: float, steps: int) -> int:
    """Return how many steps stand for `value`; one for nothing, none for unknown."""
    if value is None:
        return 0
    part = value / most if most else 0.0
    return min(steps, max(1, round(part * steps)))


def _label(series: _Series) -> Text:
    scale = si(series.most, series.unit)
    return Text(f" {series.name:8} {scale:>9} "[:LABEL].ljust(LABEL), "dim")


def _joined(labels: list[Text], rows: list[_Row]) -> Iterator[Text]:
    """Yield rows with labels before the first of them."""
    empty = Text(" " * LABEL)
    for number, row in enumerate(rows):
        label = labels[number] if number < len(labels) else empty
        line = Text(no_wrap=True, overflow="crop").append_text(label)
        # one span for cells alike: a code for each would be 20 kB a picture
        for style, cells in groupby(row, key=itemgetter(1)):
            line.append("".join(cell for cell, _ in cells), style)
        yield line
