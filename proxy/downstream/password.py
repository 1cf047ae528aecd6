"""What a miner may ask for in its password: `d=`, `diff=`, `md=`, `proxy`."""

import re

from attrs import frozen

from protocol.units import Difficulty

_DIRECTIVE = re.compile(r"(?:^|[,;\s])(d|diff|md)=([0-9.eE+-]{1,24})(?=$|[,;\s])")
_PROXY = re.compile(r"(?:^|[,;\s])proxy(?=$|[,;\s])")
_MOST = 1e18


@frozen
class PasswordWishes:
    """What is named in a password; None where nothing is.

    Attributes:
        fixed: `d=` or `diff=`: hold this difficulty.
        minimum: `md=`: never less than this.
        is_proxy: `proxy`: give me as much extranonce as there is.
    """

    fixed: Difficulty | None = None
    minimum: Difficulty | None = None
    is_proxy: bool = False


def read_password(password: str) -> PasswordWishes:
    """Return the wishes in `password`; what cannot be read is no wish."""
    found: dict[str, Difficulty] = {}
    for key, text in _DIRECTIVE.findall(password):
        try:
            value = float(text)
        except ValueError:
            continue
        if 0 < value <= _MOST:
            found["minimum" if key == "md" else "fixed"] = Difficulty(value)
    is_proxy = _PROXY.search(password) is not None
    return PasswordWishes(found.get("fixed"), found.get("minimum"), is_proxy)
