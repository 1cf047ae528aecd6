"""Where connections of the share engine come in: who hears them, by what they speak."""

from attrs import frozen
from typing_extensions import override

from protocol.dialect import Dialect
from protocol.noise.handshake import FIRST_BYTES
from proxy.downstream.auto_connection import AutoConnection
from proxy.downstream.connection import ListenerPolicy, SiteFactory
from proxy.downstream.fast.sv1_miner import EngineSv1Miner
from proxy.downstream.fast.sv2_connection import NativeSv2Connection
from proxy.downstream.fast.transport import WireTransport
from proxy.downstream.miner import Miner
from proxy.downstream.miner_protocol import MinerProtocol
from proxy.engine.engine import Wire


class NativeConnection:
    """A connection of Stratum V1 in the engine, as its hall commands it."""

    def __init__(self, hall: SiteFactory, miner: EngineSv1Miner) -> None:
        self._hall = hall
        self._miner = miner

    def dismiss(self, _miner: Miner, why: str) -> None:
        """Hang up on the one miner of the connection."""
        self.hang_up(why)

    def hang_up(self, why: str) -> None:
        """Close it for a reason of ours."""
        miner = self._miner
        if miner.outbox.is_open:
            self._hall.note_drop(miner.address, next(iter(miner.workers), None), why)
        self._miner.outbox.hang_up()


@frozen(eq=False)
class Acceptor:
    """A listener of a hall."""

    hall: SiteFactory
    door: SiteFactory | ListenerPolicy

    def welcome(self, wire: Wire, peer: str) -> None:
        """Take in a new connection."""
        if self.door.speaks == Dialect.SV1:
            self.admit(wire, peer)
            return
        transport = WireTransport(wire, peer)
        wire.hand_up_first(FIRST_BYTES)  # of a handshake; as many tell a protocol
        transport.connect(self._speaker(transport, self.door.speaks))

    def admit(self, wire: Wire, peer: str) -> None:
        """Take in a miner of Stratum V1, or hang up on it."""
        hall, floor = self.hall, self.door.floor
        if not hall.lets_in(peer):
            wire.hang_up()
            return
        miner = EngineSv1Miner(
            hall.new_id(), peer, floor, floor.now(), floor.grants_at_once, wire
        )
        hall.move_in(miner, NativeConnection(hall, miner))

    def _speaker(self, transport: WireTransport, protocol: str) -> MinerProtocol:
        floor, keys = self.door.floor, self.hall.keys
        if protocol == Dialect.SV1 or keys is None:
            return _Older(self, transport)
        if protocol == Dialect.SV2:
            return NativeSv2Connection(self.hall, floor, keys, transport)
        return AutoConnection(
            self.hall,
            lambda dialect: self._speaker(transport, dialect),
            floor.clock,
        )


class _Older(MinerProtocol):
    """Hands a connection that turned out to speak Stratum V1 to a miner."""

    def __init__(self, entrance: Acceptor, transport: WireTransport) -> None:
        self._entrance = entrance
        self._carrier = transport

    @override
    def dataReceived(self, data: bytes) -> None:
        self._carrier.outbox.unread(data)
        wire = self._carrier.hand_over()
        self._entrance.admit(wire, self._carrier.getPeer().host)

    @override
    def hang_up(self, why: str) -> None:
        self._carrier.abortConnection()
