"""Addresses and networks that a site refuses, each for a time."""

from collections.abc import Iterable, Iterator
from ipaddress import (
    IPv4Address,
    IPv4Network,
    IPv6Address,
    IPv6Network,
    ip_address,
    ip_network,
)
from math import inf

from attrs import define, field, frozen

from protocol.units import Seconds

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network

MAX_BANS = 65536

FORGET_EVERY = Seconds(1.0)
"""While the list is full: a look at all of it takes 10 ms, and strangers cause it."""

MAX_OFFENDERS = 4096
"""Addresses whose offences are counted; beyond it the oldest is forgotten."""

OFFENCES = 10
"""So many connections dropped for what they sent, within `OFFENCES_WITHIN`, are a ban:
one broken machine alone does not shut out those that have an address in common."""

OFFENCES_WITHIN = Seconds(60.0)

_OWNER_BITS = {4: 32, 6: 64}
"""Bits that tell one owner of addresses from another: who has more may choose them."""

_MAPPED_BITS = 96
"""Of ::ffff:0:0/96: IPv4 within IPv6. Source: RFC 4291, 2.5.5.2."""


class BanError(Exception):
    """It cannot be banned; the message says why."""


@frozen
class Ban:
    """A network that is refused.

    Attributes:
        until: On the site's clock.
        why: For people.
    """

    network: Network
    until: Seconds
    why: str


@define
class _Offender:
    """How often connections of a network were dropped for what they sent."""

    since: Seconds
    count: int = 0


@define(eq=False, repr=False)
class Bans:
    """What one site refuses."""

    _bans: dict[Network, Ban] = field(factory=dict, init=False)
    _lengths: dict[tuple[int, int], int] = field(factory=dict, init=False)
    _offenders: dict[Network, _Offender] = field(factory=dict, init=False)
    _forgot_at: float = field(default=-inf, init=False)

    def __iter__(self) -> Iterator[Ban]:
        # A copy: who goes through them may lift some.
        return iter([*self._bans.values()])

    def add(self, ban: Ban, now: Seconds) -> None:
        """Refuse a network from here on.

        Raises:
            BanError: The list is full.
        """
        if ban.network not in self._bans:
            if len(self._bans) >= MAX_BANS and now - self._forgot_at >= FORGET_EVERY:
                self.forget_past(now)
            if len(self._bans) >= MAX_BANS:
                raise BanError("the list of bans is full: unban something first")
            self._count_length(ban.network, 1)
        self._bans[ban.network] = ban

    def of(self, network: Network) -> Ban | None:
        """Return the ban of just this network, which may be over."""
        return self._bans.get(network)

    def lift(self, network: Network) -> bool:
        """Take a network again; return whether it was banned."""
        if self._bans.pop(network, None) is None:
            return False
        self._count_length(network, -1)
        return True

    def find(self, address: str, now: Seconds) -> Ban | None:
        """Return what holds against `address`; the cost is that of a look a length."""
        if not self._bans:
            return None
        found = address_of(address)
        if found is None:
            return None
        for version, length in self._lengths:
            if version == found.version:
                # A dict look for each length in use, not a comparison with each ban.
                ban = self._bans.get(ip_network((found, length), strict=False))
                if ban is not None and ban.until > now:
                    return ban
        return None

    def forget_past(self, now: Seconds) -> None:
        """Forget bans that are over."""
        self._forgot_at = now
        for network in [n for n, ban in self._bans.items() if ban.until <= now]:
            self.lift(network)

    def offend(self, address: str, now: Seconds) -> Network | None:
        """Count a connection that was dropped for what it sent.

        Returns:
            Who is to be banned for it; None: it was not the one too many.
        """
        found = address_of(address)
        if found is None:
            return None
        network = ip_network((found, _OWNER_BITS[found.version]), strict=False)
        # Out and in again, so that the dict's first is the one whose last offence is
        # the oldest.
        offender = self._offenders.pop(network, None)
        if offender is None or now - offender.since > OFFENCES_WITHIN:
            offender = _Offender(now)
        offender.count += 1
        if offender.count >= OFFENCES:
            return network
        while len(self._offenders) >= MAX_OFFENDERS:
            del self._offenders[next(iter(self._offenders))]
        self._offenders[network] = offender
        return None

    def _count_length(self, network: Network, by: int) -> None:
        key = network.version, network.prefixlen
        self._lengths[key] = self._lengths.get(key, 0) + by
        if not self._lengths[key]:
            del self._lengths[key]


def address_of(text: str) -> Address | None:
    """Return an address that was met; None if it is none of the Internet's.

    IPv4 that came in on a socket of IPv6 is IPv4.
    """
    try:
        # A link-local address comes with its interface behind a percent sign (RFC
        # 4007).
        found = ip_address(text.partition("%")[0])
    except ValueError:
        return None
    return getattr(found, "ipv4_mapped", None) or found


def network_of(text: str) -> Network:
    """Return the network that an operator names: an address, or CIDR.

    Raises:
        BanError: It is neither, or everybody.
    """
    try:
        network = ip_network(text.strip(), strict=False)
    except ValueError as error:
        raise BanError(f"neither an address nor a network: {text[:64]!r}") from error
    # Those who come from there are met as IPv4 (address_of): so they are banned as
    # that.
    mapped = getattr(network.network_address, "ipv4_mapped", None)
    if mapped is not None and network.prefixlen >= _MAPPED_BITS:
        length = network.prefixlen - _MAPPED_BITS
        network = ip_network((mapped, length), strict=False)
    if network.prefixlen == 0:
        raise BanError(f"{network} is everybody: drain the site instead")
    return network


def spelled(network: Network) -> str:
    """Return `network` as people write it: one address without its length."""
    is_one = network.prefixlen == network.max_prefixlen
    return str(network.network_address if is_one else network)


def those_in(network: Network, addresses: Iterable[str]) -> set[str]:
    """Return those of `addresses` that are of `network`."""
    return {
        text
        for text in addresses
        if (found := address_of(text)) is not None and found in network
    }
