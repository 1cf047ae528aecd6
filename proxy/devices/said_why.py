"""Sleep and wake of firmware that says why it refuses, which pyasic 0.79 throws away.

It answers False whatever the reason; a wrong password is somebody's to mend.
"""

from collections.abc import Awaitable
from typing import Any

from proxy.devices.login import is_about_login
from proxy.power.ports import DeviceLoginError

WHATSMINER_OK = "API command OK"


async def switch_epic(web: Any, *, is_on: bool) -> bool:
    """Stop or start an ePIC; return whether it acknowledged that.

    Args:
        web: pyasic's web API of the machine.
        is_on: It shall mine.

    Raises:
        DeviceLoginError: It refuses the password.
    """
    call: Awaitable[Any] = web.resume_mining() if is_on else web.stop_mining()
    reply = await call
    return _is_done(reply.get("success") is True, str(reply.get("error") or ""))


async def switch_whatsminer(rpc: Any, *, is_on: bool) -> bool:
    """Stop or start a Whatsminer of API v2; return whether it acknowledged that.

    Args:
        rpc: pyasic's API of the machine.
        is_on: It shall mine.

    Raises:
        DeviceLoginError: It cannot read what was encrypted with the password.
    """
    from pyasic.errors import APIError  # noqa: PLC0415

    call: Awaitable[Any] = rpc.power_on() if is_on else rpc.power_off(respbefore=True)
    try:
        reply = await call
    except APIError as error:
        return _is_done(False, str(error))
    return bool(reply.get("Msg") == WHATSMINER_OK)


def _is_done(is_done: bool, why: str) -> bool:  # noqa: FBT001  (as it says)
    if not is_done and is_about_login(why):
        raise DeviceLoginError(why)
    return is_done
