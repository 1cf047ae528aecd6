"""Which machine a device is, wherever DHCP puts it: the MAC of its network interface.

Every backend of pyasic 0.79 that has a serial number has the MAC too. Of LuxOS it has
neither: its `get_mac` asks, and returns nothing whatever the answer.
"""

from typing import Any

from proxy.devices.quirks import Quirks

_OF_NOBODY = frozenset({"0" * 12, "f" * 12})


async def identity_of(miner: Any, quirks: Quirks) -> str | None:
    """Return the MAC of a pyasic machine, `02:00:5e:10:00:01`; None: it says none."""
    try:
        return normalized(await _told(miner, quirks))
    except Exception:  # noqa: BLE001  (whatever a firmware provokes in pyasic: it has not said)
        return None


def normalized(mac: Any) -> str | None:
    """Return a MAC in one form, None if it is none, or that of no machine."""
    digits = "".join(c for c in str(mac).lower() if c not in ":-. ")
    is_hex = all(c in "0123456789abcdef" for c in digits)
    if len(digits) != len("0" * 12) or not is_hex or digits in _OF_NOBODY:
        return None
    return ":".join(digits[at : at + 2] for at in range(0, len(digits), 2))


async def _told(miner: Any, quirks: Quirks) -> Any:
    if quirks.has_session:
        return (await miner.rpc.config())["CONFIG"][0]["MACAddr"]
    return await miner.get_mac()
