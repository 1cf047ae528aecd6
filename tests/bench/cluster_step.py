"""A leader's step at a gigawatt, 60 halls with 32 rows of need: CPU time, best of 5."""

import sys
import time

from attrs import evolve

from protocol.units import Seconds
from proxy.power.allotment.allot import allot, watch
from proxy.power.allotment.rows import MAX_NEEDS, Grant, Need, Row, Seen, Term, Times

HALLS = 60
TIMES = Times(Seconds(1.0), Seconds(10.0), Seconds(3.0))


def main() -> None:
    """Print what a step takes."""
    need = tuple(
        Need(n % 4, 15 + n, 200_000, 312_500 + 1000 * n) for n in range(MAX_NEEDS)
    )
    out = ((1, 8_000_000),)
    rows = {f"hall-{n}": _row(n, need) for n in range(HALLS)}
    grants = {name: Grant(1, 1, 8_000_000, out, 7, 40) for name in rows}
    seen: dict[str, Seen] = watch(_term(0.0), rows, grants, {})
    rows = {name: evolve(row, seq=row.seq + 1) for name, row in rows.items()}
    best = min(_step(rows, grants, seen) for _ in range(5))
    sys.stdout.write(f"{HALLS} halls, {MAX_NEEDS} rows each: {best * 1e3:.1f} ms\n")


def _row(number: int, need: tuple[Need, ...]) -> Row:
    return Row(7, 40 + number, 1, 1, 8_000_000, 500_000, need=need)


def _term(now: float) -> Term:
    return Term(1, Seconds(0.0), Seconds(now), 500_000_000, TIMES)


def _step(
    rows: dict[str, Row], grants: dict[str, Grant], seen: dict[str, Seen]
) -> float:
    began = time.process_time()
    now = _term(20.0)
    allot(now, rows, grants, watch(now, rows, grants, seen))
    return time.process_time() - began


if __name__ == "__main__":
    main()
