"""What options may be: argparse calls these with the text that was typed."""

import argparse

MAX_SECONDS = 1e9
MAX_MINERS = 100_000
MAX_PORT = 65535
MAX_HASHRATE = 1e21


def seconds(text: str) -> float:
    """Return a duration above 0."""
    value = float(text)
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


def _within(value: int, lowest: int, highest: int) -> int:
    if not lowest <= value <= highest:
        raise argparse.ArgumentTypeError(f"{value} is not in {lowest}..{highest}")
    return value


miner_count.__name__ = "number of miners"  # argparse says "invalid ... value"
