"""Limits of LuxOS: one of its profiles, its thermal management left as it was.

While ATM (Advanced Thermal Management) is on no profile can be set. pyasic 0.79 turns
it off for that, and leaves it off where the profile is refused.
"""

from typing import Any

from protocol.units import Watts
from proxy.power.ports import DeviceError


async def set_profile(rpc: Any, watts: Watts) -> bool:
    """Set the strongest profile of at most `watts`; return whether it was taken.

    Args:
        rpc: pyasic's API of the machine, with a session that is valid.
        watts: The limit.

    Raises:
        DeviceError: Its profiles cannot be read.
    """
    from pyasic.errors import APIError  # noqa: PLC0415

    said = await rpc.multicommand("profiles", "atm")
    name = _strongest(said, watts)
    if name is None:
        return False
    is_managed = _is_managed(said)
    try:
        if is_managed:
            await rpc.atmset(enabled=False)
        reply = await rpc.profileset(name)
    except APIError:
        return False
    finally:
        if is_managed:
            await _manage(rpc)
    boards = reply.get("PROFILE") or [{}]
    return bool(boards[0].get("Profile") == name)


def _strongest(said: Any, watts: Watts) -> str | None:
    try:
        rows = said["profiles"][0]["PROFILES"]
        known = [(float(row["Watts"]), str(row["Profile Name"])) for row in rows]
    except (LookupError, TypeError, ValueError) as error:
        raise DeviceError("LuxOS: its profiles cannot be read") from error
    fitting = [profile for profile in known if profile[0] <= watts]
    return max(fitting)[1] if fitting else None


def _is_managed(said: Any) -> bool:
    """Tell whether ATM is on; older LuxOS has none."""
    try:
        return bool(said["atm"][0]["ATM"][0]["Enabled"])
    except (LookupError, TypeError):
        return False


async def _manage(rpc: Any) -> None:
    """Turn ATM on again, with one more try: a device too hot for it must have it."""
    from pyasic.errors import APIError  # noqa: PLC0415

    for _ in range(2):
        try:
            await rpc.atmset(enabled=True)
        except APIError:
            continue
        return
    raise DeviceError("LuxOS: its thermal management could not be turned on again")
