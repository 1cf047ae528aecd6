"""What may stand where a host is named: in a url, or in a pool's word."""

import re
from ipaddress import IPv6Address, IPv6Network

MAX_NAME_CHARS = 253

_LABEL = r"[A-Za-z0-9_](?:[A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?"
_NAME = re.compile(rf"{_LABEL}(?:\.{_LABEL})*\.?")


def is_host(text: str) -> bool:
    """`text` is an address or a name that can be looked up.

    A name is one of RFC 1123, with underscores besides: no host of the internet
    has them, but services of docker and machines of a local network do.
    """
    if ":" in text:
        return _is_ipv6(text)
    return len(text) <= MAX_NAME_CHARS and _NAME.fullmatch(text) is not None


def unmapped(address: str) -> str:
    """Return IPv4 that came in on a socket of IPv6 as IPv4, all else as it is.

    Source: RFC 4291, 2.5.5.2: `::ffff:10.0.0.1`.
    """
    if not address.startswith("::ffff:"):
        return address
    try:
        mapped = IPv6Address(address).ipv4_mapped
    except ValueError:
        return address
    return address if mapped is None else str(mapped)


def neighbourhood(address: str) -> str:
    """Return what one party has: an address of IPv4, a /64 of IPv6, else the text.

    Whoever has an address of IPv6 has 2**64 of them. Source: RFC 4291, 2.5.4.
    """
    host = unmapped(address)
    try:
        number = int(IPv6Address(host.partition("%")[0]))
    except ValueError:
        return host
    return str(IPv6Network((number >> 64 << 64, 64)))


def _is_ipv6(text: str) -> bool:
    address, _, scope = text.partition("%")
    try:
        IPv6Address(address)
    except ValueError:
        return False
    return not scope or _NAME.fullmatch(scope) is not None
