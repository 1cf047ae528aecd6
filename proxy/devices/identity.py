"""Which machine a device is, wherever DHCP puts it: its MAC, or else its serial number.

Every backend of pyasic 0.79 that has a serial number has the MAC too, by a question of
its own: a serial number for one that was lost would make another machine of it. LuxOS
answers with both at once, of which pyasic has neither: its `get_mac` asks, and returns
nothing whatever the answer.
"""

from typing import Any

from proxy.devices.quirks import Quirks
from proxy.power.machines.known import SERIAL

LEAST, MOST, DIFFERENT = 8, 32, 4
"""Characters of a serial number, and how many differ: `00000000` is a filler."""

_OF_NOBODY = frozenset({"0" * 12, "f" * 12})


async def identity_of(miner: Any, quirks: Quirks) -> str | None:
    """Return who a pyasic machine says that it is; None: it does not say.

    `02:00:5e:10:00:01`, its MAC, or `serial DGAHE5ABC12345`.
    """
    try:
        if quirks.has_session:
            found = (await miner.rpc.config())["CONFIG"][0]
            return normalized(found.get("MACAddr")) or serial_of(
                found.get("SerialNumber")
            )
        return normalized(await miner.get_mac())
    except Exception:  # noqa: BLE001  (whatever a firmware provokes in pyasic: it has not said)
        return None


def normalized(mac: Any) -> str | None:
    """Return a MAC in one form, None if it is none, or that of no machine."""
    digits = "".join(c for c in str(mac).lower() if c not in ":-. ")
    is_hex = all(c in "0123456789abcdef" for c in digits)
    if len(digits) != len("0" * 12) or not is_hex or digits in _OF_NOBODY:
        return None
    return ":".join(digits[at : at + 2] for at in range(0, len(digits), 2))


def serial_of(text: Any) -> str | None:
    """Return an identity of a serial number, None if it is none, or a filler."""
    serial = str(text).strip()
    is_one = serial.isascii() and serial.isalnum() and any(map(str.isdigit, serial))
    if not is_one or not LEAST <= len(serial) <= MOST or len(set(serial)) < DIFFERENT:
        return None
    return SERIAL + serial
