import json
from collections.abc import Callable
from typing import Any

import pytest
from twisted.internet.defer import Deferred, maybeDeferred
from twisted.internet.endpoints import TCP4ClientEndpoint, connectProtocol
from twisted.internet.protocol import Factory, Protocol, connectionDone
from twisted.internet.task import deferLater
from twisted.protocols.basic import LineOnlyReceiver
from twisted.python.failure import Failure
from typing_extensions import override

from protocol.sunspec.meter import parse_meter
from protocol.units import Seconds
from proxy.sim.kinds import Fault, Spread, kind_of
from proxy.sim.plant import Plant, PlantOptions
from proxy.sim.plant_network import PlantNetwork, PoolAddress, YardOptions
from proxy.sim.site_meter import MeterOptions
from tests.support import on_reactor

NOTIFY = ["a", "00" * 32, "01", "02", [], "20000000", "207fffff", "65000000", True]
RESULTS: dict[str, Any] = {
    "mining.configure": {"version-rolling": True, "version-rolling.mask": "1fffe000"},
    "mining.subscribe": [[["mining.notify", "1"]], "2a", 4],
}
FAST = kind_of("Antminer S21", down=0.4, up=0.8, boot=1.0)


class ScriptedPool(LineOnlyReceiver):
    delimiter = b"\n"

    def __init__(self, pool: "Pool") -> None:
        self.pool = pool

    @override
    def connectionMade(self) -> None:
        self.peer = str(self.transport.getPeer().host)  # type: ignore[union-attr]
        self.pool.open.add(self.peer)

    @override
    def connectionLost(self, reason: Failure = connectionDone) -> None:
        self.pool.open.discard(self.peer)

    @override
    def lineReceived(self, line: bytes) -> None:
        request = json.loads(line)
        method = request["method"]
        self.say(id=request["id"], result=RESULTS.get(method, True), error=None)
        if method == "mining.submit":
            self.pool.shares.append(self.peer)
        if method == "mining.authorize":
            self.say(id=None, method="mining.set_difficulty", params=[2.0**-26])
            self.say(id=None, method="mining.notify", params=NOTIFY)

    def say(self, **message: Any) -> None:
        self.sendLine(json.dumps(message).encode())


class Pool:
    """A pool that writes down who is there and who found something."""

    def __init__(self, reactor: Any) -> None:
        self.open: set[str] = set()
        self.shares: list[str] = []
        factory: Any = Factory.forProtocol(lambda: ScriptedPool(self))
        self.port = reactor.listenTCP(0, factory, interface="127.0.0.1")
        self.address = PoolAddress("127.0.0.1", self.port.getHost().port)


class Asked(Protocol):
    def __init__(self, request: bytes, enough: int | None = None) -> None:
        self.request = request
        self.enough = enough
        self.got = b""
        self.answer: Deferred[bytes] = Deferred()

    @override
    def connectionMade(self) -> None:
        assert self.transport is not None
        self.transport.write(self.request)

    @override
    def dataReceived(self, data: bytes) -> None:
        self.got += data
        if self.enough is not None and len(self.got) >= self.enough:
            assert self.transport is not None
            self.transport.loseConnection()

    @override
    def connectionLost(self, reason: Failure = connectionDone) -> None:
        self.answer.callback(self.got)


async def ask(
    reactor: Any, place: tuple[str, int], request: bytes, enough: int | None = None
) -> bytes:
    endpoint = TCP4ClientEndpoint(reactor, *place)
    asked = await connectProtocol(endpoint, Asked(request, enough))
    answer: bytes = await asked.answer
    return answer


async def tell(reactor: Any, address: str, command: str, parameter: str = "") -> Any:
    request = json.dumps({"command": command, "parameter": parameter}).encode()
    answer = await ask(reactor, (address, 4028), request)
    return json.loads(answer.rstrip(b"\0"))


async def until(reactor: Any, is_so: Callable[[], bool]) -> None:
    while not is_so():
        await deferLater(reactor, 0.05)


def a_plant(reactor: Any, count: int, **options: Any) -> Plant:
    spread = Spread(unit_error=0.0, fleet_bias=1.0)
    made = PlantOptions(kinds=(FAST,) * count, spread=spread, **options)
    return Plant(made, Seconds(reactor.seconds()))


