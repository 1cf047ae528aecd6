"""LuxOS has its thermal management again, whatever becomes of a limit."""

import asyncio
import sys
from collections.abc import Coroutine
from types import ModuleType
from typing import Any, cast

import pytest
from twisted.internet.defer import Deferred

from protocol.units import Seconds, Watts
from proxy.devices.control import PyasicDevices
from proxy.devices.doubts import FORGET_AFTER
from proxy.devices.library import Factory
from proxy.devices.luxos import TRIES, Profiles
from proxy.devices.machine import PyasicMachine
from proxy.devices.quirks import LIMIT_DEADLINE
from proxy.power.ports import DEVICE_DEADLINE, DeviceError, DeviceReport
from proxy.runtime.asyncio_bridge import on_loop

LIMIT = Watts(2500.0)
TAKEN: dict[str, object] = {
    "STATUS": [{"STATUS": "S"}],
    "PROFILE": [{"Profile": "low"}],
}
WELL_BEFORE = Seconds(60.0)
"""A bound for a busy machine, never waited for."""


class APIError(Exception):
    """pyasic's, for what a device refuses: an extra that units do without."""


@pytest.fixture(autouse=True)
def errors(monkeypatch: pytest.MonkeyPatch) -> None:
    module: Any = ModuleType("pyasic.errors")
    module.APIError = APIError
    monkeypatch.setitem(sys.modules, "pyasic", ModuleType("pyasic"))
    monkeypatch.setitem(sys.modules, "pyasic.errors", module)


class Rpc:
    """pyasic's API of a LuxOS.

    Attributes:
        is_managed: ATM is on: no profile can be set.
        open: Cleared: the command that turns ATM on waits, as on a slow line.
        reached: That command has come.
        is_returned: It has been done.
        lost: So many of these commands are lost, in the way that `loss` says.
    """

    def __init__(self) -> None:
        self.session_token: str | None = None
        self.is_managed = True
        self.open, self.reached = asyncio.Event(), asyncio.Event()
        self.is_returned = asyncio.Event()
        self.open.set()
        self.lost = 0
        self.loss: dict[str, object] | Exception = {}
        self.profile = ""

    async def auth(self) -> str:
        self.session_token = "s1"  # noqa: S105  (a session's name)
        return self.session_token

    async def multicommand(self, *_: str) -> dict[str, Any]:
        rows = [{"Watts": 2400, "Profile Name": "low"}]
        atm = [{"Enabled": self.is_managed}]
        return {"profiles": [{"PROFILES": rows}], "atm": [{"ATM": atm}]}

    async def atmset(self, *, enabled: bool) -> dict[str, object]:
        if enabled:
            self.reached.set()
            await self.open.wait()
        if enabled and self.lost:
            self.lost -= 1
            if isinstance(self.loss, Exception):
                raise self.loss
            return self.loss
        self.is_managed = enabled
        if enabled:
            self.is_returned.set()
        return TAKEN

    async def profileset(self, name: str) -> dict[str, Any]:
        if self.is_managed:
            raise APIError("ATM is on")
        self.profile = name
        return TAKEN


class LUXMiner:
    """pyasic's machine, told apart by the name of its class."""

    ip, web, ssh = "10.0.0.1", None, None

    def __init__(self, rpc: Rpc) -> None:
        self.rpc = rpc


class Finder:
    """A factory that finds the same LuxOS at each address."""

    def __init__(self, rpc: Rpc) -> None:
        self.rpc = rpc
        self.found = 0

    async def get_miner(self, _: str) -> LUXMiner:
        self.found += 1
        return LUXMiner(self.rpc)


def run(scenario: Coroutine[Any, Any, None]) -> None:
    asyncio.run(asyncio.wait_for(scenario, WELL_BEFORE))


async def cut_short(rpc: Rpc, limit: Coroutine[Any, Any, bool]) -> None:
    """Cancel a limit, as its deadline does, while ATM is turned on again."""
    rpc.open.clear()
    rpc.reached.clear()
    task = asyncio.create_task(limit)
    await rpc.reached.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


def test_the_deadline_of_a_limit_does_not_leave_it_off() -> None:
    async def scenario() -> None:
        rpc, profiles = Rpc(), Profiles()
        await cut_short(rpc, profiles.limit(rpc, LIMIT))
        assert (rpc.profile, rpc.is_managed) == ("low", False)

        rpc.open.set()
        await rpc.is_returned.wait()
        await asyncio.sleep(0)
        assert not profiles.owes_atm

    run(scenario())


