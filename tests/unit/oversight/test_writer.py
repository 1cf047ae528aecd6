"""The log follows the rows, and signs no second history."""

import shutil
import sqlite3
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from protocol.tlog.checkpoint import checkpoint_of
from protocol.tlog.note import KeyKind
from proxy.oversight.folder import CHECKPOINT, LogFolder, LogFolderError
from proxy.oversight.signing import ed25519
from proxy.oversight.writer import LogForkedError, LogUnreadableError
from proxy.power.journal.database import STORE_FILE
from tests.oversight_logs import ORIGIN, Plant, check_folder, root_of, signed


@pytest.fixture
def plant(tmp_path: Path) -> Iterator[Plant]:
    made = Plant(tmp_path)
    yield made
    made.close()


def edit(plant: Plant, sql: str) -> None:
    db = sqlite3.connect(plant.state / STORE_FILE)
    db.execute(sql)
    db.commit()
    db.close()


def served(plant: Plant) -> tuple[int, bytes]:
    note = plant.folder.checkpoint()
    assert note is not None
    point = checkpoint_of(note.text)
    return point.size, point.root


def test_what_is_published_is_the_rows_and_their_root(plant: Plant) -> None:
    writer = plant.writer()
    for count in (1, 254, 1, 1, 300, 1000):
        plant.write(count)
        plant.publish(writer)

        leaves = plant.leaves()
        assert served(plant) == (len(leaves), root_of(leaves))
        check_folder(plant.folder, leaves)


def test_one_that_was_started_anew_goes_on(plant: Plant) -> None:
    for count in (3, 0, 600, 255):
        plant.write(count)
        plant.publish(plant.writer())

        leaves = plant.leaves()
        assert served(plant) == (len(leaves), root_of(leaves))
        check_folder(plant.folder, leaves)


def test_a_log_without_rows_is_signed_as_empty(plant: Plant) -> None:
    assert plant.publish(plant.writer()).point.size == 0


def test_partial_tiles_go_once_their_full_one_is_there(plant: Plant) -> None:
    writer = plant.writer()
    for count in (10, 20, 226, 3):
        plant.write(count)
        plant.publish(writer)

    left = {p.name for p in (plant.folder.path / "tile").rglob("*.p")}
    assert left == {"001.p", "000.p"}  # of leaves and their bundle, of level 1
    assert not (plant.folder.path / "tile/0/000.p").exists()
    assert not (plant.folder.path / "tile/entries/000.p").exists()


def test_nothing_is_written_again_where_nothing_is_new(plant: Plant) -> None:
    plant.write(300)
    writer = plant.writer()
    first = plant.publish(writer)
    before = {p: p.stat().st_mtime_ns for p in plant.folder.path.rglob("tile/**/*")}

    again = writer.prepare(0)

    assert again.point == first.point
    assert before == {
        p: p.stat().st_mtime_ns for p in plant.folder.path.rglob("tile/**/*")
    }


@pytest.mark.parametrize(
    ("sql", "row"),
    [
        ("UPDATE event SET cause = 'no' WHERE id = 77", 77),
        ("UPDATE event SET body = '{}' WHERE id = 300", 300),
        ("DELETE FROM event WHERE id > 250", 251),
        ("DELETE FROM event WHERE id = 12", 13),
        ("DELETE FROM event WHERE id <= 12", 13),
    ],
)
def test_rows_that_were_rewritten_are_signed_no_more(
    plant: Plant, sql: str, row: int
) -> None:
    plant.write(300)
    plant.publish(plant.writer())
    before = served(plant)

    edit(plant, sql)

    with pytest.raises(LogForkedError, match=f"row {row}") as found:
        plant.publish(plant.writer())
    assert found.value.row == row
    assert served(plant) == before


def test_a_history_whose_hashes_were_mended_is_signed_no_more(
    plant: Plant, tmp_path: Path
) -> None:
    plant.write(300)
    published = plant.publish(plant.writer()).what
    (tmp_path / "other").mkdir()
    other = Plant(tmp_path / "other")
    other.write(99)
    other.write(1, lambda _: "another")
    other.write(300)
    other.store.publish(published)
    other.close()
    plant.close()
    shutil.copytree(plant.folder.path, tmp_path / "other" / "log")

    with pytest.raises(LogForkedError, match=r"another history.* from row 100 on"):
        Plant(tmp_path / "other").writer().prepare(0)


def test_a_restored_backup_of_the_database_is_signed_no_more(plant: Plant) -> None:
    plant.write(280)
    plant.publish(plant.writer())
    plant.close()
    backup = (plant.state / STORE_FILE).read_bytes()
    again = Plant(plant.state)
    again.write(20)
    again.publish(again.writer())
    again.close()
    (plant.state / STORE_FILE).write_bytes(backup)

    last = Plant(plant.state)
    last.written = 1000
    last.write(500)  # even if it has more rows than were signed

    with pytest.raises(LogForkedError, match="from row 281 on"):
        last.publish(last.writer())
    last.close()


def test_a_database_that_knows_of_no_log_is_no_beginning_of_one(plant: Plant) -> None:
    plant.write(10)
    plant.publish(plant.writer())
    edit(plant, "DELETE FROM published")

    with pytest.raises(LogForkedError, match="a backup from before"):
        plant.writer().prepare(0)


