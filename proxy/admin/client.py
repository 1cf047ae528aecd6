"""Speak to a running proxy from a command: requests, answers, news."""

import socket
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, BinaryIO

import msgspec

from protocol.unreadable import UNREADABLE

TIMEOUT = 10.0
LONG_TIMEOUT = 125.0
"""Of a check of the controller's log and of a reload, in which the controller is asked
twice: each is given up after 120 s."""


MAX_ANSWER_BYTES = 16_000_000
"""A page of 1,000 miners has half a megabyte."""


class AdminError(Exception):
    """The proxy cannot be reached, or refused; the message says what to do."""


class _Failure(msgspec.Struct):
    message: str


class _Answer(msgspec.Struct):
    method: str = ""
    params: Any = None
    result: Any = None
    error: _Failure | None = None


_decode = msgspec.json.Decoder(_Answer).decode


def call(
    path: Path, method: str, params: dict[str, Any], timeout: float = TIMEOUT
) -> Any:
    """Return the result of `method` at the admin socket `path`.

    Raises:
        AdminError: Nobody answers there, or the answer is a refusal.
    """
    with _connected(path) as connection, connection.makefile("rb") as lines:
        connection.settimeout(timeout)
        return _ask(path, connection, lines, method, params)


def news(path: Path, topics: Sequence[str]) -> Iterator[tuple[str, Any]]:
    """Yield topic and value of what happens, until the proxy hangs up.

    Raises:
        AdminError: Nobody answers there, or it refuses.
    """
    with _connected(path) as connection, connection.makefile("rb") as lines:
        _ask(path, connection, lines, "subscribe", {"topics": list(topics)})
        connection.settimeout(None)  # nothing may happen for hours
        while line := _line(path, lines):
            item = _read(path, line)
            yield item.method, item.params


def _connected(path: Path) -> socket.socket:
    connection = socket.socket(socket.AF_UNIX)
    connection.settimeout(TIMEOUT)
    try:
        connection.connect(str(path))
    except PermissionError as error:
        connection.close()
        raise AdminError(
            f"{path} is not yours to open: run this as the user that the proxy runs as,"
            " or ask the observer's socket"
        ) from error
    except BlockingIOError as error:  # the backlog of a Unix socket is full
        connection.close()
        raise AdminError(f"{path} has too many clients: try again") from error
    except OSError as error:
        connection.close()
        raise AdminError(
            f"no proxy at {path}: {error.strerror or error};"
            " start one with `baseload run -c FILE`, or name its socket with -s"
        ) from error
    return connection


def _ask(
    path: Path,
    connection: socket.socket,
    lines: BinaryIO,
    method: str,
    params: dict[str, Any],
) -> Any:
    request = {"jsonrpc": "2.0", "id": 1, "method": method, "params": params}
    try:
        connection.sendall(msgspec.json.encode(request) + b"\n")
    except OSError as error:
        raise AdminError(f"{path} hung up: {error.strerror or error}") from error
    line = _line(path, lines, connection.gettimeout())
    if not line:
        raise AdminError(
            f"{path} hung up without an answer: it may be stopping, or serve as many"
            " clients as it can; try again"
        )
    answer = _read(path, line)
    if answer.error is not None:
        raise AdminError(answer.error.message)
    return answer.result


def _line(path: Path, lines: BinaryIO, timeout: float | None = None) -> bytes:
    try:
        line = lines.readline(MAX_ANSWER_BYTES)
    except TimeoutError as error:
        raise AdminError(f"{path} did not answer within {timeout:g} s") from error
    except OSError as error:
        raise AdminError(f"{path} hung up: {error.strerror or error}") from error
    if line and not line.endswith(b"\n"):
        raise AdminError(f"{path} hung up in the middle of its answer")
    return line


def _read(path: Path, line: bytes) -> _Answer:
    try:
        return _decode(line)
    except UNREADABLE as error:
        raise AdminError(f"{path} is no admin socket of a proxy: {error}") from error
