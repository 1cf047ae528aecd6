"""The table of `baseload help devices`, of what was seen of each maker's firmware."""

from collections.abc import Sequence

from attrs import frozen

from proxy.power.ports import DeviceReport

HEADER = "| firmware | says of itself | sleep | wake | limit |"


@frozen
class Row:
    """What was seen of one firmware.

    Attributes:
        report: What a machine at work said.
        sleeps, wakes, limits: A command was acknowledged, obeyed, and read back.
    """

    firmware: str
    report: DeviceReport
    sleeps: bool
    wakes: bool
    limits: bool


def table(rows: Sequence[Row]) -> str:
    """Return the table in Markdown, its columns in line."""
    cells = [[r.firmware, _says(r.report), *map(_mark, _commands(r))] for r in rows]
    cells.insert(0, [cell.strip() for cell in HEADER.strip("|").split("|")])
    widths = [max(len(line[k]) for line in cells) for k in range(len(cells[0]))]
    lines = [
        "| " + " | ".join(c.ljust(w) for c, w in zip(line, widths, strict=True)) + " |"
        for line in cells
    ]
    lines.insert(1, "|" + "|".join("-" * (width + 2) for width in widths) + "|")
    return "\n".join(lines)


def _commands(row: Row) -> tuple[bool, bool, bool]:
    return row.sleeps, row.wakes, row.limits


def _mark(can: bool) -> str:  # noqa: FBT001  (a cell)
    return "yes" if can else "no"


def _says(report: DeviceReport) -> str:
    words = {
        "watts": report.power_w is not None,
        "TH/s": report.hashrate_hs is not None,
        "limit": report.limit_w is not None,
        "pools": bool(report.pool_urls),
    }
    return ", ".join(word for word, is_said in words.items() if is_said)
