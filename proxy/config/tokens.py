"""Whether a token that callers show is long enough for where it is asked for."""

import re
from ipaddress import ip_address

SHORT_BYTES = 16
"""A shorter token is guessed: of 8 letters and digits in a day at 10 M a second."""

_INTERFACE = re.compile(r"(?:^|:)interface=((?:\\.|[^:\\])+)")


def is_short(token: str) -> bool:
    """Tell whether a token is shorter than it should be anywhere."""
    return len(token.encode("utf-8", "surrogateescape")) < SHORT_BYTES


def is_sheltered(listen: str) -> bool:
    """Tell whether an endpoint is on a loopback or a private address alone.

    Args:
        listen: Twisted's string for it; without an interface it is on all of them.
    """
    if listen.startswith("unix:"):
        return True
    found = _INTERFACE.search(listen)
    if found is None:
        return False
    name = found[1].replace("\\", "").strip("[]").partition("%")[0]
    if name == "localhost":
        return True
    try:
        address = ip_address(name)
    except ValueError:
        return False
    is_all = address.is_unspecified
    return not is_all and (address.is_loopback or address.is_private)
