"""A copy of the state folder, made beside a proxy that goes on writing."""

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from proxy.history.file import HISTORY_FILE, HistoryFile
from proxy.power.journal.store import open_store
from proxy.records.backup import MANIFEST, Manifest, back_up, check_backup
from proxy.records.error import RecordsError
from proxy.shares.database import open_database

SHARE = "INSERT INTO share VALUES (?, 1.0, 'hall-a', 'w', 'j', 2.0, 'accepted', 'h')"


@pytest.fixture
def state(tmp_path: Path) -> Path:
    folder = tmp_path / "state"
    (folder / "blocks").mkdir(parents=True)
    with closing(open_database(folder / "ledger.sqlite3", durability="process")) as db:
        db.executemany(SHARE, [(n,) for n in range(1, 101)])
        db.execute("UPDATE rolled_up SET share_id = 90")
        db.execute("INSERT INTO work_hour VALUES ('hall-a', 'w', 5, 90, 0, 180.0)")
    open_store(folder / "controller.sqlite3").close()
    (folder / "lock").write_text("")
    (folder / "baseload.log").write_text("a log")
    (folder / "authority.key").write_bytes(b"secret")
    (folder / "blocks" / "00aa.block").write_bytes(b"block")
    return folder


def copied(state: Path, *, shares: bool | None = None) -> Manifest:
    return back_up(state, state.parent / "b", version="1", at=5.0, shares=shares)


def rows(path: Path, sql: str) -> list[tuple[object, ...]]:
    with closing(sqlite3.connect(path)) as db:
        return db.execute(sql).fetchall()


def test_a_backup_holds_all_that_a_restart_finds(state: Path) -> None:
    manifest = copied(state)

    names = [file.name for file in manifest.files]
    assert names == [
        *("authority.key", "blocks/00aa.block"),
        *("controller.sqlite3", "ledger.sqlite3"),
    ]
    copy = state.parent / "b"
    assert sorted(p.name for p in copy.iterdir()) == sorted(
        [MANIFEST, "authority.key", "blocks", "controller.sqlite3", "ledger.sqlite3"]
    )
    assert rows(copy / "ledger.sqlite3", "SELECT count(*) FROM share") == [(100,)]
    assert check_backup(copy) == manifest


def test_a_backup_is_its_owners_alone(state: Path) -> None:
    copied(state)

    copy = state.parent / "b"
    assert copy.stat().st_mode & 0o777 == 0o700
    assert {p.stat().st_mode & 0o077 for p in copy.rglob("*")} == {0}


def test_a_restored_backup_is_a_ledger_and_a_controllers_database(state: Path) -> None:
    copied(state)

    copy = state.parent / "b"
    with closing(open_database(copy / "ledger.sqlite3", durability="process")) as db:
        db.execute(SHARE, (101,))
    open_store(copy / "controller.sqlite3").close()


def test_without_shares_the_sums_and_what_is_in_no_sum_yet_are_kept(
    state: Path,
) -> None:
    manifest = copied(state, shares=False)

    ledger = state.parent / "b" / "ledger.sqlite3"
    ids = [n for (n,) in rows(ledger, "SELECT id FROM share")]
    assert ids == list(range(91, 101))
    assert rows(ledger, "SELECT work FROM work_hour") == [(180.0,)]
    assert rows(ledger, "PRAGMA user_version") == rows(
        state / "ledger.sqlite3", "PRAGMA user_version"
    )
    assert not manifest.has_shares


def test_a_backup_beside_a_writer_is_of_one_moment(state: Path) -> None:
    ledger = state / "ledger.sqlite3"
    with closing(open_database(ledger, durability="process")) as db:
        db.execute("BEGIN IMMEDIATE")
        db.executemany(SHARE, [(n,) for n in range(101, 201)])

        copied(state)
        db.execute("COMMIT")

    copy = state.parent / "b" / "ledger.sqlite3"
    assert rows(copy, "SELECT count(*) FROM share") == [(100,)]
    assert rows(ledger, "SELECT count(*) FROM share") == [(200,)]


def test_a_folder_that_is_there_is_not_written_to(state: Path) -> None:
    copied(state)

    with pytest.raises(RecordsError, match="is there already"):
        copied(state)


def test_one_backup_is_made_at_a_time(state: Path) -> None:
    (state.parent / "b.partial").mkdir()

    with pytest.raises(RecordsError, match="another backup is being made"):
        copied(state)


def test_a_folder_without_a_ledger_is_refused(tmp_path: Path) -> None:
    with pytest.raises(RecordsError, match="has no ledger"):
        back_up(tmp_path, tmp_path / "b", version="1", at=5.0)


def test_a_damaged_database_is_no_backup_and_leaves_nothing(state: Path) -> None:
    with (state / "ledger.sqlite3").open("r+b") as stream:
        stream.seek(5000)
        stream.write(b"\xff" * 4000)

    with pytest.raises(RecordsError, match="no backup was made"):
        copied(state)
    assert not list(state.parent.glob("b*"))


def test_history_is_copied_and_a_damaged_one_costs_itself_alone(state: Path) -> None:
    assert HistoryFile(state / HISTORY_FILE).read(5.0).series == {}
    names = [file.name for file in copied(state).files]
    assert HISTORY_FILE in names

    (state / HISTORY_FILE).write_bytes(b"\xff" * 9000)
    copy = state.parent / "c"
    back_up(state, copy, version="1", at=5.0)
    assert not (copy / HISTORY_FILE).exists()
    assert (copy / "ledger.sqlite3").exists()


def test_a_disk_without_room_is_told_before_anything_is_copied(
    state: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("proxy.records.backup.ROOM", 1e15)

    with pytest.raises(RecordsError, match="MB free, of"):
        copied(state)
    assert not list(state.parent.glob("b*"))


def test_a_backup_that_was_changed_is_found_out(state: Path) -> None:
    copied(state)
    copy = state.parent / "b"
    (copy / "authority.key").write_bytes(b"other")

    with pytest.raises(RecordsError, match="is not as it was copied"):
        check_backup(copy)


def test_what_is_no_backup_is_told(tmp_path: Path) -> None:
    with pytest.raises(RecordsError, match="is no backup"):
        check_backup(tmp_path)
