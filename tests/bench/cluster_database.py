"""What a gigawatt asks of one PostgreSQL: polls, an order's way, copies, sizes of rows.

    python -m tests.bench.cluster_database [--seconds 20] [--rows 500000]

On a server of its own (Debian's) and this machine's disk; a network adds its own trips.
"""

import argparse
import asyncio
import statistics
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from tempfile import mkdtemp
from typing import Any

import psycopg

from protocol.units import Seconds
from proxy.cluster.found import Figures, Place
from proxy.cluster.migrate import migrate
from proxy.cluster.session import connect
from proxy.cluster.ship_tables import BATCH
from proxy.cluster.tables import enlist, look, poll
from proxy.power.allotment.rows import MAX_NEEDS, Need, Row
from tests.cluster.postgres import Postgres, why_not

HALLS = 60
NEED = tuple(Need(n % 4, 15 + n, 200_000, 312_500) for n in range(MAX_NEEDS))


async def polls(url: str, seconds: float) -> list[float]:
    """Return how long each poll of all halls took, once a second each."""
    took: list[float] = []

    async def member(number: int) -> None:
        connection = await connect(url, f"member {number}", durable=False)
        async with connection.transaction():
            life = await enlist(connection, f"hall-{number}", number)
        await asyncio.sleep(number / HALLS)
        for seq in range(1, int(seconds) + 1):
            row = Row(life or 1, seq, 1, 1, 8_000_000, 500_000, Seconds(170.0), NEED)
            began = time.perf_counter()
            async with connection.transaction():
                await poll(connection, Place("plant", f"hall-{number}"), row, Figures())
            took.append(time.perf_counter() - began)
            await asyncio.sleep(max(0.0, began + 1.0 - time.perf_counter()))
        await connection.close()

    await asyncio.gather(*(member(number) for number in range(HALLS)))
    return took


async def looks(url: str, count: int) -> list[float]:
    """Return how long a candidate's looks at all halls take."""
    connection = await connect(url, "candidate", durable=True)
    took = []
    for _ in range(count):
        began = time.perf_counter()
        async with connection.transaction():
            await look(connection, "plant")
        took.append(time.perf_counter() - began)
    await connection.close()
    return took


def sums(count: int) -> Iterator[tuple[Any, ...]]:
    """Yield sums by minute of a hall of 10,000 machines."""
    for n in range(count):
        yield (
            1,
            "hall-a",
            f"rack-{n % 10_000:05d}.a",
            29_000_000 + n // 10_000,
            20,
            0,
            1.3e6,
        )


def shares(count: int) -> Iterator[tuple[Any, ...]]:
    """Yield single shares of it."""
    for n in range(count):
        hash_ = n.to_bytes(32, "little")
        worker = f"rack-{n % 10_000:05d}.a"
        yield (
            1,
            n + 1,
            1.78e9 + n / 3300,
            "hall-a",
            worker,
            "5f",
            65536.0,
            "accepted",
            hash_,
        )


def copied(url: str, into: str, rows: list[tuple[Any, ...]]) -> float:
    """Return rows a second, in transactions of the shipper's size."""
    with psycopg.connect(url, options="-c search_path=baseload") as connection:
        began = time.perf_counter()
        for begin in range(0, len(rows), BATCH):
            with connection.cursor().copy(f"COPY {into} FROM STDIN".encode()) as copy:
                for row in rows[begin : begin + BATCH]:
                    copy.write_row(row)
            connection.commit()
        return len(rows) / (time.perf_counter() - began)


def bytes_of_row(url: str, table: str, count: int) -> tuple[float, float]:
    """Return bytes of a row, and of its indexes."""
    sql = (
        "SELECT sum(pg_relation_size(relid)), sum(pg_indexes_size(relid))"
        " FROM pg_partition_tree(%s)"
    )
    with psycopg.connect(url, options="-c search_path=baseload") as connection:
        found = connection.execute(sql, (table,)).fetchone()
    assert found is not None
    return float(found[0]) / count, float(found[1]) / count


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=20.0)
    parser.add_argument("--rows", type=int, default=500_000)
    options = parser.parse_args()
    if reason := why_not():
        sys.stderr.write(f"{reason}\n")
        return 1
    server = Postgres(Path(mkdtemp(prefix="baseload-pg-")))
    server.make()
    try:
        migrate(server.url, ["plant"])
        measure(server.url, options)
    finally:
        server.remove()
    return 0


def measure(url: str, options: argparse.Namespace) -> None:
    told = [1e3 * one for one in asyncio.run(polls(url, options.seconds))]
    shown = [1e3 * one for one in asyncio.run(looks(url, 50))]
    say = sys.stdout.write
    say(f"{HALLS} halls poll once a second: {_spread(told)}\n")
    say(f"a candidate's look at all of them: {_spread(shown)}\n")
    for table, columns, rows in (
        ("work_minute", "proxy, site, worker, minute, accepted, rejected, work", sums),
        (
            "share",
            "proxy, id, at, site, worker, job, difficulty, verdict, hash",
            shares,
        ),
    ):
        speed = copied(url, f"{table} ({columns})", list(rows(options.rows)))
        heap, index = bytes_of_row(url, table, options.rows)
        say(
            f"COPY of {table}: {speed:.0f} rows/s, {heap:.0f} B a row and {index:.0f} B"
        )
        say(" of index\n")


def _spread(ms: list[float]) -> str:
    p99 = statistics.quantiles(ms, n=100)[98]
    return f"p50 {statistics.median(ms):.1f} ms, p99 {p99:.1f} ms, most {max(ms):.1f}"


if __name__ == "__main__":
    sys.exit(main())
