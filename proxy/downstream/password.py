"""What a miner may ask for in its password: `d=`, `diff=`, `md=`."""

import re

from attrs import frozen

from protocol.units import Difficulty

_DIRECTIVE = re.compile(r"(?:^|[,;\s])(d|diff|md)=([0-9.eE+-]{1,24})(?=$|[,;\s])")
_MOST = 1e18


@frozen
class PasswordWishes:
    """Difficulties named in a password; None where none is.

    Attributes:
        fixed: `d=` or `diff=`: hold this difficulty.
        minimum: `md=`: never less than this.
    """

    fixed: Difficulty | None = None
    minimum: Difficulty | None = None


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
    return PasswordWishes(found.get("fixed"), found.get("minimum"))
