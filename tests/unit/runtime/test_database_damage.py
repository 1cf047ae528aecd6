"""What is broken is refused before it is read, and moved aside whole."""

import shutil
import sqlite3
from collections.abc import Callable
from pathlib import Path

import pytest

from proxy.runtime.database_damage import inspect, read_whole, set_aside
from proxy.runtime.database_file import DamagedFileError, DatabaseKind, open_file

KIND = DatabaseKind("notebook", {1: "CREATE TABLE note (x)"})


def killed(folder: Path) -> Path:
    """Return a file of some pages, with a log of as many, as a kill leaves them."""
    alive = folder / "alive"
    alive.mkdir()
    database = open_file(alive / "n.sqlite3", KIND, busy_s=0.1)
    for _ in range(2):
        for _ in range(50):
            database.execute("INSERT INTO note VALUES (randomblob(3000))")
        database.execute("PRAGMA wal_autocheckpoint = 0")
    shutil.copytree(alive, folder / "dead")
    database.close()
    return folder / "dead" / "n.sqlite3"


def stopped(folder: Path) -> Path:
    """Return a file of some pages, as an orderly end leaves it."""
    database = open_file(folder / "n.sqlite3", KIND, busy_s=0.1)
    for _ in range(50):
        database.execute("INSERT INTO note VALUES (randomblob(3000))")
    database.close()
    return folder / "n.sqlite3"


def beside(path: Path, suffix: str) -> Path:
    return path.with_name(path.name + suffix)


def overwrite(path: Path, at: int, count: int = 100) -> None:
    with path.open("r+b") as file:
        file.seek(at)
        file.write(b"\xa5" * count)


def halve(path: Path) -> None:
    with path.open("r+b") as file:
        file.truncate(path.stat().st_size // 2)


def fault(path: Path, *, is_same_boot: bool = True) -> str:
    with pytest.raises(DamagedFileError) as damaged:
        inspect(path, is_same_boot=is_same_boot)
    assert f"{path} is damaged: " in str(damaged.value)
    assert "baseload run --recover" in str(damaged.value)
    assert "\n" not in str(damaged.value)
    return damaged.value.fault


@pytest.mark.parametrize("is_same_boot", [True, False])
@pytest.mark.parametrize("left_by", [killed, stopped])
def test_what_a_kill_or_an_end_left_is_whole(
    left_by: Callable[[Path], Path], tmp_path: Path, *, is_same_boot: bool
) -> None:
    path = left_by(tmp_path)

    assert inspect(path, is_same_boot=is_same_boot) == ""
    read_whole(path)


def test_nothing_is_wrong_with_no_file(tmp_path: Path) -> None:
    assert inspect(tmp_path / "none", is_same_boot=True) == ""


@pytest.mark.parametrize("left_by", [killed, stopped])
def test_a_header_that_is_none_is_told(
    left_by: Callable[[Path], Path], tmp_path: Path
) -> None:
    path = left_by(tmp_path)
    overwrite(path, 0)

    assert fault(path) == "its header is not that of a database"


def test_half_a_file_is_told(tmp_path: Path) -> None:
    path = stopped(tmp_path)
    halve(path)

    assert fault(path, is_same_boot=False).endswith(" pages are missing")


def test_half_a_file_is_told_though_a_log_is_there(tmp_path: Path) -> None:
    path = killed(tmp_path)
    database = sqlite3.connect(path)
    database.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    database.execute("PRAGMA wal_autocheckpoint = 0")
    database.execute("INSERT INTO note VALUES (1)")
    database.commit()
    dead = tmp_path / "again"
    shutil.copytree(path.parent, dead)
    database.close()
    halve(dead / path.name)

    assert fault(dead / path.name).endswith(" pages are missing")


def test_an_empty_file_is_told(tmp_path: Path) -> None:
    path = tmp_path / "n.sqlite3"
    path.touch()

    assert fault(path, is_same_boot=False) == "it is empty"


def test_a_log_with_a_hole_is_told(tmp_path: Path) -> None:
    path = killed(tmp_path)
    size = beside(path, "-wal").stat().st_size
    overwrite(beside(path, "-wal"), size // 2)

    assert fault(path).startswith("its write-ahead log is sound up to frame ")


def test_half_a_log_is_told(tmp_path: Path) -> None:
    path = killed(tmp_path)
    halve(beside(path, "-wal"))

    assert fault(path).startswith("its write-ahead log is sound up to frame ")


@pytest.mark.parametrize("is_same_boot", [True, False])
def test_a_log_without_a_header_is_told(tmp_path: Path, *, is_same_boot: bool) -> None:
    path = killed(tmp_path)
    overwrite(beside(path, "-wal"), 0, 20)

    told = fault(path, is_same_boot=is_same_boot)
    assert told == "the header of its write-ahead log is none"


def test_a_log_that_is_gone_is_told(tmp_path: Path) -> None:
    path = killed(tmp_path)
    beside(path, "-wal").unlink()

    assert fault(path).startswith("its write-ahead log is gone, and in it ")


def test_a_log_without_its_file_is_told(tmp_path: Path) -> None:
    path = killed(tmp_path)
    path.unlink()

    told = "it is gone, its write-ahead log is there"
    assert fault(path, is_same_boot=False) == told


def test_a_log_that_a_power_cut_cut_short_is_used_and_told(tmp_path: Path) -> None:
    path = killed(tmp_path)
    size = beside(path, "-wal").stat().st_size
    overwrite(beside(path, "-wal"), size // 2)

    assert "power cut" in inspect(path, is_same_boot=False)
    read_whole(path)


def test_a_fault_inside_is_found_by_reading_all(tmp_path: Path) -> None:
    path = stopped(tmp_path)
    overwrite(path, 2 * 4096, 4096)

    assert inspect(path, is_same_boot=True) == ""
    with pytest.raises(DamagedFileError):
        read_whole(path)
    with pytest.raises(DamagedFileError):
        open_file(path, KIND, busy_s=0.1)


def test_all_of_it_is_moved_aside(tmp_path: Path) -> None:
    path = killed(tmp_path)
    overwrite(beside(path, "-wal"), 0, 20)
    before = {p.name: p.read_bytes() for p in path.parent.iterdir()}

    aside = set_aside(path, 1_700_000_000.9)

    after = {p.name: p.read_bytes() for p in path.parent.iterdir()}
    assert aside.name == "n.sqlite3.damaged-1700000000"
    renamed = {n.replace("n.sqlite3", aside.name): b for n, b in before.items()}
    assert after == renamed


def test_what_was_moved_aside_before_stays(tmp_path: Path) -> None:
    first = set_aside(stopped(tmp_path), 5.0)

    second = set_aside(stopped(tmp_path), 5.0)

    assert (first.name, second.name) == (
        "n.sqlite3.damaged-5",
        "n.sqlite3.damaged-6",
    )
