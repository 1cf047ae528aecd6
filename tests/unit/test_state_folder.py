"""What a start makes of the folder it finds: take it, refuse it, or mend it."""

import shutil
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import cast

import pytest
from twisted.logger import ILogObserver, LogEvent, formatEvent, globalLogPublisher

from protocol.units import Seconds, UnixTime
from proxy.config import Config, load_config
from proxy.power.journal.database import STORE_FILE, STORE_LOCK_FILE
from proxy.power.journal.store import open_store
from proxy.runtime.database_file import DamagedFileError, DatabaseFileError
from proxy.runtime.state_lock import StateLockError, lock_state
from proxy.share_process.state_folder import LOCK_FILE, take_state
from proxy.shares.database import LEDGER_FILE, open_database
from proxy.shares.ledger import SqliteLedger
from tests.older_state import VECTORS, copy_state

AT = UnixTime(1_800_000_000.0)


class Folder:
    """A state folder as an older release left it, and what is said of it."""

    def __init__(self, folder: Path, name: str = "plant.toml") -> None:
        self.state = copy_state(folder)
        (folder / "configs").mkdir()
        shutil.copy(VECTORS / "configs" / name, folder / "configs")
        self.config: Config = load_config(folder / "configs" / name)
        self.said: list[str] = []

    def listen(self, event: LogEvent) -> None:
        if event.get("log_namespace") == "proxy":
            self.said.append(formatEvent(event))

    def take(self, recover_at: UnixTime | None = None) -> None:
        take_state(self.config, recover_at).release()

    def overwrite(self, name: str) -> None:
        with (self.state / name).open("r+b") as file:
            file.write(b"\xa5" * 100)

    def names(self) -> list[str]:
        return sorted(path.name for path in self.state.glob("*.damaged-*"))


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Folder]:
    folder = Folder(tmp_path)
    listener = cast("ILogObserver", folder.listen)
    globalLogPublisher.addObserver(listener)
    yield folder
    globalLogPublisher.removeObserver(listener)


def settle(path: Path) -> None:
    """Have the ledger at `path` closed in order, all of its sums written."""
    database = open_database(path, durability="process")
    SqliteLedger(database, Seconds(86400.0), 1 << 40, lambda: AT, print).close()


def test_a_sound_folder_is_taken_and_nothing_is_said(folder: Folder) -> None:
    folder.take()

    assert folder.said == []
    assert folder.names() == []


def test_a_folder_is_made_where_there_is_none(folder: Folder) -> None:
    shutil.rmtree(folder.state)

    folder.take()

    assert folder.state.stat().st_mode & 0o777 == 0o700


def test_what_others_could_read_they_can_no_more(folder: Folder) -> None:
    (block, *_) = (folder.state / "blocks").iterdir()
    notes = folder.state.parent / "notes"
    notes.write_text("somebody else's")
    notes.chmod(0o644)
    (folder.state / "link").symlink_to(notes)

    folder.take()

    files = [p for p in folder.state.rglob("*") if p.is_file() and not p.is_symlink()]
    assert {p.stat().st_mode & 0o777 for p in files} == {0o600}
    assert block in files
    assert notes.stat().st_mode & 0o777 == 0o644


def test_a_folder_is_taken_once(folder: Folder) -> None:
    lock = take_state(folder.config, None)

    with pytest.raises(StateLockError, match="in use by process"):
        folder.take()
    lock.release()


@pytest.mark.parametrize("name", [LEDGER_FILE, STORE_FILE])
def test_a_damaged_database_is_refused_and_left_alone(
    name: str, folder: Folder
) -> None:
    folder.overwrite(name)

    with pytest.raises(DamagedFileError, match=name):
        folder.take()
    lock_state(folder.state / LOCK_FILE).release()  # not kept

    assert folder.names() == []


def test_a_damaged_ledger_is_moved_aside_and_its_sums_are_named(
    folder: Folder,
) -> None:
    path = folder.state / LEDGER_FILE
    settle(path)
    with path.open("r+b") as file:  # page 2 is the first of `share`
        file.seek(4096)
        file.write(b"\xa5" * 4096)

    folder.take(AT)

    aside = f"{LEDGER_FILE}.damaged-{AT:.0f}"
    damaged, *lost, sound = folder.said
    assert f"{LEDGER_FILE} is damaged: Page 2: " in damaged
    assert damaged.endswith(f"It is {aside} now, and a new one begins")
    day = "2026-11-29 to 2026-11-29: at least"
    assert lost == [
        f"lost: the sums of site bench, {day} 12 accepted shares, work 1.2e-08",
        f"lost: the sums of site hall-a, {day} 68 accepted shares, work 6.8e-08",
    ]
    assert sound.endswith(f"{STORE_FILE}: nothing is wrong with it")
    assert folder.names()[0] == aside
    assert not path.exists()


def test_sums_that_cannot_be_read_are_told_as_such(folder: Folder) -> None:
    folder.overwrite(LEDGER_FILE)

    folder.take(AT)

    assert any("lost: the sums of all sites up to now" in s for s in folder.said)


def test_a_damaged_controllers_database_is_moved_aside(folder: Folder) -> None:
    folder.overwrite(STORE_FILE)

    folder.take(AT)
    open_store(folder.state / STORE_FILE).close()

    assert folder.names() == [f"{STORE_FILE}.damaged-{AT:.0f}"]
    assert any(s.startswith("lost: orders: give those") for s in folder.said)


def test_what_is_sound_is_not_moved_aside(folder: Folder) -> None:
    folder.take(AT)

    assert folder.names() == []
    assert len(folder.said) == 2


def test_a_newer_controllers_database_is_refused(folder: Folder) -> None:
    newer = sqlite3.connect(folder.state / STORE_FILE)
    newer.execute("PRAGMA user_version = 99")
    newer.close()

    with pytest.raises(DatabaseFileError, match="has schema 99, this release"):
        folder.take(AT)
    assert folder.names() == []


def test_a_controllers_database_that_is_in_use_is_left_to_it(folder: Folder) -> None:
    folder.overwrite(STORE_FILE)
    lock = lock_state(folder.state / STORE_LOCK_FILE)
    before = (folder.state / STORE_FILE).read_bytes()

    folder.take()
    lock.release()

    assert (folder.state / STORE_FILE).read_bytes() == before
    assert folder.names() == []


def test_a_controllers_database_is_made_here(folder: Folder) -> None:
    (folder.state / STORE_FILE).unlink()

    folder.take()

    assert (folder.state / STORE_FILE).stat().st_mode & 0o777 == 0o600


def test_a_site_without_power_settings_has_no_database_of_a_controller(
    tmp_path: Path,
) -> None:
    folder = Folder(tmp_path, "pool.toml")
    folder.overwrite(STORE_FILE)
    before = (folder.state / STORE_FILE).read_bytes()

    folder.take(AT)

    assert (folder.state / STORE_FILE).read_bytes() == before
    assert folder.names() == []
