"""A database of ours is the owner's alone, and told from those that are none."""

import sqlite3
from pathlib import Path

import pytest

from proxy.runtime.database_file import (
    DatabaseFileError,
    DatabaseKind,
    open_file,
    refuse_newer,
)

KIND = DatabaseKind("notebook", {1: "CREATE TABLE note (x)"})
NEWER = DatabaseKind("notebook", {**KIND.steps, 2: "ALTER TABLE note ADD COLUMN y"})


def open_notebook(path: Path, kind: DatabaseKind = KIND) -> sqlite3.Connection:
    return open_file(path, kind, busy_s=0.1)


def refusal(path: Path) -> str:
    with pytest.raises(DatabaseFileError) as refused:
        open_notebook(path).close()
    return str(refused.value)


def test_all_that_sqlite_keeps_is_the_owners_alone(tmp_path: Path) -> None:
    database = open_notebook(tmp_path / "n.sqlite3")
    database.execute("INSERT INTO note VALUES (1)")

    modes = {path.name: path.stat().st_mode & 0o777 for path in tmp_path.iterdir()}
    database.close()

    names = ("n.sqlite3", "n.sqlite3-shm", "n.sqlite3-wal")
    assert modes == dict.fromkeys(names, 0o600)


def test_a_newer_schema_is_refused_in_a_sentence(tmp_path: Path) -> None:
    path = tmp_path / "n.sqlite3"
    open_notebook(path, NEWER).close()

    said = refusal(path)
    with pytest.raises(DatabaseFileError) as looked_at:
        refuse_newer(path, KIND)

    assert said == (
        f"{path} has schema 2, this release knows up to 1:"
        " run the newer release, or move the file away"
    )
    assert str(looked_at.value) == said


def test_an_older_schema_is_none_to_refuse(tmp_path: Path) -> None:
    open_notebook(tmp_path / "n.sqlite3").close()

    refuse_newer(tmp_path / "n.sqlite3", NEWER)
    refuse_newer(tmp_path / "none", NEWER)


def test_a_database_of_something_else_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "n.sqlite3"
    other = sqlite3.connect(path)
    other.execute("CREATE TABLE other (x)")
    other.close()

    assert refusal(path).endswith("is no notebook: move it away to start a new one")


def test_one_that_was_begun_and_no_more_is_finished(tmp_path: Path) -> None:
    path = tmp_path / "n.sqlite3"
    begun = sqlite3.connect(path)
    begun.execute("PRAGMA journal_mode = WAL")
    begun.close()

    database = open_notebook(path)
    version = database.execute("PRAGMA user_version").fetchone()
    database.close()

    assert version == (1,)


def test_a_start_leaves_no_log_of_the_run_before(tmp_path: Path) -> None:
    path = tmp_path / "n.sqlite3"
    before = open_notebook(path)
    before.execute("INSERT INTO note VALUES (1)")

    open_notebook(path).close()

    assert path.with_name("n.sqlite3-wal").stat().st_size == 0
    before.close()
