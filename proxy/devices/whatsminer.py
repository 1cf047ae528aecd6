"""Limits of Whatsminers, whose answer to one pyasic 0.79 does not look at.

It calls a limit set that the firmware refused (v3) or that nobody heard (v2, `{}`).
"""

from typing import Any

from protocol.units import Watts
from proxy.devices.login import is_about_login
from proxy.power.ports import DeviceError, DeviceLoginError

DONE = 0
"""The code of API v3 for what was done."""


async def set_limit(rpc: Any, watts: Watts) -> bool:
    """Limit a machine of either API; return whether it said that it does so.

    Args:
        rpc: pyasic's API of the machine.
        watts: The limit; the miner restarts to take it.

    Raises:
        DeviceLoginError: It cannot read what was encrypted with the password.
        DeviceError: It does not answer.
    """
    from pyasic.errors import APIError  # noqa: PLC0415

    is_newer = hasattr(rpc, "set_miner_power_limit")
    command = rpc.set_miner_power_limit if is_newer else rpc.adjust_power_limit
    try:
        reply = await command(round(watts))
    except APIError as error:
        if is_about_login(str(error)):
            raise DeviceLoginError(str(error)) from error
        return False
    if not reply:
        raise DeviceError("Whatsminer: no answer")
    return bool(reply["code"] == DONE if is_newer else reply["STATUS"] == "S")
