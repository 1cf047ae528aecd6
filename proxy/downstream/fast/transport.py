"""A wire of the share engine in the shape of a Twisted transport."""

from twisted.internet.address import IPv4Address
from twisted.internet.protocol import connectionDone

from proxy.downstream.miner_protocol import MinerProtocol
from proxy.engine.engine import Wire


class WireTransport:
    """Carries bytes between a wire and a protocol, until a miner takes the wire.

    It holds the protocol, which holds it, until the wire is lost or handed over.

    Attributes:
        outbox: The wire.
        protocol: Whose bytes come in on it; None: nobody's any more.
        address: Who is at the other end.
    """

    def __init__(self, wire: Wire, address: str) -> None:
        self.outbox = wire
        self.protocol: MinerProtocol | None = None
        self.address = address
        self._peer = IPv4Address("TCP", address, 0)
        wire.belongs_to(self)

    def connect(self, protocol: MinerProtocol) -> None:
        """Let `protocol` have it."""
        self.protocol = protocol
        protocol.makeConnection(self)

    def stand_for(self, address: str) -> None:
        """Have another at the other end: whom a balancer stands before."""
        self.address = address
        self._peer = IPv4Address("TCP", address, 0)

    def hand_over(self) -> Wire:
        """Return the wire to who takes it from here on."""
        self.protocol = None
        return self.outbox

    def hear(self, data: bytes) -> None:
        """Pass on what came in."""
        if self.protocol is not None:
            self.protocol.dataReceived(data)

    def drop(self, why: str) -> None:
        """Hang up for a reason."""
        if self.protocol is not None:
            self.protocol.hang_up(why)

    def settle(self) -> None:
        """Nothing to do: a connection is no miner."""

    def lost(self) -> None:
        """Tell that the connection is gone."""
        protocol, self.protocol = self.protocol, None
        self.outbox.close()
        if protocol is not None:
            protocol.connectionLost(connectionDone)

    def write(self, data: bytes) -> None:
        """Send `data`: what cannot be sent at once is kept in the engine."""
        self.outbox.write(data)

    def registerProducer(self, producer: object, streaming: bool) -> None:  # noqa: FBT001, N802
        """Take no notice: the engine drops who does not read."""

    def unregisterProducer(self) -> None:  # noqa: N802
        """Take no notice."""

    def getPeer(self) -> IPv4Address:  # noqa: N802
        """Return who is at the other end."""
        return self._peer

    def loseConnection(self) -> None:  # noqa: N802
        """Hang up once the kernel has sent what it was given."""
        self.outbox.part()

    def abortConnection(self) -> None:  # noqa: N802
        """Hang up at once."""
        self.outbox.hang_up()
