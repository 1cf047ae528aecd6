"""The real reactor with a faster clock: minutes of time-outs, seconds of test."""

from collections.abc import Callable
from typing import Any

from twisted.internet.interfaces import IDelayedCall
from zope.interface import directlyProvides, providedBy


class FastReactor:
    """Sockets as they are; `seconds` and `callLater` run `speed` times as fast."""

    def __init__(self, reactor: Any, speed: float) -> None:
        self._reactor = reactor
        self._speed = speed
        directlyProvides(self, providedBy(reactor))

    def __getattr__(self, name: str) -> Any:
        return getattr(self._reactor, name)

    def seconds(self) -> float:
        return float(self._reactor.seconds()) * self._speed

    def callLater(  # noqa: N802  (IReactorTime)
        self, delay: float, f: Callable[..., Any], *args: Any, **kwargs: Any
    ) -> IDelayedCall:
        call: IDelayedCall = self._reactor.callLater(
            delay / self._speed, f, *args, **kwargs
        )
        return call
