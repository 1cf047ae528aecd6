"""The web side of a hall in memory, and a browser that speaks HTTP to it."""

import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from attrs import define, field
from msgspec.structs import replace
from twisted.internet.address import IPv4Address
from twisted.internet.defer import Deferred
from twisted.internet.testing import StringTransport

from protocol.units import UnixTime
from proxy.admin.operations import Operations
from proxy.admin.topics import Topics
from proxy.alerts.standing import StandingAlarms
from proxy.config import Config, ProxyConfig, SiteConfig
from proxy.config.web import WebConfig
from proxy.downstream.sv1_miner import Sv1Miner
from proxy.web.archive import Disk
from proxy.web.service import WebSide
from tests.fakes.hall import AUTHORIZE, CONFIGURE, SUBSCRIBE, Hall

NOW = UnixTime(1.7e9)
HOST = "127.0.0.1:8080"


@define
class Reply:
    """What a browser got: one whole answer, or all of a stream so far."""

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


@define
class Events:
    """A stream that stays open."""

    transport: StringTransport
    protocol: Any

    def names(self) -> list[str]:
        """Return the names of all events so far."""
        lines = self.transport.value().decode().splitlines()
        return [line[7:] for line in lines if line.startswith("event: ")]

    def data(self, name: str) -> list[Any]:
        """Return the data of all events of a name."""
        blocks = self.transport.value().decode().split("\n\n")
        found = [b.partition(f"event: {name}\ndata: ")[2] for b in blocks]
        return [json.loads(text) for text in found if text]


@define
class Web:
    """A hall, watched."""

    settings: WebConfig = field(
        factory=lambda: WebConfig(listen="tcp:8080:interface=127.0.0.1")
    )
    hall: Hall = field(factory=Hall)
    running: Any = field(init=False)
    topics: Topics = field(factory=Topics)
    state: Path = Path("/nowhere")
    side: WebSide = field(init=False)

    def __attrs_post_init__(self) -> None:
        hall = self.hall
        site = SiteConfig(name="hall-a", listen=("tcp:3333",), sources=["pool0"])
        config = Config(proxy=ProxyConfig(web=self.settings), sites=[site])
        self.running = SimpleNamespace(
            config=config,
            factories={"hall-a": hall.connections},
            recorder=hall.recorder,
            wall_clock=lambda: UnixTime(NOW + hall.clock.seconds()),
            power=None,
            pools={},
            nodes={},
            node_sources={},
            started_at=hall.clock.seconds(),
            engine=SimpleNamespace(name="python"),
            ledger=SimpleNamespace(
                state="ok", ledger_reason="", reason="", unrecorded=0, reach=None
            ),
            limits=SimpleNamespace(all=list),
            shipped=None,
            by_hand=SimpleNamespace(
                views=list, view_of=lambda _: None, parked=[], drain=lambda _: ""
            ),
            log_level="info",
            alerts=SimpleNamespace(standing=StandingAlarms()),
        )
        operations = Operations(self.running)
        disk = Disk(self.state, lambda: _at_once)
        self.side = WebSide.of(self.running, operations, self.topics, hall.clock, disk)

    def seat(self) -> Sv1Miner:
        """Return a miner that is connected and has said who it is."""
        wire = self.hall.connect()
        wire.say(CONFIGURE, SUBSCRIBE, AUTHORIZE)
        self.hall.connections.roster.miners[wire.miner.id] = wire.miner
        return wire.miner

    def reload(self, **changes: Any) -> None:
        """Have other settings in force."""
        config = self.running.config
        web = replace(self.settings, **changes)
        self.running.config = replace(config, proxy=replace(config.proxy, web=web))

    def ask(
        self, path: str, method: str = "GET", body: bytes = b"", **headers: str
    ) -> Reply:
        """Return the answer to one request; `_` in a header's name is `-`."""
        events = self.open(path, method, body, **headers)
        for _ in range(20):
            self.hall.clock.advance(0)
        return _read(events.transport.value())

    def open(
        self,
        path: str,
        method: str = "GET",
        body: bytes = b"",
        peer: str = "192.168.1.1",
        **headers: str,
    ) -> Events:
        """Ask, and stay connected."""
        protocol = self.side.site.buildProtocol(None)
        transport = StringTransport(peerAddress=IPv4Address("TCP", peer, 54321))
        transport.connected = True
        protocol.makeConnection(transport)
        given = {"host": HOST, **{k.replace("_", "-"): v for k, v in headers.items()}}
        if body:
            given["content-length"] = str(len(body))
        lines = [f"{k}: {v}" for k, v in given.items() if v]
        head = "\r\n".join([f"{method} {path} HTTP/1.1", *lines, "", ""])
        protocol.dataReceived(head.encode() + body)
        return Events(transport, protocol)

    def beat(self) -> None:
        """Let a second pass."""
        self.hall.clock.advance(1)
        _ = Deferred.fromCoroutine(self.side.pulse.beat())
        for _ in range(20):
            self.hall.clock.advance(0)


async def _at_once(work: Any) -> Any:
    return work()


def _read(data: bytes) -> Reply:
    head, _, body = data.partition(b"\r\n\r\n")
    first, *lines = head.decode().split("\r\n")
    pairs = (line.partition(": ") for line in lines)
    headers = {name.lower(): value for name, _, value in pairs}
    return Reply(int(first.split()[1]), headers, body)
