"""A connection from a balancer, whose header tells who is behind it."""

from collections.abc import Callable
from typing import Any

from twisted.internet.address import IPv4Address, IPv6Address
from twisted.internet.interfaces import IDelayedCall, IReactorTime
from twisted.internet.protocol import connectionDone
from twisted.python.failure import Failure
from typing_extensions import override
from zope.interface import directlyProvides, providedBy

from protocol.balancer import BalancerHeader
from protocol.errors import RemoteError
from protocol.units import Seconds
from proxy.downstream.connection_host import ConnectionHost
from proxy.downstream.miner_protocol import MinerProtocol

HEADER_WITHIN = Seconds(3.0)
"""A balancer sends it with its first packet."""

Then = Callable[[Any, str, bytes], MinerProtocol | None]
"""Takes a transport, whose connection it is, and what followed the header."""


class BalancedConnection(MinerProtocol):
    """Waits for the header, then stands aside.

    Until then it counts as a connection of its site, and no limit of an address is
    asked: that would be the balancer's.

    Args:
        host: Who counts it.
        then: Takes over; returns who hears what comes in from then on, None: nobody.
        clock: Limits the wait.
    """

    def __init__(self, host: ConnectionHost, then: Then, clock: IReactorTime) -> None:
        self._host = host
        self._then = then
        self._clock = clock
        self._header = BalancerHeader()
        self._protocol: MinerProtocol | None = None
        self._due: IDelayedCall | None = None  # it waits until then

    @property
    def wanted(self) -> int:
        """How many bytes more belong to the header at least."""
        return self._header.wanted

    @property
    def is_waiting(self) -> bool:
        """The header is not whole yet."""
        return self._due is not None

    @override
    def connectionMade(self) -> None:
        self._host.arrived(self, self._balancer)
        self._due = self._clock.callLater(HEADER_WITHIN, self._on_time)

    @override
    def dataReceived(self, data: bytes) -> None:
        if self._protocol is not None:
            self._protocol.dataReceived(data)
            return
        if self._due is None:
            return
        try:
            rest = self._header.feed(data)
        except RemoteError as error:
            self.hang_up(str(error))
            return
        if not self._header.wanted:
            self._stop_waiting()
            address = self._header.address or self._balancer
            self._protocol = self._then(self.transport, address, rest)

    @override
    def connectionLost(self, reason: Failure = connectionDone) -> None:
        self._stop_waiting()
        if self._protocol is not None:
            self._protocol.connectionLost(reason)

    @override
    def hang_up(self, why: str) -> None:
        if self._protocol is not None:
            self._protocol.hang_up(why)
            return
        self._host.note_drop(self._balancer, None, why)
        transport: Any = self.transport
        transport.abortConnection()

    @property
    def _balancer(self) -> str:
        transport: Any = self.transport
        return str(transport.getPeer().host)

    def _stop_waiting(self) -> None:
        due, self._due = self._due, None
        if due is None:
            return
        self._host.departed(self)
        if due.active():
            due.cancel()

    def _on_time(self) -> None:
        self.hang_up(f"no PROXY header in {HEADER_WITHIN:g} s")


class BehindBalancer:
    """A transport whose peer is the one behind the balancer; all else is as it is."""

    def __init__(self, transport: Any, address: str) -> None:
        kind = IPv6Address if ":" in address else IPv4Address
        self._transport = transport
        self._peer = kind("TCP", address, 0)
        directlyProvides(self, providedBy(transport))

    def __getattr__(self, name: str) -> Any:
        return getattr(self._transport, name)

    def getPeer(self) -> IPv4Address | IPv6Address:  # noqa: N802  (Twisted's)
        """Return who is at the other end."""
        return self._peer
