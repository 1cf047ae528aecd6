"""How far miners may take a job's time."""

NTIME_AHEAD = 7000
"""Seconds after a job's ntime that pools accept. Source: ckpool."""

MAX_NTIME = 0xFFFFFFFF
"""The header has 4 bytes for it."""


def latest_ntime(ntime: int) -> int:
    """Return the latest time that shares of a job may have, Unix seconds."""
    return min(ntime + NTIME_AHEAD, MAX_NTIME)
