"""Which addresses may come to a listener."""

from collections.abc import Iterable, Iterator
from ipaddress import (
    IPv4Address,
    IPv4Network,
    IPv6Address,
    IPv6Network,
    ip_address,
    ip_network,
)

from attrs import frozen

Network = IPv4Network | IPv6Network


@frozen
class AccessList:
    """Networks that are let in, and networks that are not.

    The smallest network that an address is in decides, a refusal where it is in both.
    An address that is in none is let in where nobody is named to be let in.
    """

    allow: tuple[Network, ...] = ()
    deny: tuple[Network, ...] = ()

    @classmethod
    def of(cls, allow: Iterable[str], deny: Iterable[str]) -> "AccessList":
        """Return the list that networks in CIDR form make."""
        return cls(networks_of(allow), networks_of(deny))

    def refusal(self, address: str) -> str:
        """Return why `address` is not taken; empty if it is."""
        if not (self.allow or self.deny):
            return ""
        found = max(self._matches(address), default=None)
        if found is None:
            return "its address is not among those allowed" if self.allow else ""
        return f"its address is in {found[2]}, which is denied" if found[1] else ""

    def _matches(self, address: str) -> Iterator[tuple[int, bool, str]]:
        """Yield each network that `address` is in: bits, whether denied, as written."""
        try:
            one = ip_address(address.partition("%")[0])
        except ValueError:
            return  # of a socket that has none
        for is_denied, networks in ((False, self.allow), (True, self.deny)):
            for network in networks:
                if is_in(one, network):
                    yield network.prefixlen, is_denied, str(network)


def networks_of(texts: Iterable[str]) -> tuple[Network, ...]:
    """Return networks by their CIDR forms; an address is a network of itself.

    Raises:
        ValueError: One is none.
    """
    return tuple(ip_network(text, strict=False) for text in texts)


def is_in(address: IPv4Address | IPv6Address, network: Network) -> bool:
    """Tell whether `address` is in `network`; never if their families differ."""
    return address.version == network.version and address in network
