import os
from pathlib import Path

import pytest

from proxy.runtime.instance import (
    INSTANCE_FILE,
    MAX_INSTANCE,
    InstanceFileError,
    instance_of,
    kept_instance,
)


def never(_: int) -> bytes:
    raise AssertionError("drawn again")


def test_it_is_drawn_once_and_kept(tmp_path: Path) -> None:
    assert kept_instance(tmp_path) is None

    drawn = instance_of(tmp_path, lambda _: b"\xa0\xfd")

    assert drawn == 0xA0FD
    assert kept_instance(tmp_path) == drawn
    assert instance_of(tmp_path, never) == drawn


def test_its_file_is_the_owners_alone(tmp_path: Path) -> None:
    instance_of(tmp_path, os.urandom)

    assert (tmp_path / INSTANCE_FILE).stat().st_mode & 0o777 == 0o600
    assert [one.name for one in tmp_path.iterdir()] == [INSTANCE_FILE]


@pytest.mark.parametrize("number", [0, MAX_INSTANCE])
def test_every_number_of_two_bytes_may_be_drawn(tmp_path: Path, number: int) -> None:
    drawn = instance_of(tmp_path, lambda size: number.to_bytes(size, "big"))

    assert drawn == number == instance_of(tmp_path, never)


@pytest.mark.parametrize(
    "text", ["", "\n", "-1", "65536", "4x", "²", "\0" * 9, "9" * 99]
)
def test_half_a_file_of_a_power_cut_is_drawn_anew(tmp_path: Path, text: str) -> None:
    (tmp_path / INSTANCE_FILE).write_text(text, "utf-8")

    assert instance_of(tmp_path, lambda _: b"\x00\x07") == 7
    assert kept_instance(tmp_path) == 7


def test_what_cannot_be_read_or_written_is_said(tmp_path: Path) -> None:
    (tmp_path / INSTANCE_FILE).mkdir()

    with pytest.raises(InstanceFileError, match="instance: Is a directory"):
        instance_of(tmp_path, os.urandom)
    with pytest.raises(InstanceFileError, match="No such file"):
        instance_of(tmp_path / "nowhere", os.urandom)
