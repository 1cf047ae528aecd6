"""Where connections of the share engine come in: who hears them, by what they speak."""

from attrs import frozen
from typing_extensions import override

from protocol.dialect import Dialect
from protocol.noise.handshake import FIRST_BYTES
from proxy.downstream.auto_connection import AutoConnection
from proxy.downstream.behind_balancer import BalancedConnection
from proxy.downstream.connection import SiteFactory
from proxy.downstream.fast.sv1_miner import EngineSv1Miner
from proxy.downstream.fast.sv2_connection import NativeSv2Connection
from proxy.downstream.fast.tap import EngineTap
from proxy.downstream.fast.transport import WireTransport
from proxy.downstream.listener_policy import ListenerPolicy
from proxy.downstream.miner import Miner
from proxy.downstream.miner_protocol import MinerProtocol
from proxy.engine.engine import Wire
from proxy.runtime.tap import Tap

MAX_FIRST_BYTES = 255
"""That the engine hands up at a time."""


class NativeConnection:
    """A connection of Stratum V1 in the engine, as its site commands it."""

    def __init__(self, factory: SiteFactory, miner: EngineSv1Miner) -> None:
        self._factory = factory
        self._miner = miner

    def tap(self) -> Tap | None:
        """Return a recording of it; None: there is one already, or it is gone."""
        return EngineTap.begin(self._miner.outbox)

    def dismiss(self, _miner: Miner, why: str) -> None:
        """Hang up on the one miner of the connection."""
        self.hang_up(why)

    def hang_up(self, why: str) -> None:
        """Close it for a reason of ours."""
        miner = self._miner
        if miner.outbox.is_open:
            self._factory.note_drop(miner.address, next(iter(miner.workers), None), why)
        self._miner.outbox.hang_up()


@frozen(eq=False)
class Acceptor:
    """Takes the connections of one listener of a site."""

    factory: SiteFactory
    listener_policy: SiteFactory | ListenerPolicy

    def accept(self, wire: Wire, peer: str) -> None:
        """Take in a new connection."""
        policy = self.listener_policy
        if isinstance(policy, ListenerPolicy) and not policy.takes(peer):
            wire.hang_up()
        elif isinstance(policy, ListenerPolicy) and policy.is_balanced:
            _EngineBalanced(self, policy, wire, peer)
        elif policy.speaks == Dialect.SV1:
            self.admit(wire, peer)
        else:
            self.listen(WireTransport(wire, peer))

    def listen(self, transport: WireTransport) -> None:
        """Take in a connection that is to say what it speaks."""
        # of a handshake; as many tell a protocol
        transport.outbox.hand_up_first(FIRST_BYTES)
        speaks = self.listener_policy.speaks
        protocol = self._protocol(transport, speaks)
        if speaks != Dialect.SV1:
            transport.connect(protocol)
            return  # else it is counted, and its wait is limited, until it speaks
        clock = self.listener_policy.context.clock
        transport.connect(AutoConnection(self.factory, lambda _: protocol, clock))

    def admit(self, wire: Wire, peer: str) -> None:
        """Take in a miner of Stratum V1, or hang up on it."""
        factory, context = self.factory, self.listener_policy.context
        if not factory.lets_in(peer):
            wire.hang_up()
            return
        grants = context.parking.grants_at_once
        miner = EngineSv1Miner(
            factory.new_id(), peer, context, context.now(), grants, wire
        )
        factory.register(miner, NativeConnection(factory, miner))

    def _protocol(self, transport: WireTransport, protocol: str) -> MinerProtocol:
        context, keys = self.listener_policy.context, self.factory.keys
        if protocol == Dialect.SV1 or keys is None:
            return _Sv1Takeover(self, transport)
        if protocol == Dialect.SV2:
            return NativeSv2Connection(self.factory, context, keys, transport)
        return AutoConnection(
            self.factory,
            lambda dialect: self._protocol(transport, dialect),
            context.clock,
        )


class _Sv1Takeover(MinerProtocol):
    """Hands a connection that turned out to speak Stratum V1 to a miner."""

    def __init__(self, acceptor: Acceptor, transport: WireTransport) -> None:
        self._acceptor = acceptor
        self._carrier = transport

    @override
    def dataReceived(self, data: bytes) -> None:
        self._carrier.outbox.unread(data)
        wire = self._carrier.hand_over()
        self._acceptor.admit(wire, self._carrier.getPeer().host)

    @override
    def hang_up(self, why: str) -> None:
        self._carrier.abortConnection()


class _EngineBalanced(BalancedConnection):
    """A balancer's connection in the engine: it asks for no byte beyond the header."""

    def __init__(
        self, acceptor: Acceptor, policy: ListenerPolicy, wire: Wire, peer: str
    ) -> None:
        super().__init__(acceptor.factory, self._enter, policy.context.clock)
        self._acceptor = acceptor
        self._policy = policy
        self._wire = wire
        wire.hand_up_first(self.wanted)
        WireTransport(wire, peer).connect(self)

    @override
    def dataReceived(self, data: bytes) -> None:
        super().dataReceived(data)
        if self.is_waiting:
            self._wire.hand_up_first(min(self.wanted, MAX_FIRST_BYTES))

    def _enter(self, transport: WireTransport, address: str, _rest: bytes) -> None:
        if not self._policy.lets_in(address):
            transport.abortConnection()
            return
        transport.stand_for(address)
        self._acceptor.listen(transport)
