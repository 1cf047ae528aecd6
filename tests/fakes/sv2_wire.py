"""A site in memory with a miner of Stratum V2 at its door."""

from typing import Any

from twisted.internet.address import IPv4Address
from twisted.internet.testing import StringTransport

from protocol.sv2.codec import Message, decode, encode, mining
from protocol.sv2.line import ClientLine
from protocol.units import UnixTime
from proxy.config import LimitsConfig
from proxy.downstream.connection import SiteFactory
from proxy.downstream.sv2_keys import ServerKeys
from proxy.downstream.sv2_miner import Sv2Miner
from tests.fakes.hall import Hall
from tests.fakes.sv2_ends import a_setup, a_standard, an_extended
from tests.noise_peers import an_authority, an_initiator

NTIME = 1_700_000_000


def counted(size: int) -> bytes:
    return b"\x05" * size


class Door:
    """A hall in memory and the connections that come to it."""

    def __init__(self, hall: Hall | None = None, **limits: Any) -> None:
        self.hall = hall or Hall()
        self.connections: SiteFactory = self.hall.connections
        self.connections.roster.limits = LimitsConfig(**limits)
        wall_clock = lambda: UnixTime(float(NTIME))  # noqa: E731
        self.connections.keys = ServerKeys(an_authority(), wall_clock, counted)
        self.roster = self.connections.roster

    def connect(self, protocol: str = "sv2", address: str = "10.0.0.1") -> "Sv2Wire":
        if self.hall.engine == "native":
            from tests.fakes.sv2_native_wire import NativeSv2Wire  # noqa: PLC0415

            return NativeSv2Wire(self, protocol, address)
        return Sv2Wire(self, protocol, address)

    def pass_time(self, seconds: int) -> None:
        for _ in range(seconds):
            self.hall.pass_time(1)
            self.roster.sweep(self.hall.context.now())


class Sv2Wire:
    """A miner's end of an encrypted connection in memory."""

    def __init__(self, door: Door, protocol: str, address: str) -> None:
        self.door = door
        self.line = ClientLine(1 << 20, an_initiator(), UnixTime(float(NTIME)))
        self.line.start()
        self.sequence = 0
        self._connect(protocol, address)

    def _connect(self, protocol: str, address: str) -> None:
        self.transport = StringTransport(peerAddress=IPv4Address("TCP", address, 1))
        self.connection = self.door.connections.enter(self.door.hall.context, protocol)
        self.connection.makeConnection(self.transport)

    @property
    def is_dropped(self) -> bool:
        return bool(self.transport.disconnecting or self.transport.disconnected)

    def send(self, data: bytes) -> None:
        """Send bytes as they are."""
        self.connection.dataReceived(data)

    def received(self) -> bytes:
        """Return what came, as it is."""
        data: bytes = self.transport.value()
        self.transport.clear()
        return data

    def hang_up(self) -> None:
        self.connection.connectionLost()

    def say(self, *messages: Message) -> list[Any]:
        """Return what the site answers."""
        self._pass_on()
        self.line.send(map(encode, messages))
        self._pass_on()
        return self.hear()

    def hear(self) -> list[Any]:
        return [decode(frame) for frame in self.line.receive(self.received())]

    def set_up(self, **changes: Any) -> "Sv2Wire":
        self.say(a_setup(**changes))
        return self

    def extended(self, **changes: Any) -> list[Any]:
        """Return what opening a channel leads to; the channel's answer first."""
        changes = {"nominal_hash_rate": 0.0, **changes}
        return self.say(an_extended(**changes))

    def standard(self, **changes: Any) -> list[Any]:
        return self.say(a_standard(**{"nominal_hash_rate": 0.0, **changes}))

    def miner(self, number: int = -1) -> Sv2Miner:
        found = list(self.door.roster.miners.values())[number]
        assert isinstance(found, Sv2Miner)
        return found

    def submit(self, channel: int, nonce: int, **changes: Any) -> list[Any]:
        """Return the verdict on a share, by its durable answer."""
        self.sequence += 1
        fields: dict[str, Any] = {
            "channel_id": channel,
            "sequence_number": self.sequence,
            "job_id": self.door.hall.board.last_seq,
            "nonce": nonce,
            "ntime": NTIME,
            "version": 0x20000000,
            "extranonce": bytes(4),
        }
        fields.update(changes)
        kind: Any = mining.SubmitSharesExtended
        if fields["extranonce"] is None:
            del fields["extranonce"]
            kind = mining.SubmitSharesStandard
        heard = self.say(kind(**fields))
        self.door.hall.clock.advance(0.001)
        return heard + self.hear()

    def accepted_nonce(self, channel: int, **changes: Any) -> int:
        for nonce in range(1000):
            (answer,) = self.submit(channel, nonce, **changes)
            if isinstance(answer, mining.SubmitSharesSuccess):
                return nonce
        raise AssertionError

    def _pass_on(self) -> None:
        self.send(self.line.outgoing())
        if not self.line.is_open:
            list(self.line.receive(self.received()))
