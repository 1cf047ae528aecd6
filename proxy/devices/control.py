"""Devices by address, through unmodified pyasic: the `DeviceControl` of a site."""

import asyncio
import math
from collections.abc import Callable, Coroutine
from contextlib import suppress
from typing import Any, TypeVar

from protocol.units import Seconds, Watts
from proxy.devices.doubts import Doubts
from proxy.devices.found import FoundMachines
from proxy.devices.identify import find_miner
from proxy.devices.library import Factory
from proxy.devices.login import LoginOf, hidden, makers_own
from proxy.devices.machine import PyasicMachine
from proxy.devices.quirks import LIMIT_DEADLINE
from proxy.power.machines.fleet import MAX_MACHINES
from proxy.power.ports import (
    DEVICE_DEADLINE,
    DeviceBusyError,
    DeviceError,
    DeviceLoginError,
    DeviceReport,
)
from proxy.runtime.asyncio_bridge import on_loop

MAX_KNOWN = MAX_MACHINES
"""Devices whose kind is remembered, 2 kB each: as many as a site may have. With fewer,
a poll of a larger site would identify each anew. The one found first is forgotten
first."""

IDENTITY_FOR = Seconds(600.0)
"""How long a device that answers is taken for the same machine, though DHCP may have
given its address to its neighbour: to ask costs a connection."""

ANSWERS_FOR = Seconds(90.0)
"""One that has answered within a poll and a half has not moved elsewhere since."""

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
        self._found = FoundMachines()
        self._asking: dict[str, asyncio.Task[None]] = {}  # of those known
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
        report = await self._call(address, self._read, self._deadline)
        doubts = self._doubts_of(address)
        doubts.read(is_asleep=report.is_asleep, now=self._now())
        self._look_again(address, doubts)
        self._ask_identity(address)
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

    async def _read(self, machine: PyasicMachine) -> DeviceReport:
        report = await machine.read()
        machine.answered_at = self._now()
        return report

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
        machine = PyasicMachine(miner, self._login_of(address))
        machine.found = self._found.of(address, machine.quirks, None)
        await self._learn_identity(address, machine)
        self._known[address] = machine
        return machine

    def _ask_identity(self, address: str) -> None:
        """Ask a device that answers who it is, if that was long ago."""
        machine = self._known.get(address)
        if machine is None or address in self._asking:
            return
        if self._now() - machine.asked_at >= IDENTITY_FOR:
            task = self._loop.create_task(self._learn_identity(address, machine))
            self._asking[address] = task
            task.add_done_callback(lambda _: self._asking.pop(address, None))

    async def _learn_identity(self, address: str, machine: PyasicMachine) -> None:
        """Have a machine have what it was found with, wherever that was.

        An identity that answers elsewhere is one of two machines: it tells nothing.
        """
        machine.asked_at = now = self._now()
        with suppress(TimeoutError):
            await asyncio.wait_for(machine.ask_identity(), self._deadline)
        identity = machine.identity
        other = None if identity is None else self._elsewhere(address, identity)
        if other is not None:
            machine.asked_at = Seconds(now - IDENTITY_FOR + ANSWERS_FOR)
            other.asked_at = Seconds(-math.inf)  # who is it now?
            identity = None
        machine.found = self._found.of(address, machine.quirks, identity)

    def _elsewhere(self, address: str, identity: str) -> PyasicMachine | None:
        """Return who says the same identity, and answers, at another address."""
        last = self._found.address_of(identity)
        other = None if last in {None, address} else self._known.get(last)
        if other is None or other.identity != identity:
            return None
        answers = self._now() - other.answered_at < ANSWERS_FOR
        return other if answers else None

    def _note_failure(self, address: str) -> None:
        doubts = self._doubts_of(address)
        doubts.failed()
        if address in self._known:  # who answers next may be another
            self._known[address].asked_at = Seconds(-math.inf)
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
        self._known.pop(address, None)

    def _now(self) -> Seconds:
        return Seconds(self._loop.time())


async def _firmware(machine: PyasicMachine) -> str:
    return machine.quirks.firmware
