"""Print how many branches the tests take, by package, and hold the floor.

Run by `make coverage`, with the path of a report that `coverage json` wrote.
"""

import json
import sys
from pathlib import Path
from typing import Any

FLOORS = {
    "protocol": 94,
    "proxy/jobs": 90,
    "proxy/power": 95,
    "proxy/shares": 91,
}
"""Percent of branches: just below what is measured. It is only ever raised."""


def branches_of(report: dict[str, Any], package: str) -> tuple[int, int]:
    """Return how many branches of `package` were taken, and how many it has."""
    found = [
        file["summary"]
        for name, file in report["files"].items()
        if name.startswith(f"{package}/")
    ]
    taken = sum(summary["covered_branches"] for summary in found)
    return taken, sum(summary["num_branches"] for summary in found)


def main(path: str) -> int:
    """Print a line for each package; 1 if one is below its floor."""
    report = json.loads(Path(path).read_text("utf-8"))
    is_below = False
    for package, floor in FLOORS.items():
        taken, number = branches_of(report, package)
        percent = 100 * taken / number
        is_below |= percent < floor
        sys.stdout.write(
            f"{package:14}{percent:6.1f} % of {number} branches; at least {floor} %\n"
        )
    return int(is_below)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
