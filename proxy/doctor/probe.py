"""What the probes of pools have in common."""

import time

JOB_WITHIN_S = 10.0
LEAST_ROOM = 3
"""Bytes of extranonce2 that a site needs: a slot of one and two that a miner rolls."""

DAYS_LEFT = 14
"""Of a certificate: time enough to have it renewed."""

SKEW_S = 600.0
"""A job is of the time of its template: further apart, a clock is wrong."""


class ProbeError(Exception):
    """A pool does not do what is needed; message and remedy."""

    def __init__(self, seen: str, remedy: str) -> None:
        super().__init__(seen)
        self.remedy = remedy


def now() -> float:
    """Return monotonic seconds, of a blocking conversation."""
    return time.monotonic()  # noqa: TID251
