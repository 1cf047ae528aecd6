"""Quantities and wire ids as types, so that watts never pass for seconds."""

from typing import NewType

Seconds = NewType("Seconds", float)
"""A duration, or a moment on a monotonic clock."""

UnixTime = NewType("UnixTime", float)
"""Wall time: seconds since 1970-01-01 UTC."""

LAST = UnixTime(253_402_300_799.0)
"""The last second of year 9999: no calendar shows one that comes after it."""

Difficulty = NewType("Difficulty", float)
"""Expected work of a share in units of 2**32 hashes (difficulty 1)."""

HashesPerSecond = NewType("HashesPerSecond", float)
Watts = NewType("Watts", float)

JobId = NewType("JobId", str)
"""A job's name on the wire: lower-case hex, chosen by the board."""

WorkerName = NewType("WorkerName", str)
"""The name that a miner authorises as: at most 128 printable characters."""
