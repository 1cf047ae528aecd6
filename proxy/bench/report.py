"""What a run found: as one JSON document, and as tables with ratios."""

from collections.abc import Sequence

import msgspec
from attrs import frozen

from proxy.bench.figures import Column, Figures
from proxy.version import VERSION

SUBJECT = "baseload"
"""The server that the others are set beside."""


@frozen
class Result:
    """What one scenario found.

    Attributes:
        title: What was done, in words.
        rounds: The figures of each server, one for each round.
    """

    scenario: str
    title: str
    columns: tuple[Column, ...]
    rounds: dict[str, list[Figures]]


class ServerView(msgspec.Struct, frozen=True):
    """A server's figures: of each round, and what stands for all of them."""

    name: str
    summary: dict[str, float | None]
    rounds: list[Figures]


class RatioView(msgspec.Struct, frozen=True):
    """Figures of one server divided by those of another, by their names."""

    of: str
    to: str
    values: dict[str, float | None]


class ResultView(msgspec.Struct, frozen=True):
    """A scenario as the document has it."""

    scenario: str
    title: str
    servers: list[ServerView]
    ratios: list[RatioView]


class Document(msgspec.Struct, frozen=True, kw_only=True):
    """All that `--json` prints.

    Attributes:
        hashing: Code that the load hashes with: "sha-ni", "armv8" or "portable".
        has_own_core: The server under load shared its processor with no part of ours.
    """

    version: str = VERSION
    engine: str
    hashing: str
    has_own_core: bool
    results: list[ResultView]


def view_of(result: Result) -> ResultView:
    """Return a result as the document has it."""
    servers = [
        ServerView(name, {c.key: c.of(rounds) for c in result.columns}, rounds)
        for name, rounds in result.rounds.items()
    ]
    ratios = [
        RatioView(SUBJECT, other, _ratios(result, other)) for other in _others(result)
    ]
    return ResultView(result.scenario, result.title, servers, ratios)


def table_of(result: Result) -> str:
    """Return a result as text: a line for each server, and one for each ratio."""
    rows = [["", *(column.title for column in result.columns)]]
    for name, rounds in result.rounds.items():
        rows.append([name, *(_shown(c, c.of(rounds)) for c in result.columns)])
    for other in _others(result):
        ratios = _ratios(result, other).values()
        rows.append([f"{SUBJECT} / {other}", *map(_ratio_shown, ratios)])
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = [result.title, *(_line(row, widths) for row in rows)]
    return "\n".join(lines) + "\n"


def _others(result: Result) -> list[str]:
    return [name for name in result.rounds if name != SUBJECT]


def _ratios(result: Result, other: str) -> dict[str, float | None]:
    ours, theirs = result.rounds[SUBJECT], result.rounds[other]
    return {c.key: c.ratio(ours, theirs) for c in result.columns}


def _shown(column: Column, value: float | None) -> str:
    return "-" if value is None else format(value, column.form)


def _ratio_shown(value: float | None) -> str:
    return "" if value is None else f"{value:.2f}"


def _line(row: Sequence[str], widths: Sequence[int]) -> str:
    first, *others = widths
    cells = [text.rjust(width) for text, width in zip(row[1:], others, strict=True)]
    return "  ".join([row[0].ljust(first), *cells]).rstrip()
