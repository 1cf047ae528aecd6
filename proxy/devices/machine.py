"""One ASIC through pyasic: commands, and what it says of itself.

pyasic calls a machine that is switched off a success (its `{}` is no error), keeps a
LuxOS token for ever, and needs several connections where one would do. What is said
here is that an answer came and that it was none of a refusal; a read proves the rest.
"""

import asyncio
import math
from typing import Any

from attrs import evolve

from protocol.units import Seconds, Watts
from proxy.devices.found import Found
from proxy.devices.identity import identity_of
from proxy.devices.login import explained, show_login
from proxy.devices.quirks import Quirks, quirks_of
from proxy.devices.reading import read_report
from proxy.devices.said_why import switch_epic, switch_whatsminer
from proxy.devices.vnish import set_preset
from proxy.devices.whatsminer import set_limit
from proxy.power.ports import (
    NO_LOGIN,
    DeviceBusyError,
    DeviceError,
    DeviceReport,
    Login,
)

_HELD = "LuxOS: another tool holds its session"
"""It has one at a time, and gives none while somebody else's stands."""


class PyasicMachine:
    """A device that has been identified; its commands go one after the other.

    Attributes:
        found: What it had before we changed it; outlives that it is identified anew.
        identity: Which machine it said last that it is; None: it never has.
        asked_at: When it was last asked that, in seconds of the loop.
        answered_at: When it last said how it is.
    """

    def __init__(
        self, miner: Any, login: Login = NO_LOGIN, found: Found | None = None
    ) -> None:
        self._miner = miner
        self._login = login
        show_login(miner, login)
        self._quirks = quirks_of(kind.__name__ for kind in type(miner).__mro__)
        self._commands = asyncio.Lock()  # LuxOS has one session
        self.found = found or Found.of(self._quirks)
        self.identity: str | None = None
        self._told: str | None = None  # what the next report says of that
        self.asked_at = self.answered_at = Seconds(-math.inf)

    @property
    def quirks(self) -> Quirks:
        """What to expect of it."""
        return self._quirks

    def take_login(self, login: Login) -> None:
        """Show `login` from now on.

        Through a new pyasic machine: the one that was shown another keeps its tokens.
        """
        if login == self._login:
            return
        self._miner, self._login = type(self._miner)(self._miner.ip), login
        show_login(self._miner, login)

    async def sleep(self) -> bool:
        """Stop it; return whether it acknowledged that.

        Raises:
            DeviceError: It cannot sleep, or does not answer.
        """
        self._need("be put to sleep", can=self._quirks.can_sleep)
        async with self._commands:
            if self._quirks.has_session:
                return await self._in_session("curtail", "sleep")
            if self.found.modes is not None:
                return await self.found.modes.sleep(self._miner.web)
            return await self._switch(is_on=False)

    async def wake(self) -> bool:
        """Set it going; return whether it acknowledged that.

        Raises:
            DeviceError: As `sleep`.
        """
        self._need("be woken", can=self._quirks.can_sleep)
        async with self._commands:
            if self._quirks.has_session:
                return await self._in_session("curtail", "wakeup")
            if self.found.modes is not None:
                return await self.found.modes.wake(self._miner.web)
            return await self._switch(is_on=True)

    async def limit(self, watts: Watts) -> bool:
        """Limit its power; return whether it acknowledged that.

        Raises:
            DeviceError: It cannot be limited, or does not answer.
        """
        self._need("be limited", can=self._quirks.can_limit)
        async with self._commands:
            if self._quirks.has_session:
                await self._renew_session()
                return await self.found.profiles.limit(self._miner.rpc, watts)
            if self._quirks.has_presets:
                return await set_preset(self._miner.web, watts)
            if self._quirks.has_power_modes:
                return await self.found.power_modes.limit(self._miner.web, watts)
            if self._quirks.has_verdict:
                return await set_limit(self._miner.rpc, watts)
            return bool(await self._miner.set_power_limit(round(watts)))

    async def explain(self, error: DeviceError) -> DeviceError:
        """Return why a command failed, `error` if nothing else is found."""
        return await explained(self._miner, error)

    async def read(self) -> DeviceReport:
        """Return what it says of itself.

        Raises:
            DeviceError: It says nothing.
        """
        report = await read_report(self._miner, self._quirks)
        is_luxos, is_free = self._quirks.has_session, not self._commands.locked()
        if is_luxos and is_free and self.found.profiles.owes_atm:
            self.found.profiles.return_atm(self._miner.rpc)  # no read waits for it
        told, self._told = self._told, None
        return evolve(report, identity=told)

    async def ask_identity(self) -> None:
        """Ask it which machine it is, for the next report."""
        self._told = await identity_of(self._miner, self._quirks)
        self.identity = self._told or self.identity

    async def _switch(self, *, is_on: bool) -> bool:
        """Stop or start one that has a command for it alone."""
        miner = self._miner
        match self._quirks.says_why:
            case "epic":
                return await switch_epic(miner.web, is_on=is_on)
            case "whatsminer":
                return await switch_whatsminer(miner.rpc, is_on=is_on)
        return bool(await (miner.resume_mining() if is_on else miner.stop_mining()))

    def _need(self, what: str, *, can: bool) -> None:
        if not can:
            raise DeviceError(f"{self._quirks.firmware} cannot {what}")

    async def _in_session(self, command: str, argument: str) -> bool:
        """Send one LuxOS command: one connection while the token holds.

        A token that it refuses is renewed once: it forgets it when it boots.
        """
        if await self._send(command, argument):
            return True
        self._miner.rpc.session_token = None
        return await self._send(command, argument)

    async def _send(self, command: str, argument: str) -> bool:
        from pyasic.errors import APIError  # noqa: PLC0415

        rpc = self._miner.rpc
        if rpc.session_token is None and await rpc.auth() is None:
            raise DeviceBusyError(_HELD)
        try:
            reply = await rpc.send_command(command, rpc.session_token, argument)
        except APIError:
            return False
        if "STATUS" not in reply:
            raise DeviceError("LuxOS: no answer")
        return True

    async def _renew_session(self) -> None:
        """Ask for the token that is valid now: `set_power_limit` keeps a stale one."""
        self._miner.rpc.session_token = None
        if await self._miner.rpc.auth() is None:
            raise DeviceBusyError(_HELD)
