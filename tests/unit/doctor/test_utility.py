"""What the doctor says of a utility's server, sound and not."""

import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from email.utils import formatdate
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest
from typing_extensions import override

from proxy.config.power import SignalConfig
from proxy.doctor.check import Finding
from proxy.doctor.utility import utility
from tests.certificates import PEM, an_ec_key, self_signed

NOW = 1_796_040_000.0
TOKEN = b'{"access_token":"abc","token_type":"Bearer"}'


@contextmanager
def a_server(
    token: tuple[int, bytes], events: tuple[int, bytes], ahead: float = 0.0
) -> Iterator[str]:
    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["content-length"]))
            self._say(*token)

        def do_GET(self) -> None:
            assert self.headers["authorization"] == "Bearer abc"
            self._say(*events)

        @override
        def date_time_string(self, _: float | None = None) -> str:
            return formatdate(NOW + ahead, usegmt=True)

        @override
        def log_message(self, *_: object) -> None:
            pass

        def _say(self, status: int, body: bytes) -> None:
            self.send_response(status)
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

    server = HTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def found(url: str, ca_file: Path | None = None, at: float = NOW) -> Finding:
    """Return what is said first."""
    signal = SignalConfig(
        kind="openadr3",
        url=f"{url}/v3/",
        token_url=f"{url}/token",
        ven_name="hall-a",
        client_id="a",
        client_secret="s3cret",  # type: ignore[arg-type]  # noqa: S106
        ca_file=ca_file,
    )
    one, *more = utility("hall-a", signal, lambda: at)
    assert len(more) == (one.seen.startswith("an authority"))
    assert "s3cret" not in one.seen
    return one


@pytest.mark.parametrize(
    ("token", "events", "ahead", "level", "seen"),
    [
        ((200, TOKEN), (200, b"[{},{}]"), 0, "ok", "shows 2 events, its clock agrees"),
        ((200, TOKEN), (200, b"[]"), 30, "warn", "its clock is +30 s off"),
        ((401, b"{}"), (200, b"[]"), 0, "fail", "no token: status 401"),
        ((200, b"[]"), (200, b"[]"), 0, "fail", "cannot be asked"),
        ((200, TOKEN), (403, b"no"), 0, "fail", "shows no events: status 403"),
        ((200, TOKEN), (200, b"<html>"), 0, "fail", "no list of events"),
    ],
)
def test_a_utility_is_asked_for_a_token_and_its_events(
    token: tuple[int, bytes],
    events: tuple[int, bytes],
    ahead: float,
    level: str,
    seen: str,
) -> None:
    with a_server(token, events, ahead) as url:
        one = found(url)

    assert (one.level, one.check) == (level, "utility of hall-a, openadr3")
    assert seen in one.seen


def test_a_utility_that_is_not_there_is_a_fault() -> None:
    one = found("http://127.0.0.1:1")

    assert (one.level, one.remedy) == (
        "fail",
        "look at url, token_url and the way there",
    )


def test_an_authority_that_ends_soon_is_told_of_before_the_answer(
    tmp_path: Path,
) -> None:
    authority = self_signed(an_ec_key(), "utility")
    (tmp_path / "ca").write_bytes(authority.public_bytes(PEM))
    ends = authority.not_valid_after_utc.timestamp()

    with a_server((200, TOKEN), (200, b"[]")) as url:
        assert found(url, tmp_path / "ca").level == "ok"
        soon = found(url, tmp_path / "ca", ends - 3 * 86_400)

    assert (soon.level, soon.seen) == ("warn", "an authority of ca_file ends in 3 days")


def test_a_pipe_of_authorities_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")

    one = found("http://127.0.0.1:1", tmp_path / "pipe")

    assert one.level == "fail"
    assert "not a regular file" in one.seen