def test_a_limit_waits_for_what_the_one_before_left_behind() -> None:
    async def scenario() -> None:
        rpc, profiles = Rpc(), Profiles()
        await cut_short(rpc, profiles.limit(rpc, LIMIT))
        rpc.profile = ""
        following = asyncio.create_task(profiles.limit(rpc, LIMIT))
        for _ in range(5):
            await asyncio.sleep(0)
        assert not rpc.profile, "not while ATM may be turned on at any moment"

        rpc.open.set()
        assert await following
        assert (rpc.profile, rpc.is_managed) == ("low", True)

    run(scenario())


@pytest.mark.parametrize("loss", [APIError("lost"), OSError("lost"), {}])
def test_it_is_turned_on_again_at_another_try(loss: Any) -> None:
    async def scenario() -> None:
        rpc, profiles = Rpc(), Profiles()
        rpc.lost, rpc.loss = TRIES - 1, loss

        assert await profiles.limit(rpc, LIMIT)
        assert rpc.is_managed

    run(scenario())


@pytest.mark.parametrize("watts", [LIMIT, Watts(100.0)], ids=["fits", "none fits"])
def test_what_could_not_be_turned_on_is_by_the_next_limit(watts: Watts) -> None:
    async def scenario() -> None:
        rpc, profiles = Rpc(), Profiles()
        rpc.lost = TRIES
        with pytest.raises(DeviceError, match="thermal management"):
            await profiles.limit(rpc, LIMIT)
        assert not rpc.is_managed

        assert await profiles.limit(rpc, watts) is (watts == LIMIT)
        assert rpc.is_managed

    run(scenario())


def test_what_its_owner_has_turned_off_stays_off() -> None:
    async def scenario() -> None:
        rpc, profiles = Rpc(), Profiles()
        rpc.is_managed = False

        assert await profiles.limit(rpc, LIMIT)
        assert not rpc.is_managed

    run(scenario())


def test_a_read_turns_it_on_too(monkeypatch: pytest.MonkeyPatch) -> None:
    async def nothing(*_: object) -> DeviceReport:
        return DeviceReport()

    monkeypatch.setattr("proxy.devices.machine.read_report", nothing)

    async def scenario() -> None:
        rpc = Rpc()
        machine = PyasicMachine(LUXMiner(rpc))
        rpc.lost = TRIES
        with pytest.raises(DeviceError):
            await machine.limit(LIMIT)

        await machine.read()
        await rpc.is_returned.wait()

    run(scenario())


def test_it_is_owed_to_a_machine_that_is_identified_anew() -> None:
    async def scenario() -> None:
        rpc = Rpc()
        rpc.lost = TRIES * FORGET_AFTER
        finder = Finder(rpc)
        loop = asyncio.get_running_loop()
        devices = PyasicDevices(loop, cast("Factory", finder), WELL_BEFORE)

        async def limit() -> bool:
            call = Deferred.fromCoroutine(devices.limit("10.0.0.1", LIMIT))
            return await call.asFuture(loop)

        for _ in range(FORGET_AFTER):
            with pytest.raises(DeviceError):
                await limit()
        assert (finder.found, rpc.is_managed) == (1, False)

        assert await limit()
        assert (finder.found, rpc.is_managed) == (2, True)

    run(scenario())


def test_a_limit_has_more_time_than_a_read(monkeypatch: pytest.MonkeyPatch) -> None:
    had: list[Seconds] = []

    async def noted(loop: Any, work: Any, deadline: Seconds) -> Any:
        had.append(deadline)
        return await on_loop(loop, work, WELL_BEFORE)

    monkeypatch.setattr("proxy.devices.control.on_loop", noted)

    async def scenario() -> None:
        loop, finder = asyncio.get_running_loop(), Finder(Rpc())
        devices = PyasicDevices(loop, cast("Factory", finder))
        limits = [devices.limit("10.0.0.1", LIMIT) for _ in range(2)]
        for call in (devices.identify("10.0.0.2"), *limits):
            await Deferred.fromCoroutine(call).asFuture(loop)

    run(scenario())
    assert LIMIT_DEADLINE >= 10.0
    assert had == [DEVICE_DEADLINE, LIMIT_DEADLINE, LIMIT_DEADLINE]
