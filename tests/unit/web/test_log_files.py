"""Files of the log for others, under the dashboard's address."""

import os
from pathlib import Path

import pytest

from proxy.web.log_files import MAX_AT_ONCE
from tests.fakes.web import Web

FULL, PART = "tile/entries/x001/067", "tile/0/000.p/12"


@pytest.fixture
def web(tmp_path: Path) -> Web:
    for name, body in (
        ("checkpoint", b"plant/log/1\n"),
        (FULL, b"f"),
        (PART, b"p" * 9),
    ):
        path = tmp_path / "log" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(body)
    (tmp_path / "secret").write_text("s")
    (tmp_path / "log" / "notes").write_text("n")
    return Web(state=tmp_path)


def test_a_verifier_gets_every_file_of_the_log(web: Web) -> None:
    point = web.ask("/log/checkpoint")
    assert (point.status, point.body) == (200, b"plant/log/1\n")
    assert point.headers["content-type"] == "text/plain; charset=utf-8"
    assert point.headers["cache-control"] == "no-cache"
    full = web.ask(f"/log/{FULL}")
    assert (full.status, full.body) == (200, b"f")
    assert "immutable" in full.headers["cache-control"]
    part = web.ask(f"/log/{PART}")
    assert (part.status, part.body, part.headers["cache-control"]) == (
        200,
        b"p" * 9,
        "no-cache",
    )
    head = web.ask(f"/log/{PART}", "HEAD")
    assert (head.status, head.body, head.headers["content-length"]) == (200, b"", "9")


@pytest.mark.parametrize(
    "path",
    [
        "/log/",
        "/log/notes",
        "/log/../secret",
        "/log/%2e%2e/secret",
        "/log/tile/../checkpoint",
        "/log/tile/0/001",
        "/log/tile/64/000",
        "/log/tile/0/0000",
        "/log/tile/entries/x001/067.p/1234",
        "/log/tile/0/" + "x000/" * 7 + "000",
        "/log/checkpoint/",
        "/log/checkpoint%00",
        "/log/tile/0/%D9%A1%D9%A1%D9%A1",
    ],
)
def test_what_is_no_file_of_the_log_is_not_there(web: Web, path: str) -> None:
    assert web.ask(path).status == 404


def test_a_pipe_in_the_log_is_not_waited_for(web: Web, tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "log" / "tile/0/000")

    assert web.ask("/log/tile/0/000").status == 404


def test_nothing_is_written_there(web: Web) -> None:
    assert web.ask("/log/checkpoint", "PUT").status == 405
    assert web.ask("/log/checkpoint", "DELETE").status == 405


def test_files_that_are_sent_make_room_when_they_are(web: Web) -> None:
    for _ in range(3 * MAX_AT_ONCE):
        assert web.ask("/log/checkpoint").status == 200
