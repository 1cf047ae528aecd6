"""Tables, spans and moments as text."""

from datetime import UTC, datetime


def table(header: list[str], rows: list[list[str]]) -> str:
    """Return rows in aligned columns."""
    lines = [header, *rows]
    widths = [max(len(line[i]) for line in lines) for i in range(len(header))]
    text = "\n".join(
        "  ".join(c.ljust(w) for c, w in zip(line, widths, strict=True)).rstrip()
        for line in lines
    )
    return text + "\n"


def span(seconds: float) -> str:
    """Return a duration in the unit that suits it."""
    if seconds < 120:  # noqa: PLR2004  (two of each unit)
        return f"{seconds:.0f} s"
    if seconds < 7200:  # noqa: PLR2004
        return f"{seconds / 60:.0f} min"
    return f"{seconds / 3600:,.0f} h"


def minute(at: float) -> str:
    """Return a moment, Unix seconds, to the minute in UTC."""
    return datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%d %H:%M")
