"""A relay that cannot be reached is a lost one, whatever the reason."""

from typing import Any

import pytest
from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IHostnameResolver
from twisted.internet.testing import MemoryReactorClock
from zope.interface import implementer

from proxy.power.ports import RelayError
from proxy.signals.relay import HttpRelay


@implementer(IHostnameResolver)
class NoNames:
    """Finds no address of anybody."""

    def resolveHostName(self, receiver: Any, *_: Any, **__: Any) -> Any:  # type: ignore[override]  # noqa: N802
        receiver.resolutionBegan(None)
        receiver.resolutionComplete()
        return receiver


def test_a_name_that_does_not_resolve_is_a_lost_relay() -> None:
    reactor = MemoryReactorClock()
    reactor.nameResolver = NoNames()
    relay = HttpRelay(reactor, "hall-a", "http://nosuch.invalid/beat")

    beat = Deferred.fromCoroutine(relay.beat(may_run=True))

    failed: list[Any] = []
    _ = beat.addErrback(failed.append)
    assert failed[0].check(RelayError), failed
    with pytest.raises(RelayError, match="nosuch"):
        failed[0].raiseException()