@pytest.mark.integration
@on_reactor
async def test_a_machine_mines_from_the_address_that_its_device_api_has() -> None:
    from twisted.internet import reactor  # noqa: PLC0415

    pool = Pool(reactor)
    options = YardOptions(first_address="127.31.0.1", pools=(pool.address,))
    network = PlantNetwork(a_plant(reactor, 3), options, reactor)
    network.startService()
    await until(reactor, lambda: set(pool.shares) == set(network.addresses))

    session = await tell(reactor, "127.31.0.2", "logon")
    token = session["SESSION"][0]["SessionID"]
    await tell(reactor, "127.31.0.2", "curtail", f"{token},sleep")
    await until(reactor, lambda: not network.miners[1].hashing)
    await deferLater(reactor, 0.2)
    pool.shares.clear()
    await until(reactor, lambda: len(pool.shares) > 20)
    asleep = set(pool.shares)
    stats = network.stats()
    await tell(reactor, "127.31.0.2", "curtail", f"{token},wakeup")
    await until(reactor, lambda: "127.31.0.2" in pool.shares)
    connected = len(pool.open)
    await network.stopService()
    await maybeDeferred(pool.port.stopListening)

    assert asleep == {"127.31.0.1", "127.31.0.3"}
    assert (stats.asleep, stats.hashing, stats.commands) == (1, 2, 1)
    assert connected == 3


@pytest.mark.integration
@on_reactor
async def test_a_machine_that_fails_over_leaves_a_pool_without_jobs() -> None:
    from twisted.internet import reactor  # noqa: PLC0415

    ours, foreign = Pool(reactor), Pool(reactor)
    plant = a_plant(reactor, 2)
    plant.faults[1] = Fault.FAILS_OVER
    network = PlantNetwork(
        plant,
        YardOptions(
            first_address="127.32.0.1",
            pools=(ours.address,),
            foreign=foreign.address,
        ),
        reactor,
    )
    network.startService()
    await until(reactor, lambda: len(ours.open) == 2)
    pools = (await tell(reactor, "127.32.0.2", "pools"))["POOLS"]

    plant.asics.last_job_at[1] -= 61.0
    for miner in network.miners:  # their last job came a minute ago
        await until(reactor, lambda: miner.session is not None)  # noqa: B023
        assert miner.session is not None
        await until(reactor, lambda: miner.session.search is not None)  # type: ignore[union-attr]  # noqa: B023
        miner.session.search.started -= 61.0  # type: ignore[union-attr]
    await until(reactor, lambda: foreign.open == {"127.32.0.2"})
    stayed = set(ours.open)
    await network.stopService()
    await maybeDeferred(ours.port.stopListening)
    await maybeDeferred(foreign.port.stopListening)

    assert stayed == {"127.32.0.1"}
    assert [p["URL"] for p in pools] == [ours.address.url, foreign.address.url]


@pytest.mark.integration
@on_reactor
async def test_the_meter_and_a_reboot_are_seen_over_sockets() -> None:
    from twisted.internet import reactor  # noqa: PLC0415

    plant = a_plant(reactor, 2, meter=MeterOptions(noise=0.0, lag_s=0.0))
    options = YardOptions(first_address="127.33.0.1", meter_port=0)
    network = PlantNetwork(plant, options, reactor)
    network.startService()
    await deferLater(reactor, 0.6)
    request = bytes.fromhex("000100000006010" + "39c86006b")
    place = ("127.0.0.1", network.meter_port)
    answer = await ask(reactor, place, request, enough=9 + 2 * 107)

    token = (await tell(reactor, "127.33.0.1", "logon"))["SESSION"][0]["SessionID"]
    await tell(reactor, "127.33.0.1", "rebootdevice", token)
    off = await ask(reactor, ("127.33.0.1", 4028), b'{"command":"version"}')
    await until(reactor, lambda: not network.devices[0].is_off)
    again = await tell(reactor, "127.33.0.1", "version")
    await network.stopService()

    assert parse_meter(answer[9:]).watts == pytest.approx(18 + 1.03 * 7000, abs=1)
    assert off == b""
    assert again["VERSION"][0]["Type"] == "Antminer S21"
