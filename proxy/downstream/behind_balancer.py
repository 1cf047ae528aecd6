"""A connection from a balancer, whose header tells who is behind it."""

from collections.abc import Callable
from typing import Any

from twisted.internet.address import IPv4Address, IPv6Address
from twisted.internet.interfaces import IReactorTime
from typing_extensions import override
from zope.interface import directlyProvides, providedBy

from protocol.balancer import BalancerHeader
from protocol.errors import RemoteError
from protocol.units import Seconds
from proxy.downstream.connection_host import ConnectionHost
from proxy.downstream.miner_protocol import MinerProtocol
from proxy.downstream.waiting_connection import WaitingConnection

HEADER_WITHIN = Seconds(3.0)
"""A balancer sends it with its first packet."""

Then = Callable[[Any, str, bytes], MinerProtocol | None]
"""Takes a transport, whose connection it is, and what followed the header."""


class BalancedConnection(WaitingConnection):
    """Waits for the header of a balancer.

    Until then no limit of an address is asked: that would be the balancer's.

    Args:
        host: Who counts it.
        then: Takes over; returns who hears what comes in from then on, None: nobody.
        clock: Limits the wait.
    """

    def __init__(self, host: ConnectionHost, then: Then, clock: IReactorTime) -> None:
        super().__init__(host, clock)
        self._then = then
        self._header = BalancerHeader()

    @property
    def wanted(self) -> int:
        """How many bytes more belong to the header at least."""
        return self._header.wanted

    @override
    def connectionMade(self) -> None:
        balancer = str(self._transport.getPeer().host)
        self.wait(balancer, HEADER_WITHIN, f"no PROXY header in {HEADER_WITHIN:g} s")

    @override
    def first_bytes(self, data: bytes) -> None:
        try:
            rest = self._header.feed(data)
        except RemoteError as error:
            self.hang_up(str(error))
            return
        if not self._header.wanted:
            self.stop_waiting()
            address = self._header.address or self._address
            self._protocol = self._then(self._transport, address, rest)


class BehindBalancer:
    """A transport whose peer is the one behind the balancer; all else is as it is.

    Attributes:
        real: The balancer's connection.
    """

    def __init__(self, transport: Any, address: str) -> None:
        kind = IPv6Address if ":" in address else IPv4Address
        self.real = transport
        self._peer = kind("TCP", address, 0)
        directlyProvides(self, providedBy(transport))

    def __getattr__(self, name: str) -> Any:
        return getattr(self.real, name)

    def getPeer(self) -> IPv4Address | IPv6Address:  # noqa: N802  (Twisted's)
        """Return who is at the other end."""
        return self._peer
