"""Ports for Stratum V2, where the engine cannot encrypt."""

from types import SimpleNamespace
from typing import Any

import pytest
from twisted.internet.endpoints import TCP4ServerEndpoint
from twisted.internet.testing import MemoryReactorClock

from proxy.config import ListenerConfig
from proxy.downstream.listener import MinerListener
from proxy.downstream.listener_policy import ListenerPolicy
from tests.fakes.hall import Hall


@pytest.mark.parametrize(
    ("protocol", "can_encrypt", "is_engines"),
    [
        ("sv1", False, True),
        ("sv2", False, False),
        ("auto", False, False),
        ("auto", True, True),
    ],
)
def test_v2_is_left_to_twisted_before_the_site_has_keys(
    engine: str, protocol: Any, *, can_encrypt: bool, is_engines: bool
) -> None:
    if engine == "python":
        pytest.skip("Twisted takes all of them")
    hall = Hall()
    port, real = hall.port, hall.port.engine
    config = ListenerConfig(endpoint="tcp:1", protocol=protocol)
    policy = ListenerPolicy(hall.connections, hall.context, config)
    assert policy.speaks == "sv1"
    port.engine = SimpleNamespace(can_encrypt=can_encrypt)
    reactor: Any = MemoryReactorClock()

    listener = port.listener(TCP4ServerEndpoint(reactor, 1), policy)
    port.engine = real

    assert (type(listener) is not MinerListener) is is_engines
