"""The doctor tells of machines whose clock is wrong."""

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress

import pytest

from proxy.doctor import device_clocks
from proxy.doctor.device_clocks import ANSWER_WITHIN_S, seconds_apart
from proxy.doctor.probe import now

NOW = 1_700_000_000.0


@contextmanager
def a_machine(
    answer: bytes, address: str = "127.0.0.1", port: int = 0
) -> Iterator[int]:
    """Answer each question so, and hang up, as the API does."""
    server = socket.create_server((address, port))

    def serve() -> None:
        while True:
            try:
                line, _ = server.accept()
            except OSError:
                return
            with line:
                line.recv(100)
                line.sendall(answer)

    threading.Thread(target=serve, daemon=True).start()
    try:
        yield server.getsockname()[1]
    finally:
        server.shutdown(socket.SHUT_RDWR)
        server.close()


@contextmanager
def a_machine_that_drips() -> Iterator[int]:
    """Answer a byte at a time, each within the time of a whole answer."""
    over = threading.Event()
    server = socket.create_server(("127.0.0.1", 0))

    def serve() -> None:
        with suppress(OSError), server.accept()[0] as line:
            while not over.wait(ANSWER_WITHIN_S / 5):
                line.sendall(b" ")

    threading.Thread(target=serve, daemon=True).start()
    try:
        yield server.getsockname()[1]
    finally:
        over.set()
        server.close()


def cgminer(when: float) -> bytes:
    return b'{"STATUS":[{"STATUS":"S","When":%d,"Code":22}],"id":1}\0' % when


@pytest.mark.parametrize(
    ("answer", "apart"),
    [
        (cgminer(NOW), 0.0),
        (cgminer(NOW - 1), 0.0),
        (cgminer(NOW + 7200), 7200.0),
        (cgminer(NOW - 7200), -7199.0),
        (b'{"STATUS":"E","When":1700000100,"Code":14,"Msg":"invalid cmd"}', 100.0),
        (b'{"STATUS":[{"STATUS":"S","Code":22}]}\0', None),
        (b'{"STATUS":[],"When":true}\0', None),
        (b'{"STATUS":[{"When":1e300}]}\0', None),
        (b"[" * 5000, None),
        (b"HTTP/1.1 400 Bad Request\r\n\r\n", None),
        (b"", None),
        (b"x" * 100_000, None),
    ],
)
def test_a_machine_tells_its_time(answer: bytes, apart: float | None) -> None:
    with a_machine(answer) as port:
        assert seconds_apart("127.0.0.1", lambda: NOW, port) == apart


def test_one_that_is_not_there_tells_none() -> None:
    assert seconds_apart("127.0.0.1", lambda: NOW, 1) is None


def test_one_that_drips_is_not_waited_for() -> None:
    with a_machine_that_drips() as port:
        began = now()
        assert seconds_apart("127.0.0.1", lambda: NOW, port) is None
        assert now() - began < 3 * ANSWER_WITHIN_S


def test_those_that_are_wrong_are_named_the_worst_first(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with a_machine(cgminer(NOW), "127.8.0.1") as port:
        monkeypatch.setattr(device_clocks, "PORT", port)
        with (
            a_machine(cgminer(NOW + 5400), "127.8.0.2", port),
            a_machine(cgminer(1e9), "127.8.0.3", port),
        ):
            addresses = [f"127.8.0.{n}" for n in (1, 2, 3, 4)]
            found = list(device_clocks.device_clocks("clocks", addresses, lambda: NOW))

    (told,) = found
    assert told.level == "warn"
    assert told.seen == (
        "1 of 3 that tell their time are right;"
        " not 127.8.0.3 8,102 days behind, 127.8.0.2 1.5 h ahead"
    )
    assert "NTP" in told.remedy
