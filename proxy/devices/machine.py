"""One ASIC through pyasic: commands, and what it says of itself.

pyasic calls a machine that is switched off a success (its `{}` is no error), keeps a
LuxOS token for ever, and needs several connections where one would do. What is said
here is that an answer came and that it was none of a refusal; a read proves the rest.
"""

import asyncio
from typing import Any

from protocol.units import HashesPerSecond, Watts
from proxy.devices.quirks import Quirks, is_asleep, quirks_of
from proxy.power.ports import DeviceError, DeviceReport

FIELDS = ("hashrate", "hashboards", "wattage", "wattage_limit", "is_mining", "pools")
"""What a read asks for: one connection on LuxOS."""

MAX_POOLS = 16
"""Pool slots that are looked at; firmware has three, or nine in groups."""


class PyasicMachine:
    """A device that has been identified; its commands go one after the other."""

    def __init__(self, miner: Any) -> None:
        self._miner = miner
        self._quirks = quirks_of(kind.__name__ for kind in type(miner).__mro__)
        self._commands = asyncio.Lock()  # LuxOS has one session

    @property
    def quirks(self) -> Quirks:
        """What to expect of it."""
        return self._quirks

    async def sleep(self) -> bool:
        """Stop it; return whether it acknowledged that.

        Raises:
            DeviceError: It cannot sleep, or does not answer.
        """
        self._need("be put to sleep", can=self._quirks.can_sleep)
        async with self._commands:
            if self._quirks.has_session:
                return await self._in_session("curtail", "sleep")
            return bool(await self._miner.stop_mining())

    async def wake(self) -> bool:
        """Set it going; return whether it acknowledged that.

        Raises:
            DeviceError: As `sleep`.
        """
        self._need("be woken", can=self._quirks.can_sleep)
        async with self._commands:
            if self._quirks.has_session:
                return await self._in_session("curtail", "wakeup")
            return bool(await self._miner.resume_mining())

    async def limit(self, watts: Watts) -> bool:
        """Limit its power; return whether it acknowledged that.

        Raises:
            DeviceError: It cannot be limited, or does not answer.
        """
        self._need("be limited", can=self._quirks.can_limit)
        async with self._commands:
            if self._quirks.has_session:
                await self._renew_session()
            return bool(await self._miner.set_power_limit(round(watts)))

    async def read(self) -> DeviceReport:
        """Return what it says of itself.

        Raises:
            DeviceError: It says nothing.
        """
        data = await self._miner.get_data(include=list(FIELDS))
        power = None if data.wattage is None else Watts(float(data.wattage))
        hashrate = _hashes(data.hashrate)
        urls = tuple(str(p.url) for p in data.pools[:MAX_POOLS] if p.url is not None)
        if power is None and hashrate is None and not urls:
            raise DeviceError(f"{self._quirks.firmware}: no answer")
        limit = data.wattage_limit
        return DeviceReport(
            is_asleep=is_asleep(
                self._quirks,
                is_mining=data.is_mining,
                power_w=power,
                hashrate_hs=hashrate,
            ),
            limit_w=None if limit is None else Watts(float(limit)),
            power_w=power,
            hashrate_hs=hashrate,
            pool_urls=urls,
        )

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
            return False
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
            raise DeviceError("LuxOS: no session")


def _hashes(hashrate: Any) -> HashesPerSecond | None:
    if hashrate is None:
        return None
    return HashesPerSecond(float(hashrate.rate) * int(hashrate.unit))
