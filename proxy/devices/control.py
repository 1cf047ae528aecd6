"""Devices by address, through unmodified pyasic: the `DeviceControl` of a site."""

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

from protocol.units import Seconds, Watts
from proxy.devices.doubts import Doubts
from proxy.devices.identify import find_miner
from proxy.devices.library import Factory
from proxy.devices.login import LoginOf, hidden, makers_own
from proxy.devices.luxos import Profiles
from proxy.devices.machine import PyasicMachine
from proxy.devices.quirks import LIMIT_DEADLINE
from proxy.power.ports import (
    DEVICE_DEADLINE,
    DeviceBusyError,
    DeviceError,
    DeviceLoginError,
    DeviceReport,
)
from proxy.runtime.asyncio_bridge import on_loop

MAX_KNOWN = 20_000
"""Devices whose kind is remembered; the one found first is forgotten first."""

MAX_SEARCHES = 32
"""Devices identified at once, 4 ms of work each: a meter's answer has to get through
while a thousand are seen for the first time."""

T = TypeVar("T")


class PyasicDevices:
    """Speaks to devices on an asyncio loop that Twisted's reactor runs on.

    What a device is, is found out once. That may take longer than a call may: then
    it goes on beyond it, for the next call.
    """

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        factory: Factory,
        deadline: Seconds = DEVICE_DEADLINE,
        login_of: LoginOf = makers_own,
    ) -> None:
        self._login_of = login_of
        self._loop = loop
        self._factory = factory
        self._deadline = deadline
        self._known: dict[str, PyasicMachine] = {}  # at most MAX_KNOWN
        self._owed: dict[str, Profiles] = {}  # of those forgotten, at most MAX_KNOWN
        self._doubts: dict[str, Doubts] = {}  # of those known
        self._searches: dict[str, asyncio.Task[PyasicMachine | None]] = {}
        self._may_search = asyncio.Semaphore(MAX_SEARCHES)

    async def sleep(self, address: str) -> bool:
        """See `DeviceControl`."""
        return await self._command(address, PyasicMachine.sleep, is_sleep=True)

    async def wake(self, address: str) -> bool:
        """See `DeviceControl`."""
        return await self._command(address, PyasicMachine.wake)

    async def limit(self, address: str, watts: Watts) -> bool:
        """See `DeviceControl`."""
        return await self._command(
            address, lambda machine: machine.limit(watts), is_limit=True
        )

    async def read(self, address: str) -> DeviceReport:
        """See `DeviceControl`."""
        report = await self._call(address, PyasicMachine.read, self._deadline)
        doubts = self._doubts_of(address)
        doubts.read(is_asleep=report.is_asleep, now=self._now())
        self._look_again(address, doubts)
        return report

    async def identify(self, address: str) -> str:
        """Return the firmware of a device: a first call that commands nothing.

        Raises:
            DeviceError: Nothing answers there, or not in time.
        """
        return await self._call(address, _firmware, self._deadline)

    async def _command(
        self,
        address: str,
        work: Callable[[PyasicMachine], Coroutine[Any, Any, bool]],
        *,
        is_sleep: bool = False,
        is_limit: bool = False,
    ) -> bool:
        """Do `work` in the time that the device's firmware takes for a command."""
        within = self._within(address, is_limit=is_limit)
        try:
            is_taken = await self._call(address, work, within)
        except DeviceBusyError:
            raise
        except DeviceError as error:
            raise await self._explained(address, error) from error
        if not is_taken:
            refused = DeviceError(f"{address}: the device refused")
            found = await self._explained(address, refused)
            if found is not refused:
                raise found
        doubts = self._doubts_of(address)
        doubts.commanded(is_sleep=is_sleep, is_taken=is_taken, now=self._now())
        self._look_again(address, doubts)
        return is_taken

    def _within(self, address: str, *, is_limit: bool) -> Seconds:
        known = self._known.get(address)
        within = self._deadline if known is None else known.quirks.answers_within
        least = LIMIT_DEADLINE if is_limit else self._deadline
        return max(within, least, self._deadline)

    async def _explained(self, address: str, error: DeviceError) -> DeviceError:
        """Return why a command failed, asking the device whether it was the login."""
        known = self._known.get(address)
        if known is None or isinstance(error, DeviceLoginError):
            return error
        try:
            why = await on_loop(self._loop, known.explain(error), self._deadline)
        except TimeoutError:
            return error
        return why

    async def _call(
        self,
        address: str,
        work: Callable[[PyasicMachine], Coroutine[Any, Any, T]],
        deadline: Seconds,
    ) -> T:
        try:
            return await on_loop(self._loop, self._guarded(address, work), deadline)
        except TimeoutError as error:
            self._note_failure(address)
            raise DeviceError(f"{address}: {error}") from error

    async def _guarded(
        self, address: str, work: Callable[[PyasicMachine], Coroutine[Any, Any, T]]
    ) -> T:
        try:
            return await work(await self._machine(address))
        except DeviceError:
            self._note_failure(address)
            raise
        except Exception as error:  # whatever a firmware provokes in pyasic
            self._note_failure(address)
            why = hidden(f"{type(error).__name__}: {error}", self._login_of(address))
            raise DeviceError(f"{address}: {why:.200}") from error

    async def _machine(self, address: str) -> PyasicMachine:
        known = self._known.get(address)
        if known is not None:
            known.take_login(self._login_of(address))
            return known
        search = self._searches.get(address)
        if search is None:
            search = self._loop.create_task(self._search(address))
            self._searches[address] = search
            search.add_done_callback(lambda _: self._searches.pop(address, None))
        found = await asyncio.shield(search)
        if found is None:
            raise DeviceError(f"{address}: nothing there that pyasic knows")
        return found

    async def _search(self, address: str) -> PyasicMachine | None:
        try:
            async with self._may_search:
                miner = await find_miner(self._factory, address)
        except Exception:  # noqa: BLE001  (whatever a firmware provokes in pyasic)
            return None
        if miner is None:
            return None
        while len(self._known) >= MAX_KNOWN:
            self._forget(next(iter(self._known)))
        owed = self._owed.pop(address, None)
        machine = PyasicMachine(miner, self._login_of(address), owed)
        self._known[address] = machine
        return machine

    def _note_failure(self, address: str) -> None:
        doubts = self._doubts_of(address)
        doubts.failed()
        self._look_again(address, doubts)

    def _doubts_of(self, address: str) -> Doubts:
        """Return what speaks against the identity of a device, if one is known."""
        if address not in self._known:
            return Doubts()
        return self._doubts.setdefault(address, Doubts())

    def _look_again(self, address: str, doubts: Doubts) -> None:
        if doubts.is_in_doubt:
            self._forget(address)

    def _forget(self, address: str) -> None:
        self._doubts.pop(address, None)
        known = self._known.pop(address, None)
        if known is None or not known.profiles.owes_atm:
            return
        if len(self._owed) >= MAX_KNOWN:
            del self._owed[next(iter(self._owed))]
        self._owed[address] = known.profiles

    def _now(self) -> Seconds:
        return Seconds(self._loop.time())


async def _firmware(machine: PyasicMachine) -> str:
    return machine.quirks.firmware
