"""A reactor whose clock runs fast: half a minute of the proxy in a second of a test."""

from collections.abc import Callable
from typing import Any

from twisted.internet.interfaces import IDelayedCall
from twisted.internet.task import Clock
from zope.interface import directlyProvides, providedBy

TICK = 0.005
"""Real seconds between two steps of the clock; 0.15 s of a proxy that runs 30 times as
fast, which waits for nothing shorter but for its next turn."""


class FastReactor:
    """Sockets as they are; `seconds` and `callLater` run `speed` times as fast.

    The clock goes by turns of the reactor, one step each: where the machine gives the
    process no time, none passes for the proxy either. So a busy machine makes a test
    slow, and no pool late.
    """

    def __init__(self, reactor: Any, speed: float) -> None:
        self._reactor = reactor
        self._step = TICK * speed
        self._clock = Clock()
        self._clock.advance(reactor.seconds())  # no clock of a machine begins at 0
        self._tick: IDelayedCall | None = None
        directlyProvides(self, providedBy(reactor))

    def __getattr__(self, name: str) -> Any:
        return getattr(self._reactor, name)

    def seconds(self) -> float:
        return float(self._clock.seconds())

    def callLater(  # noqa: N802  (IReactorTime)
        self, delay: float, f: Callable[..., Any], *args: Any, **kwargs: Any
    ) -> IDelayedCall:
        if delay == 0:
            turn: IDelayedCall = self._reactor.callLater(0, f, *args, **kwargs)
            return turn
        call: IDelayedCall = self._clock.callLater(delay, f, *args, **kwargs)
        self._wait()
        return call

    def _wait(self) -> None:
        # nothing is left behind in the reactor when all that waited is over
        if self._tick is None and self._clock.getDelayedCalls():
            self._tick = self._reactor.callLater(TICK, self._advance)

    def _advance(self) -> None:
        self._tick = None
        self._clock.advance(self._step)
        self._wait()
