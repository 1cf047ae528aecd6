"""Charts as SVG, drawn without any script."""

import math
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime
from html import escape

from attrs import frozen

WIDTH, HEIGHT = 760, 230
LEFT, RIGHT, TOP, BOTTOM = 62, 12, 12, 28
MAX_POINTS = 380
"""Half of the pixels: more would not be seen."""

_TICKS = 4


@frozen
class Point:
    """One moment of a chart.

    Attributes:
        at: Unix seconds.
        values: Of each line; None: there is none then.
    """

    at: float
    values: tuple[float | None, ...]


@frozen
class Line:
    """How a line is drawn.

    Attributes:
        name: In the legend.
        style: Class of the page's style sheet.
        is_step: It holds until the next point.
        is_area: What is under it is filled.
    """

    name: str
    style: str
    is_step: bool = False
    is_area: bool = False


@frozen
class Scale:
    """From figures to pixels."""

    begin: float
    end: float
    top: float

    def x(self, at: float) -> float:
        """Return the place of a moment."""
        part = (at - self.begin) / max(1e-9, self.end - self.begin)
        return LEFT + part * (WIDTH - LEFT - RIGHT)

    def y(self, value: float) -> float:
        """Return the place of a value, 0 at the bottom."""
        part = min(1.0, max(0.0, value / self.top))
        return HEIGHT - BOTTOM - part * (HEIGHT - TOP - BOTTOM)


def thinned(points: Sequence[Point], count: int = MAX_POINTS) -> list[Point]:
    """Return so many points at the most: of neighbours the mean, of lines the most."""
    size = max(1, math.ceil(len(points) / count))
    return [_mean(points[n : n + size]) for n in range(0, len(points), size)]


def timed(
    title: str,
    points: Sequence[Point],
    lines: Sequence[Line],
    shown: Callable[[float], str],
) -> str:
    """Return a chart of lines over time.

    Args:
        title: For who does not see it.
        points: In the order of time.
        lines: One for each value of a point.
        shown: A value as text.
    """
    values = [v for p in points for v in p.values if v is not None]
    if not points or not values:
        return ""
    top = _rounded_up(max(values))
    scale = Scale(points[0].at, points[-1].at, top)
    drawn = "".join(_drawn(points, n, line, scale) for n, line in enumerate(lines))
    legend = " ".join(
        f'<span class="key {line.style}">{escape(line.name)}</span>' for line in lines
    )
    return (
        f'<figure><figcaption>{escape(title)} <span class="legend">{legend}</span>'
        f'</figcaption><svg viewBox="0 0 {WIDTH} {HEIGHT}" role="img"'
        f' aria-label="{escape(title)}">{"".join(_grid(scale, shown))}{drawn}</svg>'
        "</figure>"
    )


def bars(
    title: str, rows: Sequence[tuple[str, float, bool]], limit: float, unit: str
) -> str:
    """Return a chart of bars, and a line at a limit.

    Args:
        title: For who does not see it.
        rows: What each is called, how long, whether it is as it should be.
        limit: Where the line is.
        unit: Of both.
    """
    if not rows:
        return ""
    top = _rounded_up(max(limit, *(value for _, value, _ in rows)))
    height = 22 * len(rows) + 26
    left, right = 190, 70

    def x(value: float) -> float:
        return left + value / top * (WIDTH - left - right)

    drawn = []
    for number, (name, value, is_good) in enumerate(rows):
        y = 6 + 22 * number
        style = "good" if is_good else "bad"
        drawn.append(
            f'<text x="{left - 8}" y="{y + 12}" class="label end">{escape(name)}</text>'
            f'<rect class="{style}" x="{left}" y="{y}" height="15" rx="2"'
            f' width="{max(1.0, x(value) - left):.1f}"/>'
            f'<text x="{x(value) + 6:.1f}" y="{y + 12}" class="label">{value:.0f}'
            f" {unit}</text>"
        )
    end = height - 20
    drawn.append(
        f'<path class="limit" d="M{x(limit):.1f} 0V{end}"/>'
        f'<text x="{x(limit):.1f}" y="{height - 6}" class="label middle">{limit:.0f}'
        f" {unit} allowed</text>"
    )
    return (
        f"<figure><figcaption>{escape(title)}</figcaption>"
        f'<svg viewBox="0 0 {WIDTH} {height}" role="img" aria-label="{escape(title)}">'
        f"{''.join(drawn)}</svg></figure>"
    )


def _drawn(points: Sequence[Point], number: int, line: Line, scale: Scale) -> str:
    return "".join(
        _run(run, line, scale) for run in _runs(points, number) if len(run) > 1
    )


def _runs(points: Sequence[Point], number: int) -> Iterator[list[tuple[float, float]]]:
    """Yield the parts of a line between its gaps."""
    run: list[tuple[float, float]] = []
    for point in points:
        value = point.values[number]
        if value is None:
            yield run
            run = []
        else:
            run.append((point.at, value))
    yield run


def _run(run: Sequence[tuple[float, float]], line: Line, scale: Scale) -> str:
    places: list[tuple[float, float]] = []
    for at, value in run:
        x, y = scale.x(at), scale.y(value)
        if line.is_step and places:
            places.append((x, places[-1][1]))
        places.append((x, y))
    path = "M" + "L".join(f"{x:.1f} {y:.1f}" for x, y in places)
    drawn = f'<path class="line {line.style}" d="{path}"/>'
    if not line.is_area:
        return drawn
    floor = HEIGHT - BOTTOM
    area = f"{path}L{places[-1][0]:.1f} {floor}L{places[0][0]:.1f} {floor}Z"
    return f'<path class="area {line.style}" d="{area}"/>{drawn}'


def _grid(scale: Scale, shown: Callable[[float], str]) -> Iterator[str]:
    for number in range(_TICKS + 1):
        value = scale.top * number / _TICKS
        y = scale.y(value)
        yield f'<path class="grid" d="M{LEFT} {y:.1f}H{WIDTH - RIGHT}"/>'
        text = escape(shown(value))
        yield f'<text class="label end" x="{LEFT - 6}" y="{y + 4:.1f}">{text}</text>'
    spelled = _spelling(scale.end - scale.begin)
    for number in range(_TICKS + 1):
        at = scale.begin + (scale.end - scale.begin) * number / _TICKS
        where = ("start", "middle", "middle", "middle", "end")[number]
        text = datetime.fromtimestamp(at, UTC).strftime(spelled)
        yield (
            f'<text class="label {where}" x="{scale.x(at):.1f}" y="{HEIGHT - 8}">'
            f"{text}</text>"
        )


def _spelling(seconds: float) -> str:
    """Return how times are written on an axis that is so long."""
    return "%d %b %Y" if seconds > 40 * 86400 else "%d %b %H:%M"


def _mean(points: Sequence[Point]) -> Point:
    columns = zip(*(p.values for p in points), strict=True)
    found = [[v for v in column if v is not None] for column in columns]
    means = tuple(sum(v) / len(v) if v else None for v in found)
    return Point(points[0].at, means)


def _rounded_up(value: float) -> float:
    """Return the next round figure above."""
    if value <= 0:
        return 1.0
    size = 10.0 ** math.floor(math.log10(value))
    return next(
        s * size for s in (1, 1.5, 2, 2.5, 3, 4, 5, 6, 8, 10) if s * size >= value
    )
