import json

from twisted.internet.endpoints import TCP4ClientEndpoint
from twisted.internet.interfaces import IStreamClientEndpoint
from twisted.internet.testing import MemoryReactorClock, StringTransport

from protocol.units import HashesPerSecond, WorkerName
from proxy.sim.dialect import CGMINER
from proxy.sim.fleet import SimulatedFleet
from proxy.sim.miner import PoolSlot, SimulatedMachine, SimulatedMiner

NOTIFY = [
    "a", "00" * 32, "01", "02", [], "20000000", "207fffff", "65000000", True
]  # fmt: skip


def miner_on(reactor: MemoryReactorClock, rate: float = 1000.0) -> SimulatedMiner:
    def dial(host: str, port: int) -> IStreamClientEndpoint:
        return TCP4ClientEndpoint(reactor, host, port)

    machine = SimulatedMachine(
        WorkerName("rack-a.0001"), CGMINER, HashesPerSecond(rate), 1
    )
    slots = tuple(PoolSlot("127.0.0.1", port, dial) for port in (1, 2, 3))
    return SimulatedMiner(machine, slots, reactor)


def refuse(reactor: MemoryReactorClock) -> None:
    from twisted.internet.error import ConnectionRefusedError as RefusedError  # noqa: PLC0415
    from twisted.python.failure import Failure  # noqa: PLC0415

    factory, connector = reactor.tcpClients[-1][2], reactor.connectors[-1]
    factory.clientConnectionFailed(connector, Failure(RefusedError()))


def accept(reactor: MemoryReactorClock) -> StringTransport:
    protocol = reactor.tcpClients[-1][2].buildProtocol(None)
    assert protocol is not None
    transport = StringTransport()
    protocol.makeConnection(transport)
    for message in (
        {"id": 1, "result": {}},
        {"id": 2, "result": [[["mining.notify", "1"]], "2a", 4]},
        {"id": 3, "result": True},
        {"id": None, "method": "mining.set_difficulty", "params": [2.0**-28]},
        {"id": None, "method": "mining.notify", "params": NOTIFY},
    ):
        protocol.dataReceived(json.dumps(message).encode() + b"\n")
    transport.clear()
    return transport


def ports(reactor: MemoryReactorClock) -> list[int]:
    return [client[1] for client in reactor.tcpClients]


def test_a_pool_that_refuses_is_left_for_the_next_after_the_retry() -> None:
    reactor = MemoryReactorClock()
    miner = miner_on(reactor)
    miner.start()
    for _ in range(3):
        refuse(reactor)
        reactor.advance(5.0)

    assert ports(reactor) == [1, 2, 3, 1]


def test_a_silent_pool_is_hung_up_on_after_90_seconds() -> None:
    reactor = MemoryReactorClock()
    miner_on(reactor).start()
    transport = accept(reactor)

    reactor.advance(89.0)
    assert not transport.disconnecting
    reactor.advance(1.0)
    assert transport.disconnecting


def test_the_fleet_hashes_what_time_has_earned_and_submits() -> None:
    reactor = MemoryReactorClock()
    fleet = SimulatedFleet([miner_on(reactor)], reactor)
    fleet.startService()
    reactor.advance(0.0)
    transport = accept(reactor)

    for _ in range(20):
        reactor.advance(0.1)

    stats = fleet.stats()
    assert 1800 <= stats.hashes <= 2000
    assert stats.submitted == transport.value().count(b"mining.submit") > 50
    assert stats.kept_up == 1.0
    assert stats.breaches == []


def test_a_fleet_that_falls_behind_gives_up_what_is_too_late() -> None:
    reactor = MemoryReactorClock()
    fleet = SimulatedFleet([miner_on(reactor)], reactor)
    fleet.startService()
    reactor.advance(0.0)
    accept(reactor)

    reactor.advance(8.0)

    assert fleet.stats().kept_up < 0.3


def test_a_sleeping_miner_neither_hashes_nor_owes() -> None:
    reactor = MemoryReactorClock()
    miner = miner_on(reactor)
    fleet = SimulatedFleet([miner], reactor)
    fleet.startService()
    reactor.advance(0.0)
    accept(reactor)
    miner.hashing = False

    reactor.advance(1.0)

    assert fleet.stats().hashes == 0
    assert fleet.stats().working == 0
