"""`baseload run` and its state folder: nobody else's, and left as it was."""

import signal
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest

from tests.older_state import copy_state
from tests.support import PATIENCE

CONFIG = """
[proxy]
admin = "unix:{name}.sock"
[[pools]]
name = "main"
url = "stratum+tcp://127.0.0.1:9"
user = "site"
[[sites]]
name = "hall-a"
listen = ["tcp:0:interface=127.0.0.1"]
sources = ["main"]
"""

SHARE_UNDER_WAY = (
    "INSERT INTO upstream (at, site, pool, worker, job, hash, difficulty)"
    " VALUES (1, 'hall-a', 'main', 'rig1', '1', 'ab', 1)"
)
SHARE_NOT_IN_THE_SUMS = (
    "INSERT INTO share (at, site, worker, job, difficulty, verdict, hash)"
    " VALUES (1, 'hall-a', 'rig1', '1', 1, 'accepted', 'ab')"
)


def write(folder: Path, name: str) -> Path:
    path = folder / f"{name}.toml"
    path.write_text(CONFIG.format(name=name))
    return path


def start(config: Path, *words: str) -> subprocess.Popen[str]:
    return subprocess.Popen(  # noqa: S603
        [sys.executable, "-m", "proxy.cli", "run", "-c", str(config), *words],
        stderr=subprocess.PIPE,
        text=True,
    )


def until_ready(process: subprocess.Popen[str]) -> None:
    assert process.stderr is not None
    for line in process.stderr:
        if line.endswith("is ready\n"):
            return
    raise AssertionError("it ended")


def stop(process: subprocess.Popen[str]) -> None:
    process.send_signal(signal.SIGTERM)
    process.communicate(timeout=PATIENCE)


def rows(path: Path, *statements: str) -> list[tuple[object, ...]]:
    database = sqlite3.connect(path, isolation_level=None, timeout=PATIENCE)
    found = [database.execute(one).fetchall() for one in statements][-1]
    database.close()
    return found


@pytest.mark.integration
@pytest.mark.parametrize("name", ["first", "second"])
def test_a_second_one_is_refused_and_has_touched_nothing(
    name: str, tmp_path: Path
) -> None:
    first = start(write(tmp_path, "first"))
    try:
        until_ready(first)
        ledger = tmp_path / "state" / "ledger.sqlite3"
        rows(ledger, SHARE_UNDER_WAY, SHARE_NOT_IN_THE_SUMS)

        second = start(write(tmp_path, name))
        _, said = second.communicate(timeout=PATIENCE)
    finally:
        stop(first)

    assert second.returncode == 1
    assert said.startswith("baseload: ")
    assert said.count("\n") == 1
    assert f"in use by process {first.pid}:" in said
    assert rows(ledger, "SELECT verdict FROM upstream") == [("pending",)]
    assert rows(ledger, "SELECT count(*) FROM work_day") == [(0,)]


@pytest.mark.integration
def test_what_a_killed_one_had_is_to_be_had(tmp_path: Path) -> None:
    first = start(write(tmp_path, "first"))
    until_ready(first)
    first.kill()
    first.communicate(timeout=PATIENCE)

    second = start(write(tmp_path, "second"))
    until_ready(second)
    stop(second)

    assert second.returncode == 0


@pytest.mark.integration
def test_a_damaged_ledger_is_refused_until_it_is_to_be_moved_aside(
    tmp_path: Path,
) -> None:
    config = write(tmp_path, "first")
    ledger = tmp_path / "state" / "ledger.sqlite3"
    first = start(config)
    until_ready(first)
    rows(ledger, SHARE_NOT_IN_THE_SUMS)
    first.kill()
    first.communicate(timeout=PATIENCE)
    log = ledger.with_name("ledger.sqlite3-wal")
    with log.open("r+b") as file:
        file.seek(log.stat().st_size - 2000)
        file.write(b"\xa5" * 1000)

    refused = start(config)
    _, said = refused.communicate(timeout=PATIENCE)
    recovered = start(config, "--recover")
    until_ready(recovered)
    stop(recovered)

    assert refused.returncode == 1
    assert said.startswith(f"baseload: {ledger} is damaged: its write-ahead log ")
    assert said.count("\n") == 1
    assert "baseload run --recover" in said
    assert recovered.returncode == 0
    assert len(list(ledger.parent.glob("ledger.sqlite3.damaged-*[0-9]"))) == 1
    assert rows(ledger, "SELECT count(*) FROM share") == [(0,)]


@pytest.mark.integration
@pytest.mark.parametrize("name", ["ledger.sqlite3", "controller.sqlite3"])
def test_a_newer_release_is_not_undone(name: str, tmp_path: Path) -> None:
    state = copy_state(tmp_path)
    rows(state / name, "PRAGMA user_version = 99")
    config = write(tmp_path, "first")
    with config.open("a") as file:
        file.write("[sites.power]\nbudget_w = 1000\nfail_safe_w = 0\n")

    refused = start(config, "--recover")
    _, said = refused.communicate(timeout=PATIENCE)

    assert refused.returncode == 1
    sentence = f"baseload: {state / name} has schema 99, this release knows up to "
    assert said.splitlines()[-1].startswith(sentence)
    assert rows(state / name, "PRAGMA user_version") == [(99,)]
