"""Layouts are found again in the next run, and a bad file costs nothing but them."""

from pathlib import Path

import pytest

from protocol.work.extranonce import Layout
from proxy.share_process.layout_memory import LAYOUT_FILE, LayoutMemory


def test_a_layout_is_found_again(tmp_path: Path) -> None:
    path = tmp_path / LAYOUT_FILE
    LayoutMemory(path).keeper_of("hall-a")(Layout(1, 3, generation=7))

    assert LayoutMemory(path).recall("hall-a") == Layout(1, 3)
    assert LayoutMemory(path).recall("hall-b") is None
    assert path.stat().st_mode & 0o777 == 0o600


def test_the_file_is_written_when_something_changes_alone(tmp_path: Path) -> None:
    path = tmp_path / LAYOUT_FILE
    keep = LayoutMemory(path).keeper_of("hall-a")
    keep(Layout(1, 3))
    path.unlink()
    keep(Layout(1, 3))

    assert not path.exists()


@pytest.mark.parametrize(
    "text",
    ["", "{", "[1]", '{"hall-a": 4}', '{"hall-a": "9+9"}', "\udcff", "[" * 100_000],
)
def test_what_cannot_be_read_is_not_believed(text: str, tmp_path: Path) -> None:
    path = tmp_path / LAYOUT_FILE
    path.write_bytes(text.encode(errors="surrogateescape"))

    assert LayoutMemory(path).recall("hall-a") is None


def test_a_folder_that_takes_no_file_stops_nothing(tmp_path: Path) -> None:
    memory = LayoutMemory(tmp_path / "gone" / LAYOUT_FILE)
    memory.keeper_of("hall-a")(Layout(1, 3))

    assert memory.recall("hall-a") == Layout(1, 3)
