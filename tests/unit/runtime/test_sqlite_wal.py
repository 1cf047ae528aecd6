"""The log is read as far as SQLite would take it, and no further."""

import shutil
import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from proxy.runtime.sqlite_wal import Log, read_index, read_log

FRAME = 24 + 4096


class Killed:
    """A database in WAL mode, whose process can be killed at any moment."""

    def __init__(self, folder: Path, *, page_size: int = 4096) -> None:
        self.path = folder / "a.sqlite3"
        self.db = sqlite3.connect(self.path, isolation_level=None)
        self.db.execute(f"PRAGMA page_size = {page_size}")
        self.db.execute("PRAGMA journal_mode = WAL")
        self.db.execute("PRAGMA wal_autocheckpoint = 0")
        self.db.execute("CREATE TABLE a (x)")

    def write(self, rows: int) -> None:
        for _ in range(rows):
            self.db.execute("INSERT INTO a VALUES (randomblob(3000))")

    def kill(self, folder: Path) -> Path:
        """Return a copy of all that a killed process leaves."""
        folder.mkdir(exist_ok=True)
        for path in self.path.parent.glob("a.sqlite3*"):
            shutil.copy(path, folder / path.name)
        return folder / self.path.name


@pytest.fixture
def killed(tmp_path: Path) -> Iterator[Killed]:
    folder = tmp_path / "alive"
    folder.mkdir()
    killed = Killed(folder)
    yield killed
    killed.db.close()


def wal(path: Path) -> Path:
    return path.with_name(path.name + "-wal")


def rows_of(path: Path) -> int:
    """Return how many rows SQLite finds."""
    database = sqlite3.connect(path)
    (number,) = database.execute("SELECT count(*) FROM a").fetchone()
    database.close()
    return int(number)


def test_a_log_is_read_to_its_end(killed: Killed, tmp_path: Path) -> None:
    killed.write(2000)  # read in more than one go
    path = killed.kill(tmp_path / "dead")

    log = read_log(wal(path))
    index = read_index(path.with_name(path.name + "-shm"))

    assert log is not None
    assert index is not None
    size = wal(path).stat().st_size
    assert (log.frames, log.is_cut) == ((size - 32) // FRAME, False)
    assert (log.pages,) == killed.db.execute("PRAGMA page_count").fetchone()
    assert (index.frames, index.copied, index.salts) == (log.frames, 0, log.salts)


@pytest.mark.parametrize("page_size", [512, 1024, 65536])
def test_pages_of_any_size_are_summed(page_size: int, tmp_path: Path) -> None:
    killed = Killed(tmp_path, page_size=page_size)
    killed.write(20)

    log = read_log(wal(killed.path))
    size = wal(killed.path).stat().st_size
    killed.db.close()

    assert log is not None
    assert log.frames == (size - 32) // (page_size + 24)


def test_frames_of_the_log_before_are_none_of_this_one(killed: Killed) -> None:
    killed.write(50)
    killed.db.execute("PRAGMA wal_checkpoint(RESTART)")
    killed.write(1)

    log = read_log(wal(killed.path))

    assert log is not None
    assert log.frames < 10
    assert not log.is_cut


def test_what_was_copied_is_known(killed: Killed) -> None:
    killed.write(5)
    killed.db.execute("PRAGMA wal_checkpoint(PASSIVE)")

    index = read_index(killed.path.with_name("a.sqlite3-shm"))

    assert index is not None
    assert index.copied == index.frames > 0


def test_a_transaction_that_did_not_end_is_not_counted(killed: Killed) -> None:
    killed.write(5)
    before = read_log(wal(killed.path))
    killed.db.execute("PRAGMA cache_size = 5")
    killed.db.execute("BEGIN")
    killed.write(100)  # more than fits in the cache

    log = read_log(wal(killed.path))
    size = wal(killed.path).stat().st_size
    killed.db.execute("ROLLBACK")

    assert before is not None
    assert log is not None
    assert size > 32 + before.frames * FRAME
    assert (log.frames, log.pages) == (before.frames, before.pages)


def test_no_log_and_an_empty_one_have_no_frames(tmp_path: Path) -> None:
    empty = tmp_path / "empty"
    empty.touch()

    assert read_log(empty) == read_log(tmp_path / "none") == Log()
    assert read_index(empty) is None
    assert read_index(tmp_path / "none") is None


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_a_damaged_log_ends_where_sqlite_ends_it(
    data: st.DataObject, killed: Killed, tmp_path: Path
) -> None:
    if not killed.db.execute("SELECT 1 FROM a").fetchone():
        killed.write(20)
    path = killed.kill(tmp_path / "dead")
    content = bytearray(wal(path).read_bytes())
    at = data.draw(st.integers(0, len(content) - 1))
    if data.draw(st.booleans()):
        content[at] ^= data.draw(st.integers(1, 255))
    else:
        del content[at:]
    wal(path).write_bytes(content)
    path.with_name(path.name + "-shm").unlink()  # SQLite looks at the log alone

    log = read_log(wal(path))
    database = sqlite3.connect(path, isolation_level=None)
    database.execute("SELECT count(*) FROM sqlite_master").fetchone()
    _, frames, _ = database.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchone()
    database.close()

    assert frames == (log.frames if log is not None else 0)
