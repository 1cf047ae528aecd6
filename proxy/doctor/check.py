"""Checks, and what they find, gathered within a deadline."""

import time
from collections.abc import Callable, Iterable, Sequence
from threading import Thread
from typing import Literal

import msgspec
from attrs import frozen

Level = Literal["ok", "warn", "fail", "skipped"]


class Finding(msgspec.Struct, frozen=True):
    """What a check found.

    Attributes:
        check: What was looked at, as `pool main`.
        level: `fail`: mining or the budget suffers; `warn`: it may.
        seen: What was seen.
        remedy: What to do; empty where nothing is.
    """

    check: str
    level: Level
    seen: str
    remedy: str = ""


@frozen
class Check:
    """Something to look at.

    Attributes:
        name: What findings are listed under.
        look: Returns what was found; it may take its time, and may raise OSError.
        within_s: For so long it is waited for.
    """

    name: str
    look: Callable[[], Iterable[Finding]]
    within_s: float = 3.0


def ok(check: str, seen: str) -> Finding:
    """Return that all is well."""
    return Finding(check, "ok", seen)


def warn(check: str, seen: str, remedy: str) -> Finding:
    """Return what may become a fault."""
    return Finding(check, "warn", seen, remedy)


def fail(check: str, seen: str, remedy: str) -> Finding:
    """Return a fault."""
    return Finding(check, "fail", seen, remedy)


def skipped(check: str, why: str) -> Finding:
    """Return that something could not be looked at."""
    return Finding(check, "skipped", why)


class Round:
    """All checks at once.

    Threads are daemons: one that hangs does not hold up the end of the process.
    """

    def __init__(self, checks: Sequence[Check], patience: float = 1.0) -> None:
        self._checks = checks
        self._patience = patience
        self._found: list[list[Finding] | None] = [None] * len(checks)
        self._began = time.monotonic()  # noqa: TID251  (a deadline on real threads)
        self._threads = [
            Thread(target=self._run, args=(n, check), daemon=True)
            for n, check in enumerate(checks)
        ]
        for thread in self._threads:
            thread.start()

    def findings(self) -> list[Finding]:
        """Return what they found, in their order, once all deadlines are over."""
        for check, thread in zip(self._checks, self._threads, strict=True):
            gone = time.monotonic() - self._began  # noqa: TID251
            thread.join(max(0.0, self._patience * check.within_s - gone))
        return [
            finding
            for check, found in zip(self._checks, self._found, strict=True)
            for finding in ([_late(check)] if found is None else found)
        ]

    def _run(self, number: int, check: Check) -> None:
        try:
            self._found[number] = list(check.look())
        except OSError as error:
            seen = f"it could not be looked at: {error.strerror or error}"
            self._found[number] = [skipped(check.name, seen)]


def _late(check: Check) -> Finding:
    seen = f"no answer within {check.within_s:g} s"
    return warn(check.name, seen, "look whether a disk or a network hangs")
