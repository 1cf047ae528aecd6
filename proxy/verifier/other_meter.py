"""A second meter, of somebody else, against the site's: each quarter of an hour."""

import csv
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from io import TextIOWrapper
from pathlib import Path

from proxy.regular_file import open_regular
from proxy.verifier.meter import QUARTER
from proxy.verifier.report import Findings

MOST = 0.005
"""Two class 0.5 meters differ by no more over a quarter of an hour, where they are
wired alike."""

_MAX_ROWS = 2_200_000
"""Four years of minutes."""

ENOUGH = 0.99
"""Of the seconds of a quarter of an hour: the missing ones are taken to be as these."""

_WH = 3600.0


def read_other(path: Path) -> dict[int, float]:
    """Return joules by the beginning of their quarter of an hour.

    The file has two columns: when a quarter begins (Unix seconds, or ISO 8601) and its
    watt-hours. A first line of words is passed over. With a third column, how many
    seconds were read, rows may be of shorter times, as in a witness's `meter.csv`.

    Raises:
        ValueError: It has something else; the message names the line.
        OSError: It cannot be read.
    """
    found: dict[int, list[float]] = {}
    with TextIOWrapper(open_regular(path), "utf-8", newline="") as file:
        for number, row in enumerate(csv.reader(file), 1):
            if number > _MAX_ROWS:
                raise ValueError(f"{path}: more than {_MAX_ROWS} rows")
            if not row or (number == 1 and not _is_number(row[-1])):
                continue
            try:
                seconds = float(row[2]) if len(row) > 2 else QUARTER  # noqa: PLR2004
                sums = found.setdefault(_moment(row[0]), [0.0, 0.0])
                sums[0] += float(row[1]) * _WH
                sums[1] += seconds
            except (ValueError, IndexError) as error:
                why = "expected the beginning of a quarter of an hour and watt-hours"
                raise ValueError(f"{path}, line {number}: {why}") from error
    return {
        at: joules * QUARTER / seconds
        for at, (joules, seconds) in found.items()
        if ENOUGH * QUARTER <= seconds <= QUARTER
    }


def hold(
    ours: Mapping[int, float], other: Mapping[int, float], findings: Findings
) -> float | None:
    """Compare each quarter that both have; return the largest difference, relative."""
    differences = dict(_differences(ours, other))
    for quarter, difference in differences.items():
        if abs(difference) > MOST:
            text = f"the site's meter says {100 * difference:+.1f} % of the other one"
            findings.fault(text, None, float(quarter))
    if not differences:
        findings.note(
            "no quarter of an hour is in the log and in the other meter's file"
        )
    return max((abs(one) for one in differences.values()), default=None)


def _differences(
    ours: Mapping[int, float], other: Mapping[int, float]
) -> Iterator[tuple[int, float]]:
    for quarter in sorted(ours.keys() & other.keys()):
        if other[quarter] > 0:
            yield quarter, ours[quarter] / other[quarter] - 1.0


def _moment(text: str) -> int:
    if _is_number(text):
        at = float(text)
    else:
        found = datetime.fromisoformat(text)
        at = (found if found.tzinfo else found.replace(tzinfo=UTC)).timestamp()
    return int(at) // QUARTER * QUARTER


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True
