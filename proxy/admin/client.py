"""Speak to a running proxy from a command: one request, one answer."""

import socket
from pathlib import Path
from typing import Any

import msgspec

TIMEOUT = 10.0


class AdminError(Exception):
    """The proxy cannot be reached, or refused; the message says what to do."""


def call(path: Path, method: str, params: dict[str, Any]) -> Any:
    """Return the result of `method` at the admin socket `path`.

    Raises:
        AdminError: Nobody answers there, or the answer is a refusal.
    """
    request = {"jsonrpc": "2.0", "id": 1, "method": method, "params": params}
    try:
        with socket.socket(socket.AF_UNIX) as connection:
            connection.settimeout(TIMEOUT)
            connection.connect(str(path))
            connection.sendall(msgspec.json.encode(request) + b"\n")
            line = connection.makefile("rb").readline()
    except OSError as error:
        raise AdminError(
            f"no proxy at {path}: {error.strerror or error};"
            " start one with `baseload run -c FILE`, or name its socket with -s"
        ) from error
    if not line:
        raise AdminError(f"{path} hung up without an answer")
    answer = msgspec.json.decode(line)
    if "error" in answer:
        raise AdminError(answer["error"]["message"])
    return answer["result"]
