"""A small file is replaced whole, whatever was left of an earlier attempt."""

from pathlib import Path

import pytest

from proxy.runtime.whole_file import write_whole


def test_the_new_one_takes_the_place_of_the_old(tmp_path: Path) -> None:
    path = tmp_path / "layouts.json"
    path.write_bytes(b"old, and longer")
    path.with_suffix(".part").write_bytes(b"half")

    write_whole(path, b"new")

    assert path.read_bytes() == b"new"
    assert path.stat().st_mode & 0o777 == 0o600
    assert [one.name for one in tmp_path.iterdir()] == ["layouts.json"]


def test_where_it_cannot_be_written_the_old_one_stays(tmp_path: Path) -> None:
    path = tmp_path / "layouts.json"
    path.write_bytes(b"old")
    path.with_suffix(".part").mkdir()

    with pytest.raises(OSError, match=r"layouts\.part"):
        write_whole(path, b"new")

    assert path.read_bytes() == b"old"
