"""Serve many, one after the other, so that one's trouble is not the others'."""

from collections.abc import Callable, Iterable, Iterator
from typing import Protocol, TypeVar

from twisted.logger import Logger

_log = Logger()


class Servable(Protocol):
    """One of many, who can be hung up on by itself."""

    def drop(self, why: str) -> None:
        """Hang up on it for a reason of ours."""


One = TypeVar("One", bound=Servable)


def serve_each(
    those: Iterable[One], action: Callable[[One], object], what: str
) -> None:
    """Do something with each; one that it fails with is logged and dropped.

    It costs nothing beside the loop while nobody fails.

    Args:
        those: All are found before the first is served, so that some may leave.
        action: What is done.
        what: The same in words: "handing out a job".
    """
    serve_from(iter([*those]), action, what)


def serve_from(left: Iterator[One], action: Callable[[One], object], what: str) -> None:
    """Do the same with each of `left`, which is asked for the next after each."""
    # One iterator for all rounds: after a failure the next round goes on behind it.
    while _serve(left, action, what):
        pass


def _serve(left: Iterator[One], action: Callable[[One], object], what: str) -> bool:
    """Serve until one fails; return whether one did."""
    one: One | None = None
    with _log.failuresHandled("{what} failed: one miner is dropped", what=what) as op:
        for one in left:
            action(one)
    if op.failed and one is not None:
        with _log.failuresHandled("{what} failed, and so did the drop", what=what):
            one.drop(f"a fault of ours: {what} failed")
    return op.failed
