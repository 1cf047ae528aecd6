"""A pause of ours (a VM, SIGSTOP) is nobody else's silence."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from twisted.application.service import MultiService
from twisted.internet.defer import Deferred

from protocol.units import Seconds, UnixTime
from proxy.config import Config
from proxy.downstream.roster import Roster
from proxy.node.block_files import BlockFiles
from proxy.runtime.inflow import Turns
from proxy.share_process.site_ports import SitePorts
from proxy.share_process.sites import SiteService
from proxy.share_process.source_maker import SourceMaker
from proxy.share_process.sources import Sources
from proxy.share_process.sources_service import SourcesService
from tests.fakes.hall import Hall
from tests.fakes.pool_wire import NOTIFY, PoolServer

PAUSE = Seconds(130.0)
"""Longer than any pool or miner may be silent at its login."""


@pytest.fixture
def server(tmp_path: Path) -> Iterator[PoolServer]:
    server = PoolServer()
    clock: Any = server.clock
    files = BlockFiles(tmp_path, clock)
    wall = lambda: UnixTime(1_700_000_000.0)  # noqa: E731
    nothing = Config(sites=[])
    sources = Sources(
        SourceMaker(nothing, clock, lambda: 0.5, wall, 0, files, Turns(clock))
    )
    sources.pools = {server.pool.name: server.pool}
    service = SourcesService(sources, nothing, server.clock, wall)
    service.startService()
    server.open()
    server.wire.welcome()
    yield server
    assert Deferred.fromCoroutine(service.stopService()).called
    PoolServer.made.remove(server)


def test_a_pool_that_spoke_during_our_pause_is_kept(server: PoolServer) -> None:
    server.clock.advance(1)
    server.clock.advance(PAUSE)  # timers come first, then what waits in the socket
    server.wire.say("mining.notify", *NOTIFY)
    server.clock.advance(1)

    assert server.wire.is_up
    assert len(server.dialled) == 1


def test_a_pool_that_said_nothing_in_it_is_left(server: PoolServer) -> None:
    server.clock.advance(1)
    server.clock.advance(PAUSE)
    server.clock.advance(1)

    assert not server.wires[0].is_up


def test_after_our_pause_miners_are_read_before_they_are_judged(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    hall = Hall()
    looks: list[float] = []
    monkeypatch.setattr(Roster, "sweep", lambda _, now: looks.append(now))
    clock: Any = hall.clock
    service = SiteService(
        SitePorts(hall.connections, hall.port, MultiService(), clock),
        Seconds(60.0),
        clock,
    )
    service.startService()
    hall.clock.advance(1)
    hall.clock.advance(PAUSE)
    hall.clock.advance(1)

    assert looks == [1000.0, 1001.0, 1002.0 + PAUSE]
    assert Deferred.fromCoroutine(service.stopService()).called
