"""A small file is replaced whole, whatever was left of an earlier attempt."""

import errno
import os
import stat
from pathlib import Path

import pytest

from proxy.runtime.whole_file import sync_folder, write_whole


def test_the_new_one_takes_the_place_of_the_old(tmp_path: Path) -> None:
    path = tmp_path / "layouts.json"
    path.write_bytes(b"old, and longer")
    path.with_suffix(".part").write_bytes(b"half")

    write_whole(path, b"new")

    assert path.read_bytes() == b"new"
    assert path.stat().st_mode & 0o777 == 0o600
    assert [one.name for one in tmp_path.iterdir()] == ["layouts.json"]


def test_the_file_is_on_disk_before_its_name_and_the_name_before_it_returns(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, synced = tmp_path / "layouts.json", []

    def fsync(handle: int) -> None:
        is_folder = stat.S_ISDIR(os.fstat(handle).st_mode)
        synced.append(("folder" if is_folder else "file", path.exists()))

    monkeypatch.setattr(os, "fsync", fsync)
    write_whole(path, b"new")

    assert synced == [("file", False), ("folder", True)]


def test_a_folder_that_cannot_be_synced_is_no_failure(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fsync(_: int) -> None:
        raise OSError(errno.EINVAL, "Invalid argument")

    monkeypatch.setattr(os, "fsync", fsync)
    sync_folder(tmp_path)


def test_where_it_cannot_be_written_the_old_one_stays(tmp_path: Path) -> None:
    path = tmp_path / "layouts.json"
    path.write_bytes(b"old")
    path.with_suffix(".part").mkdir()

    with pytest.raises(OSError, match=r"layouts\.part"):
        write_whole(path, b"new")

    assert path.read_bytes() == b"old"
