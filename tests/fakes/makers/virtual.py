"""The makers' machines behind the devices' port, under a virtual clock."""

from collections.abc import Mapping

from attrs import define
from twisted.internet.task import Clock, deferLater

from protocol.units import HashesPerSecond, Seconds, Watts
from proxy.devices.quirks import Quirks, is_asleep
from proxy.power.ports import DEVICE_DEADLINE, DeviceError, DeviceReport
from tests.fakes.makers.behaviour import Behaviour, FakeMachine

WRITE_DEADLINE = Seconds(30.0)
"""What a command may take: stock Antminers answer after 8 s, in public after 21 s."""


@define(eq=False)
class VirtualMakers:
    """`DeviceControl` of machines of any maker, with the delays of their firmware."""

    machines: Mapping[str, FakeMachine]
    clock: Clock

    async def sleep(self, address: str) -> bool:
        """See `DeviceControl`."""
        machine = self.machines[address]
        self._need(machine.behaviour, can=machine.behaviour.sleeps)
        await self._wait(machine.acknowledges_in, WRITE_DEADLINE)
        return machine.sleep()

    async def wake(self, address: str) -> bool:
        """See `DeviceControl`."""
        machine = self.machines[address]
        self._need(machine.behaviour, can=machine.behaviour.sleeps)
        await self._wait(machine.acknowledges_in, WRITE_DEADLINE)
        if machine.behaviour.reads_first and not machine.is_asleep:
            return True
        return machine.wake()

    async def limit(self, address: str, watts: Watts) -> bool:
        """See `DeviceControl`."""
        machine = self.machines[address]
        self._need(machine.behaviour, can=machine.behaviour.limits)
        await self._wait(machine.acknowledges_in, WRITE_DEADLINE)
        fitting = [w for w in machine.behaviour.limits_w if w <= watts]
        if machine.behaviour.limits_w and not fitting:
            return False
        wanted = max(fitting) if fitting else float(round(watts))
        is_taken = machine.limit(wanted)
        return is_taken and (machine.limit_w == wanted or not self._proves(machine))

    async def read(self, address: str) -> DeviceReport:
        """See `DeviceControl`."""
        machine = self.machines[address]
        await self._wait(machine.answers_in, DEVICE_DEADLINE)
        return report_of(machine)

    @staticmethod
    def _proves(machine: FakeMachine) -> bool:
        return machine.behaviour.proves_limit

    async def _wait(self, seconds: Seconds, deadline: Seconds) -> None:
        if seconds > 0:
            await deferLater(self.clock, min(seconds, deadline))
        if seconds > deadline:
            raise DeviceError(f"no answer in {deadline:g} s")

    def _need(self, behaviour: Behaviour, *, can: bool) -> None:
        if not can:
            raise DeviceError(f"{behaviour.name} cannot do that")


def report_of(machine: FakeMachine) -> DeviceReport:
    """Return what the devices' edge makes of what a machine says."""
    behaviour = machine.behaviour
    power = Watts(float(round(machine.watts))) if behaviour.says_watts else None
    hashes = HashesPerSecond(machine.th_s * 1e12)
    quirks = Quirks(
        behaviour.name,
        tells_sleep=behaviour.tells_sleep,
        sleeps_below_w=Watts(behaviour.sleeps_below_w),
    )
    asleep = is_asleep(
        quirks,
        is_mining=not machine.is_asleep if behaviour.sleeps else True,
        power_w=power,
        hashrate_hs=hashes,
    )
    limit = machine.limit_w or behaviour.full_w
    return DeviceReport(
        is_asleep=asleep,
        limit_w=Watts(float(round(limit))) if behaviour.limits else None,
        power_w=power,
        hashrate_hs=hashes,
        pool_urls=machine.pools,
    )
