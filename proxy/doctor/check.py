"""Checks, and what they find, gathered within a deadline."""

from collections.abc import Callable, Iterable, Sequence
from threading import Thread
from typing import Literal, TypeVar

import msgspec
from attrs import frozen

from proxy.doctor.probe import now

T = TypeVar("T")
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
        look: Yields what was found, each as it is found: that is told of even if the
            rest is late, or fails.
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


def side_by_side(
    look: Callable[[str], T], asked: Sequence[str], within_s: float
) -> dict[str, T]:
    """Return what `look` says of each of `asked`, of those that it is in time for.

    Threads are daemons, not of a pool: the end of the process waits for a pool's.
    """
    found: dict[str, T] = {}

    def run(one: str) -> None:
        found[one] = look(one)

    threads = [Thread(target=run, args=(one,), daemon=True) for one in asked]
    for thread in threads:
        thread.start()
    until = now() + within_s
    for thread in threads:
        thread.join(max(0.0, until - now()))
    return {one: found[one] for one in asked if one in found}


class Round:
    """All checks at once.

    Threads are daemons: one that hangs does not hold up the end of the process.
    """

    def __init__(self, checks: Sequence[Check], patience: float = 1.0) -> None:
        self._checks = checks
        self._patience = patience
        self._found: list[list[Finding]] = [[] for _ in checks]
        self._began = now()
        self._threads = [
            Thread(target=self._run, args=(n, check), daemon=True)
            for n, check in enumerate(checks)
        ]
        for thread in self._threads:
            thread.start()

    def findings(self) -> list[Finding]:
        """Return what they found, in their order, once all deadlines are over."""
        for check, thread in zip(self._checks, self._threads, strict=True):
            gone = now() - self._began
            thread.join(max(0.0, self._patience * check.within_s - gone))
        told: list[Finding] = []
        rows = zip(self._checks, self._threads, self._found, strict=True)
        for check, thread, found in rows:
            late = [_late(check)] if thread.is_alive() else []
            told += [*found, *late]
        return told

    def _run(self, number: int, check: Check) -> None:
        found = self._found[number]
        try:
            for finding in check.look():
                found.append(finding)
        except OSError as error:
            seen = f"it could not be looked at: {error.strerror or error}"
            found.append(skipped(check.name, seen))
        except Exception as error:  # noqa: BLE001  (of one check: the others are told)
            seen = f"the look at it failed: {type(error).__name__}: {error}"
            found.append(warn(check.name, seen, "look at it by hand, and report this"))


def _late(check: Check) -> Finding:
    seen = f"no answer within {check.within_s:g} s"
    return warn(check.name, seen, "look whether a disk or a network hangs")
