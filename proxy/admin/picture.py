"""Lay out one picture of a proxy for the columns and rows that a terminal has."""

from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from typing import Any

from attrs import field, frozen
from rich.console import Console, ConsoleOptions, RenderableType, RenderResult
from rich.segment import Segment
from rich.text import Text

from proxy.admin import top_tables
from proxy.admin.history import BLOCKS, PowerHistory, least_rows
from proxy.admin.look import Happening, Look

ALARMS_OF = 4
"""Alarms take one row in so many at the most; the others are counted."""

UNBOUNDED_EVENTS = 10
"""Events where the picture may be as high as it likes."""

EVENTS_OF = 3
"""Events have up to one row in so many of those that tables leave, and what charts
spare; what they do not fill is the charts'."""

TALLEST = 40
"""Rows of a site's chart beyond which it says no more."""

Line = list[Segment]


@frozen
class Picture:
    """A look at a proxy, as rich draws it.

    Attributes:
        look: What is drawn.
        history: What went before.
        foot: Below everything.
        fills: It may take all rows of the terminal, and no more.
    """

    look: Look
    history: PowerHistory = field(factory=PowerHistory)
    foot: tuple[Text, ...] = ()
    fills: bool = True

    def __rich_console__(
        self, console: Console, options: ConsoleOptions
    ) -> RenderResult:
        """Yield lines: tables, then charts and events in the rows that are left."""
        width = options.max_width
        height = console.size.height if self.fills else None
        flat = options.update(height=None)
        drawn = self._tables(width, height)
        lines = _lines(console, flat, drawn)
        foot = _lines(console, flat, self.foot)
        left = None if height is None else height - len(lines) - len(foot)
        below = _lines(console, flat, self._below(width, left))
        for line in [*lines, *below, *foot][:height]:
            yield from (self._shown(segment) for segment in line)
            yield Segment.line()

    def _shown(self, segment: Segment) -> Segment:
        if self.history.bars is BLOCKS:
            return segment
        text = segment.text.replace(BLOCKS.cut, self.history.bars.cut)
        return Segment(text, segment.style, segment.control)

    def _tables(self, width: int, height: int | None) -> Iterator[RenderableType]:
        status = self.look.status
        yield top_tables.head(status)
        yield top_tables.sites(status["sites"], width)
        powered = [site for site in status["sites"] if site["budget_w"] is not None]
        if powered:
            yield top_tables.power(powered, width)
            yield from self._alarms(powered, height)
        if self.look.machines:
            yield top_tables.machines(self.look.machines)
        if status["pools"]:
            yield top_tables.pools(status["pools"])
        if status["nodes"]:
            yield top_tables.nodes(status["nodes"], width)

    def _alarms(self, sites: Any, height: int | None) -> Iterator[Text]:
        texts = [(site["name"], text) for site in sites for text in site["alarms"]]
        most = len(texts) if height is None else max(1, height // ALARMS_OF)
        for name, text in texts[:most]:
            yield top_tables.alarm(name, text)
        if len(texts) > most:
            yield Text(f" and {len(texts) - most} alarms more", "bold red")

    def _below(self, width: int, left: int | None) -> Iterator[Text]:
        """Yield charts and events in `left` rows; None: as many as they like."""
        if left is None:
            yield from self._events(UNBOUNDED_EVENTS + 1)
            return
        told = min(left // EVENTS_OF, len(self.look.events) + 1)
        charts = list(self._charts(width, left - told))
        yield from charts
        yield from self._events(left - len(charts))

    def _charts(self, width: int, left: int) -> Iterator[Text]:
        """Yield charts of as many sites as there is room for, all equally high."""
        sites = self.look.status["sites"]
        title = 1 if len(sites) > 1 else 0
        least = max((least_rows(site) for site in sites), default=1) + title
        fitting = sites[: max(0, left) // least]
        for site in fitting:
            rows = min(TALLEST, left // len(fitting) - title)
            drawn = self.history.chart(site, width, rows)
            if drawn and title:
                yield Text(f" {site['name']}", "bold")
            yield from drawn

    def _events(self, rows: int) -> Iterator[Text]:
        if rows <= 1 or not self.look.events:
            return
        yield Text(" LAST EVENTS (UTC)", "dim")
        for event in self.look.events[: rows - 1]:
            yield _event(event)


def _event(event: Happening) -> Text:
    moment = datetime.fromtimestamp(event.at, tz=UTC)
    return Text(f" {moment:%H:%M:%S}  {event.text}", no_wrap=True, overflow="ellipsis")


def _lines(
    console: Console, options: ConsoleOptions, parts: Iterable[RenderableType]
) -> list[Line]:
    return [line for p in parts for line in console.render_lines(p, options, pad=False)]
