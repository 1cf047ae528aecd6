"""`baseload capture`: what one miner's connection says and hears, as JSON lines."""

import os
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO

import msgspec

from proxy.admin.client import AdminError, call
from proxy.cli.command import Arguments, Parser, duration
from proxy.cli.power import count
from proxy.cli.remote import socket_of, socket_option

PAUSE = 0.25
"""Seconds between looks: at 100 messages a second that is 2 kB of V1."""

_encode = msgspec.json.encode


def capture_options(parser: Parser) -> None:
    """Add the options of `capture`."""
    socket_option(parser)
    add = parser.add_argument
    add("miner", help="id or worker name")
    add(
        "--seconds",
        type=duration,
        default=60.0,
        metavar="TIME",
        help="30, 5m or 1h, at most 1h [60]",
    )
    add(
        "--bytes",
        type=count,
        default=1_000_000,
        metavar="N",
        help="end after so much [1000000]",
    )
    add("--out", type=Path, metavar="FILE", help="[standard output]")


def capture(arguments: Arguments) -> int:
    """Write a capture as it comes; Ctrl-C ends it."""
    path = socket_of(arguments)
    wanted = {
        "miner": arguments.miner,
        "seconds": arguments.seconds,
        "bytes": arguments.bytes,
    }
    view = call(path, "capture.start", wanted)
    name = view.pop("id")
    with _out(arguments.out) as out:
        _write(out, {"capture": view})
        messages, missed, ended = 0, 0, ""
        for part in _parts(path, name):
            for message in part["messages"]:
                _write(out, message)
                messages += 1
                missed += message.get("missed", 0)
            ended = part["ended"]
        _write(out, {"end": ended, "messages": messages, "missed": missed})
    if arguments.out is not None:
        lost = f", {missed} missed" if missed else ""
        sys.stdout.write(f"{messages} messages{lost} in {arguments.out}: {ended}\n")
    return 0


def _parts(path: Path, name: str) -> Iterator[dict[str, Any]]:
    """Yield the parts of a capture until it is over, or Ctrl-C ends it."""
    ended = ""
    end = False
    while not ended:
        try:
            part = call(path, "capture.next", {"id": name, "end": end})
            yield part
            ended = part["ended"]
            if not ended and not part["more"]:
                time.sleep(PAUSE)
        except KeyboardInterrupt:
            end = True


@contextmanager
def _out(path: Path | None) -> Iterator[BinaryIO]:
    """Open the file for its owner alone: who mines how is nobody else's business."""
    if path is None:
        yield sys.stdout.buffer
        return
    try:
        opened = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    except OSError as error:
        raise AdminError(f"{path}: {error.strerror}") from error
    with open(opened, "wb") as file:  # noqa: PTH123  (of a descriptor)
        yield file


def _write(out: BinaryIO, value: object) -> None:
    out.write(_encode(value) + b"\n")
    out.flush()
