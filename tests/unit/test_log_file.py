"""A log in a file: moved aside when full, found again when moved, shared by two."""

import threading
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.logger import Logger

from proxy.runtime.log_file import MODE, FileOut
from proxy.runtime.logs import open_log


def text_of(folder: Path) -> list[str]:
    """Return the names and contents of the logs, the newest first."""
    return [f"{p.name}: {p.read_text()}" for p in sorted(folder.iterdir())]


def test_a_full_file_is_moved_aside_and_the_oldest_goes(tmp_path: Path) -> None:
    out = FileOut(tmp_path / "b.log", max_bytes=8, keep=2)
    for line in ("one\n", "two\n", "three\n", "four\n", "five\n"):
        out.write(line)
    out.close()

    assert text_of(tmp_path) == ["b.log: five\n", "b.log.1: four\n", "b.log.2: three\n"]


def test_a_file_is_appended_to_and_is_not_everybody_s(tmp_path: Path) -> None:
    path = tmp_path / "b.log"
    for line in ("one\n", "two\n"):
        out = FileOut(path, max_bytes=0, keep=0)
        out.write(line)
        out.close()

    assert path.read_text() == "one\ntwo\n"
    assert path.stat().st_mode & 0o777 & ~MODE == 0


def test_nothing_older_is_kept_if_nothing_shall_be(tmp_path: Path) -> None:
    out = FileOut(tmp_path / "b.log", max_bytes=8, keep=0)
    for line in ("one\n", "two\n", "three\n"):
        out.write(line)
    out.close()

    assert text_of(tmp_path) == ["b.log: three\n"]


def test_a_file_that_was_moved_or_removed_is_made_anew(tmp_path: Path) -> None:
    """logrotate does so, with `create` or without."""
    path = tmp_path / "b.log"
    out = FileOut(path, max_bytes=0, keep=0)
    out.write("one\n")
    path.rename(tmp_path / "b.log-20260101")
    out.write("two\n")
    path.unlink()
    out.write("three\n")
    path.rename(tmp_path / "b.log-20260102")
    path.write_text("")
    out.write("four\n")
    out.close()

    assert text_of(tmp_path) == [
        "b.log: four\n",
        "b.log-20260101: one\n",
        "b.log-20260102: three\n",
    ]


def test_a_folder_that_may_not_be_written_keeps_the_file_growing(
    tmp_path: Path,
) -> None:
    path = tmp_path / "b.log"
    (tmp_path / "b.log.1").mkdir()  # nothing can be moved there, not even by root
    out = FileOut(path, max_bytes=4, keep=1)
    out.write("one\n")
    out.write("two\n")
    out.close()

    assert path.read_text() == "one\ntwo\n"


@settings(max_examples=30, deadline=None)
@given(st.lists(st.tuples(st.booleans(), st.integers(1, 12)), max_size=60))
def test_two_processes_lose_no_line_between_them(
    tmp_path_factory: pytest.TempPathFactory, writes: list[tuple[bool, int]]
) -> None:
    """Each has the file open by itself, and either may find it full."""
    folder = tmp_path_factory.mktemp("logs")
    outs = [FileOut(folder / "b.log", max_bytes=32, keep=100) for _ in range(2)]
    lines = [f"{n:03}{'x' * size}\n" for n, (_, size) in enumerate(writes)]
    for (is_second, _), line in zip(writes, lines, strict=True):
        outs[is_second].write(line)
    for out in outs:
        out.close()

    found = [f.read_text() for f in folder.iterdir()]
    assert sorted("".join(found).splitlines(keepends=True)) == lines
    assert all(len(text) <= 32 for text in found)


def test_two_at_once_tear_no_line(tmp_path: Path) -> None:
    path = tmp_path / "b.log"

    def write(letter: str) -> None:
        out = FileOut(path, max_bytes=2000, keep=1000)
        for _ in range(500):
            out.write(letter * 40 + "\n")
        out.close()

    threads = [threading.Thread(target=write, args=(c,)) for c in "ab"]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    lines = [line for f in tmp_path.iterdir() for line in f.read_text().splitlines()]

    assert len(lines) == 1000
    assert set(lines) == {"a" * 40, "b" * 40}


def test_a_log_opens_its_file_again_when_told(tmp_path: Path) -> None:
    path = tmp_path / "b.log"
    out = FileOut(path, max_bytes=0, keep=0)
    log = open_log(lambda: 0.0, as_json=False, secrets=(), level="info", out=out)
    log.reopen()
    Logger("test", observer=log.observer).info("one")
    log.close()
    out.close()

    assert path.read_text().endswith("one\n")


def test_a_file_that_cannot_be_opened_is_an_error_at_once(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        FileOut(tmp_path / "no" / "b.log", max_bytes=0, keep=0)
    assert not list(tmp_path.iterdir())