def test_a_row_that_is_rewritten_while_it_runs_is_found(plant: Plant) -> None:
    plant.write(10)
    writer = plant.writer()
    plant.publish(writer)
    plant.write(2)
    edit(plant, "UPDATE event SET hash = hex(randomblob(32)) WHERE id = 10")

    with pytest.raises(LogForkedError, match="row 10 is another"):
        writer.prepare(0)


def test_a_new_row_that_does_not_follow_is_found(plant: Plant) -> None:
    plant.write(10)
    writer = plant.writer()
    plant.publish(writer)
    plant.write(3)
    edit(plant, "UPDATE event SET body = '{}' WHERE id = 12")

    with pytest.raises(LogForkedError, match="row 12 does not follow row 11"):
        writer.prepare(0)


def test_a_folder_that_somebody_else_signs_is_left_to_him(plant: Plant) -> None:
    plant.write(10)
    writer, other = plant.writer(), plant.writer()
    plant.publish(writer)
    prepared = writer.prepare(0)
    plant.write(5)
    plant.publish(other)

    with pytest.raises(LogForkedError, match="somebody else signs"):
        writer.serve(signed(prepared))


def test_another_origin_is_begun_by_an_operator_alone(plant: Plant) -> None:
    plant.write(10)
    plant.publish(plant.writer())

    with pytest.raises(LogForkedError, match="new-generation"):
        plant.writer("plant.example/hall-a/log/2").prepare(0)


def test_a_checkpoint_of_another_key_is_not_gone_on_with(plant: Plant) -> None:
    plant.write(10)
    plant.publish(plant.writer())
    other = ed25519(ORIGIN, KeyKind.ED25519, b"\x08" * 32)

    with pytest.raises(LogForkedError, match="of another key"):
        plant.writer(signer=other).prepare(0)


def test_a_folder_that_is_gone_is_written_again(plant: Plant) -> None:
    plant.write(700)
    plant.publish(plant.writer())
    before = served(plant)
    shutil.rmtree(plant.folder.path)

    plant.publish(plant.writer())

    assert served(plant) == before
    check_folder(plant.folder, plant.leaves())


def test_rows_go_only_once_they_are_cosigned(tmp_path: Path) -> None:
    plant = Plant(tmp_path, max_rows=300)
    plant.store.spared_after = 0
    writer = plant.writer()
    for _ in range(4):
        plant.write(300)
        plant.publish(writer)
    everything = plant.leaves()
    assert len(everything) == 1200

    plant.publish(writer, spared=700)
    plant.write(1)

    assert len(plant.leaves()) == 1201 - 512, "two bundles of 256 are cosigned whole"
    plant.publish(plant.writer(), spared=700)
    leaves = everything + plant.leaves()[-1:]
    assert served(plant) == (1201, root_of(leaves))
    check_folder(plant.folder, leaves)
    plant.close()


def test_rows_that_are_gone_before_they_were_published_end_the_log(
    plant: Plant,
) -> None:
    plant.write(600)
    plant.publish(plant.writer())
    plant.store.spared_after = None
    plant.store.max_events = 10
    plant.write(1)

    with pytest.raises(LogForkedError, match=r"row 601 does not follow|are gone"):
        plant.writer().prepare(0)


class Killed(BaseException):
    """The process is gone."""


@pytest.mark.parametrize("step", range(24))
def test_killed_at_any_step_it_goes_on_with_one_history(
    plant: Plant, monkeypatch: pytest.MonkeyPatch, step: int
) -> None:
    plant.write(250)
    plant.publish(plant.writer())
    plant.write(270)
    sizes = [served(plant)]

    _die_at(monkeypatch, step)
    with pytest.raises(Killed):
        plant.publish(plant.writer())
    monkeypatch.undo()
    sizes.append(served(plant))
    plant.write(3)
    plant.publish(plant.writer())

    leaves = plant.leaves()
    assert served(plant) == (523, root_of(leaves))
    assert all(root == root_of(leaves[:size]) for size, root in sizes)
    check_folder(plant.folder, leaves)


def _die_at(monkeypatch: pytest.MonkeyPatch, step: int) -> None:
    """Let the process be gone before (even steps) or after the nth thing it does."""
    count = [0]

    def dying(real: Callable[..., object]) -> Callable[..., object]:
        def call(*args: object) -> object:
            count[0] += 1
            if count[0] == step // 2 + 1 and step % 2 == 0:
                raise Killed
            done = real(*args)
            if count[0] == step // 2 + 1:
                raise Killed
            return done

        return call

    for name in ("write", "sync", "drop_partial"):
        monkeypatch.setattr(LogFolder, name, dying(getattr(LogFolder, name)))


def test_a_disk_that_is_full_is_trouble_and_no_fork(
    plant: Plant, monkeypatch: pytest.MonkeyPatch
) -> None:
    plant.write(300)
    writer = plant.writer()

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr(LogFolder, "write", full)
        with pytest.raises(LogUnreadableError, match="No space left"):
            plant.publish(writer)
    plant.publish(writer)

    check_folder(plant.folder, plant.leaves())


def test_a_checkpoint_that_is_none_is_trouble(plant: Plant) -> None:
    plant.write(1)
    plant.publish(plant.writer())
    (plant.folder.path / CHECKPOINT).write_bytes(b"\x00")

    with pytest.raises(LogUnreadableError, match="checkpoint"):
        plant.writer().prepare(0)
    with pytest.raises(LogFolderError):
        plant.folder.checkpoint()
