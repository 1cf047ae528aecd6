"""One process at a time has a state folder, and a refusal names it."""

import os
from pathlib import Path

import pytest

from proxy.runtime.state_lock import StateLockError, lock_state


def test_a_second_one_is_refused_by_the_id_of_the_first(tmp_path: Path) -> None:
    path = tmp_path / "state" / "lock"
    lock = lock_state(path)

    with pytest.raises(StateLockError) as refusal:
        lock_state(path)

    text = f"{path.parent} is in use by process {os.getpid()}: "
    assert str(refusal.value).startswith(text)
    lock.release()


def test_what_was_released_is_to_be_had(tmp_path: Path) -> None:
    lock = lock_state(tmp_path / "lock")
    lock.release()
    lock.release()

    lock_state(tmp_path / "lock").release()


def test_the_lock_is_the_owners_alone(tmp_path: Path) -> None:
    lock_state(tmp_path / "state" / "lock").release()

    assert (tmp_path / "state").stat().st_mode & 0o777 == 0o700
    assert (tmp_path / "state" / "lock").stat().st_mode & 0o777 == 0o600


def test_a_folder_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "state").write_text("a file")

    with pytest.raises(StateLockError, match="state"):
        lock_state(tmp_path / "state" / "lock")


def test_it_is_known_whether_the_machine_was_started_since(tmp_path: Path) -> None:
    first = lock_state(tmp_path / "lock", "a" * 36)
    first.release()
    second = lock_state(tmp_path / "lock", "a" * 36)
    second.release()
    third = lock_state(tmp_path / "lock", "b")
    third.release()
    unknown = lock_state(tmp_path / "lock", "")
    unknown.release()

    found = [one.is_same_boot for one in (first, second, third, unknown)]
    assert found == [False, True, False, False]
