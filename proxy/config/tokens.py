"""Whether a token that callers show is long enough for where it is asked for."""

from ipaddress import ip_address

SHORT_BYTES = 16
"""A shorter token is guessed: of 8 letters and digits in a day at 10 M a second."""


def is_short(token: str) -> bool:
    """Tell whether a token is shorter than it should be anywhere."""
    return len(token.encode("utf-8", "surrogateescape")) < SHORT_BYTES


def is_exposed(interface: str) -> bool:
    """Tell whether an address that is listened on is one of the public network.

    Args:
        interface: The address; empty or unspecified: every one of the machine, of
            which nobody knows here whether one is public; a name: likewise.
    """
    try:
        address = ip_address(interface.strip("[]").partition("%")[0])
    except ValueError:
        return False
    return address.is_global
