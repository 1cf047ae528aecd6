"""What the ledger said it had is there after kill -9, and is counted once."""

import signal
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest

from protocol.units import Seconds, UnixTime
from proxy.shares.database import open_database
from proxy.shares.ledger import SqliteLedger

COMMITTER = """
import itertools, sys
from pathlib import Path
from protocol.units import Difficulty, UnixTime, WorkerName
from protocol.work.share import JudgedShare, Verdict
from proxy.shares.database import open_database
from proxy.shares.ledger import SqliteLedger

wall = [1_700_000_000.0]
ledger = SqliteLedger(
    open_database(Path(sys.argv[1]), durability="process"),
    keep=86400.0, max_bytes=1 << 40,
    wall_clock=lambda: UnixTime(wall[0]), on_alarm=print,
)
for batch in itertools.count(int(sys.argv[2])):
    wall[0] += 7.0
    shares = [
        JudgedShare(
            at=UnixTime(wall[0]), site="hall-a", worker=WorkerName(f"rig{n % 5}"),
            job_id="1", difficulty=Difficulty(2.0), verdict=Verdict.ACCEPTED,
            hash=batch.to_bytes(24, "big") + n.to_bytes(8, "big"),
        )
        for n in range(16)
    ]
    ledger.commit(shares, [])
    ledger.roll_up()
    print(batch, flush=True)
"""


def commit_and_die(path: Path, first: int, lines: int) -> list[int]:
    """Kill a committer after it has told of `lines` batches; return those."""
    child = subprocess.Popen(  # noqa: S603
        [sys.executable, "-c", COMMITTER, str(path), str(first)],
        stdout=subprocess.PIPE,
        cwd=Path(__file__).parents[2],
    )
    assert child.stdout is not None
    told = [int(child.stdout.readline()) for _ in range(lines)]
    child.send_signal(signal.SIGKILL)
    told += [int(line) for line in child.stdout.read().split(b"\n")[:-1] if line]
    child.wait()
    child.stdout.close()
    return told


def reopen(path: Path) -> None:
    """Let the ledger find what its killed process had not summed."""
    SqliteLedger(
        open_database(path, durability="process"),
        keep=Seconds(86400.0),
        max_bytes=1 << 40,
        wall_clock=lambda: UnixTime(1_700_900_000.0),
        on_alarm=print,
    ).close()


@pytest.mark.integration
def test_what_was_told_is_there_and_counted_once_after_each_kill(
    tmp_path: Path,
) -> None:
    path = tmp_path / "ledger.sqlite3"
    batches: list[int] = []
    for first, lines in ((0, 1), (10_000, 13), (20_000, 40)):
        batches += commit_and_die(path, first, lines)

    reopen(path)
    database = sqlite3.connect(path)
    (rows, distinct) = database.execute(
        "SELECT count(*), count(DISTINCT hash) FROM share"
    ).fetchone()
    told = {
        (batch.to_bytes(24, "big") + n.to_bytes(8, "big"))[::-1].hex()
        for batch in batches
        for n in range(16)
    }
    kept = {row[0] for row in database.execute("SELECT hash FROM share")}
    sums = [
        database.execute(f"SELECT sum(accepted), sum(work) FROM {table}").fetchone()  # noqa: S608
        for table in ("work_minute", "work_hour", "work_day")
    ]
    database.close()

    assert told <= kept
    assert rows == distinct
    assert sums == [(rows, 2.0 * rows)] * 3
