"""A pool with a connection for each worker: what each second and each job cost."""

from collections.abc import Iterator
from itertools import pairwise

import pytest

from protocol.units import Seconds
from proxy.runtime.inflow import IN_A_TURN
from proxy.upstream.pool_links import CHECKED_AT_ONCE
from tests.fakes.pool_wire import NOTIFY, PoolServer
from tests.growth import instructions


@pytest.fixture(autouse=True)
def _closed() -> Iterator[None]:
    yield
    while PoolServer.made:
        assert PoolServer.made.pop().close().called


def server_of(links: int) -> PoolServer:
    server = PoolServer(user="acct.{worker}")
    for number in range(links):
        server.open(f"rig{number}")
        server.wire.welcome()
        server.clock.advance(0)
    return server


def test_what_a_pool_says_of_itself_costs_the_same_however_many_links_it_has() -> None:
    def cost(server: PoolServer) -> int:
        pool = server.pool
        return instructions(
            lambda: (
                pool.room,
                pool.unusable,
                pool.work,
                pool.state(),
                pool.connections,
                pool.unanswered_s(Seconds(server.clock.seconds())),
            )
        )

    assert cost(server_of(100)) == cost(server_of(1))


def test_a_second_looks_at_some_links_and_in_time_at_all() -> None:
    server = server_of(2 * CHECKED_AT_ONCE + 10)
    for wire in server.wires:  # they fall silent: all are due
        assert wire.is_up
    server.clock.advance(86400)
    left = [2 * CHECKED_AT_ONCE + 10]
    for _ in range(3):
        server.pool.check()
        left.append(sum(wire.is_up for wire in server.wires))

    assert all(before - now <= CHECKED_AT_ONCE for before, now in pairwise(left))
    assert left[-1] == 0


def test_the_pool_is_ready_while_one_of_its_links_has_work() -> None:
    server = server_of(2)
    first, second = server.wires
    first.transport.loseConnection()

    assert server.pool.state() == "ready"
    assert server.pool.connections == 1
    second.transport.loseConnection()
    assert server.pool.state() == "connecting"
    assert server.pool.work is None


def test_a_link_that_is_let_go_counts_no_more() -> None:
    server = server_of(2)
    server.pool.close("hall-a", "rig0", 0)

    assert server.pool.connections == 1


def test_a_block_on_all_links_at_once_is_worked_off_in_slices() -> None:
    server = server_of(2 * IN_A_TURN)
    arrived: list[int] = []
    server.work_arrived = lambda _feed: arrived.append(1)  # type: ignore[method-assign]
    block = ["j2", "11" * 32, *NOTIFY[2:]]
    for wire in server.wires:  # as the reactor reads them, in one turn
        wire.say("mining.notify", *block)
    at_once = len(arrived)
    server.clock.advance(0)

    assert at_once == IN_A_TURN
    assert len(arrived) == 2 * IN_A_TURN
