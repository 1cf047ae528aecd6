"""A miner behind a balancer is written to as fast as any."""

import pytest

from proxy.downstream.behind_balancer import BehindBalancer
from proxy.runtime.outbox import Outbox
from tests.unit.runtime.test_outbox import Plain


@pytest.mark.parametrize("is_balanced", [False, True])
def test_a_line_goes_straight_to_the_socket(*, is_balanced: bool) -> None:
    transport = Plain()
    transport.socket.room = 5
    end = BehindBalancer(transport, "192.0.2.7") if is_balanced else transport

    Outbox(end).write(b"hello")

    assert transport.socket.room == 0
    assert transport.left == 0
    assert transport.producer is None
