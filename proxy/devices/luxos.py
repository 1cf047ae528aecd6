"""Limits of LuxOS: one of its profiles, its thermal management left as it was.

While ATM (Advanced Thermal Management) is on no profile can be set. pyasic 0.79 turns
it off for that, and leaves it off where the profile is refused.
"""

import asyncio
from typing import Any

from protocol.units import Watts
from proxy.power.ports import DeviceError

TRIES = 3
"""To turn ATM on again: a lost connection, a token forgotten at a restart, and one."""

_STAYS_OFF = "LuxOS: its thermal management could not be turned on again"


class Profiles:
    """The profiles of one LuxOS.

    Attributes:
        owes_atm: ATM was found on, was turned off, and is not known to be on again.
    """

    def __init__(self) -> None:
        self.owes_atm = False
        self._return: asyncio.Task[bool] | None = None

    async def limit(self, rpc: Any, watts: Watts) -> bool:
        """Set the strongest profile of at most `watts`; return whether it was taken.

        Args:
            rpc: pyasic's API of the machine, with a session that is valid.
            watts: The limit.

        Raises:
            DeviceError: Its profiles cannot be read, or ATM stays off.
        """
        if self._return is not None:  # left behind by a call that came to its deadline
            await asyncio.shield(self._return)
        try:
            return await self._set(rpc, watts)
        finally:
            if self.owes_atm and not await asyncio.shield(self._returning(rpc)):
                raise DeviceError(_STAYS_OFF)

    def return_atm(self, rpc: Any) -> None:
        """Begin to turn ATM on again; nobody waits for it."""
        self._return = self._returning(rpc)

    def _returning(self, rpc: Any) -> "asyncio.Task[bool]":
        """Turn ATM on again, also if whoever waits for that is cancelled.

        A device too hot for its profile must have it: what fails now is still owed.
        """
        if self._return is None:
            self._return = asyncio.get_running_loop().create_task(self._turn_on(rpc))
            self._return.add_done_callback(self._returned)
        return self._return

    async def _set(self, rpc: Any, watts: Watts) -> bool:
        from pyasic.errors import APIError  # noqa: PLC0415

        said = await rpc.multicommand("profiles", "atm")
        name = _strongest(said, watts)
        if name is None:
            return False
        try:
            if _is_managed(said):
                self.owes_atm = True  # before it is told: the answer may never come
                await rpc.atmset(enabled=False)
            reply = await rpc.profileset(name)
        except APIError:
            return False
        boards = reply.get("PROFILE") or [{}]
        return bool(boards[0].get("Profile") == name)

    async def _turn_on(self, rpc: Any) -> bool:
        for _ in range(TRIES):
            if await _is_turned_on(rpc):
                self.owes_atm = False
                return True
            rpc.session_token = None  # it forgets it when it boots: ask anew
        return False

    def _returned(self, _: "asyncio.Task[bool]") -> None:
        self._return = None


async def _is_turned_on(rpc: Any) -> bool:
    try:
        reply = await rpc.atmset(enabled=True)
    except Exception:  # noqa: BLE001  (whatever a firmware provokes: it is still owed)
        return False
    return "STATUS" in reply  # pyasic's `{}` is no answer


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
