"""What a command is, and what options may be: argparse calls these with the text."""

import argparse
import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import msgspec
from attrs import frozen

Arguments = argparse.Namespace
Parser = argparse.ArgumentParser

MAX_SECONDS = 1e9
MAX_MINERS = 100_000
MAX_PORT = 65535
MAX_HASHRATE = 1e21

INTERRUPTED = 128 + 2
"""Exit status of what a SIGINT stopped, as shells have it."""


@frozen
class Command:
    """A command: what it is called, what it takes, what it does.

    Attributes:
        declare: Adds its options to a parser. It is called only for the command
            that was asked for, so that it may load what other commands need not.
        run: Does it; returns the exit status.
        has_json: It takes `--json` as every command does; else `declare` adds it.
        method: What it asks of a running proxy; its own name if empty.
    """

    name: str
    help: str
    run: Callable[[Arguments], int]
    declare: Callable[[Parser], None]
    has_json: bool = True
    method: str = ""


def seconds(text: str) -> float:
    """Return a duration above 0."""
    value = float(text)
    if not 0 < value < MAX_SECONDS:
        raise ValueError(text)
    return value


_UNITS = {"": 1.0, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}


def duration(text: str) -> float:
    """Return seconds above 0: 90, 90s, 30m, 2h, 1d."""
    number = text.rstrip("smhd")
    unit = text[len(number) :]
    if unit not in _UNITS:
        raise ValueError(text)
    value = float(number) * _UNITS[unit]
    if not 0 < value < MAX_SECONDS:
        raise ValueError(text)
    return value


def miner_count(text: str) -> int:
    """Return how many machines to simulate."""
    return _within(int(text), 1, MAX_MINERS)


def port(text: str) -> int:
    """Return a TCP port; 0 stands for any."""
    return _within(int(text), 0, MAX_PORT)


def hashrate(text: str) -> float:
    """Return hashes per second, above 0."""
    value = float(text)
    if not 0 < value < MAX_HASHRATE:
        raise ValueError(text)
    return value


@contextmanager
def loading() -> Iterator[None]:
    """Let SIGINT end the process at once: for imports that take a while.

    Python's own handler raises wherever the interpreter happens to be. That may be in
    a callback of the import system, where an exception is printed and forgotten.
    """
    before = signal.signal(signal.SIGINT, signal.SIG_DFL)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


def _within(value: int, lowest: int, highest: int) -> int:
    if not lowest <= value <= highest:
        raise argparse.ArgumentTypeError(f"{value} is not in {lowest}..{highest}")
    return value


miner_count.__name__ = "number of miners"  # argparse says "invalid ... value"


def config_option(parser: Parser) -> None:
    """Add the option for the configuration's file, which has to be given."""
    parser.add_argument("-c", "--config", type=Path, required=True, metavar="FILE")


def print_json(value: object) -> None:
    """Print one JSON document."""
    sys.stdout.write(msgspec.json.encode(value).decode() + "\n")
