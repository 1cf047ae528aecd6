"""The control of devices: real pyasic against simulated LuxOS machines."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from typing import Any, TypeVar

import pytest
from twisted.internet.defer import Deferred, gatherResults
from twisted.internet.task import deferLater

from protocol.units import Seconds, Watts
from proxy.devices.control import PyasicDevices
from proxy.devices.library import load_factory
from proxy.power.ports import DeviceError, DeviceReport
from proxy.sim.kinds import Fault, Spread, kind_of
from proxy.sim.plant import Plant, PlantOptions, mixed
from proxy.sim.plant_network import PlantNetwork, PoolAddress, YardOptions
from tests.fakes.makers.every import maker_of, prompt, started
from tests.on_asyncio import on_asyncio

KINDS = [
    (kind_of("Antminer S19j Pro", down=1.0, up=2.0), 0.3),
    (kind_of("Antminer S21", down=1.0, up=2.0), 0.3),
    (kind_of("Whatsminer M50S", down=1.0, up=2.0), 0.2),
    (kind_of("Antminer S19 Pro", down=1.0, up=2.0), 0.2),
]
T = TypeVar("T")
pytestmark = pytest.mark.integration


def a_yard(reactor: Any, first: str, count: int, **options: Any) -> PlantNetwork:
    plant = PlantOptions(
        kinds=mixed(KINDS, count),
        spread=Spread(unit_error=0.0, fleet_bias=1.0, heat_w_share=0.0),
    )
    network = PlantNetwork(
        Plant(plant, Seconds(reactor.seconds())),
        YardOptions(first_address=first, **options),
        reactor,
    )
    network.startService()
    return network


async def each(
    addresses: Sequence[str], ask: Callable[[str], Coroutine[Any, Any, T]]
) -> list[T]:
    asked = [Deferred.fromCoroutine(ask(address)) for address in addresses]
    found: list[T] = await gatherResults(asked)
    return found


async def error_of(coroutine: Awaitable[object]) -> str:
    try:
        answer = await coroutine
    except DeviceError as error:
        return str(error)
    raise AssertionError(f"answered {answer}")


@on_asyncio
async def test_twenty_machines_are_identified_and_obey(
    reactor: Any, loop: asyncio.AbstractEventLoop
) -> None:
    network = a_yard(reactor, "127.41.0.1", 20)
    devices = PyasicDevices(loop, load_factory())

    firmware = await each(network.addresses, devices.identify)
    first = await each(network.addresses, devices.read)
    ten, others = network.addresses[:10], network.addresses[10:]
    slept = await each(ten, devices.sleep)
    limited = await each(others, lambda a: devices.limit(a, Watts(2900.0)))
    tuned = [a for a, ok in zip(others, limited, strict=True) if ok]

    async def read_until(
        addresses: Sequence[str], holds: Callable[[DeviceReport], bool]
    ) -> None:
        while not all(map(holds, await each(addresses, devices.read))):
            await deferLater(reactor, 0.2)

    await read_until(ten, lambda r: bool(r.is_asleep) and (r.power_w or 0) <= 100)
    await read_until(tuned, lambda r: max(r.limit_w or 1e9, r.power_w or 1e9) <= 2900)
    woken = await each(ten, devices.wake)
    await read_until(ten, lambda r: r.is_asleep is False)
    await network.stopService()

    assert set(firmware) == {"LuxOS"}
    assert all(slept + woken)
    assert limited.count(True) == 8  # the M50S has but one level, above that
    assert {r.is_asleep for r in first} == {False}
    assert (first[0].limit_w, first[0].power_w) == (3068.0, 3068.0)
    assert first[0].hashrate_hs == pytest.approx(104e12, rel=1e-4)


@on_asyncio
async def test_every_fault_of_a_device_is_seen_for_what_it_is(
    reactor: Any, loop: asyncio.AbstractEventLoop
) -> None:
    network = a_yard(reactor, "127.42.0.1", len(Fault))
    devices = PyasicDevices(loop, load_factory())
    await each(network.addresses, devices.identify)
    at = dict(zip(Fault, network.addresses, strict=True))
    network.plant.faults[:] = list(Fault)

    lied = await devices.sleep(at[Fault.LIES])
    feigned = await devices.sleep(at[Fault.FEIGNS])
    ignored = await devices.sleep(at[Fault.IGNORES])
    before = reactor.seconds()
    hung = await error_of(devices.sleep(at[Fault.HANGS]))
    hung_for = reactor.seconds() - before
    dead = await error_of(devices.sleep(at[Fault.DEAD]))
    unread = await error_of(devices.read(at[Fault.DEAD]))
    await deferLater(reactor, 1.5)
    liar = await devices.read(at[Fault.LIES])
    actor = await devices.read(at[Fault.FEIGNS])
    await network.stopService()

    assert lied
    assert liar.is_asleep is False
    assert feigned
    assert actor.is_asleep is True
    assert network.plant.asics.watts(network.plant.now)[1] > 3000
    assert ignored is False
    assert "no answer in 3 s" in hung
    assert hung_for > 2.9
    assert dead
    assert unread


@on_asyncio
async def test_a_switched_off_device_is_never_taken_for_one_that_obeyed(
    reactor: Any, loop: asyncio.AbstractEventLoop
) -> None:
    network = a_yard(reactor, "127.43.0.1", 2)
    devices = PyasicDevices(loop, load_factory())
    slept = await devices.sleep(network.addresses[0])
    await devices.read(network.addresses[1])
    await network.stopService()

    commands = (devices.sleep, devices.wake, devices.read)
    errors = [await error_of(f(a)) for a in network.addresses for f in commands]
    limited = await error_of(devices.limit(network.addresses[0], Watts(2500.0)))

    assert slept
    assert all([*errors, limited])


@on_asyncio
async def test_a_session_that_the_device_forgot_is_renewed_at_once(
    reactor: Any, loop: asyncio.AbstractEventLoop
) -> None:
    network = a_yard(reactor, "127.44.0.1", 1)
    devices, here = PyasicDevices(loop, load_factory()), network.addresses[0]
    answers = [await devices.sleep(here)]
    network.devices[0].drop_session()
    answers.append(await devices.wake(here))
    network.devices[0].drop_session()
    answers.append(await devices.limit(here, Watts(2500.0)))
    await network.stopService()

    assert answers == [True, True, True]
    assert network.devices[0].commands == 3


@on_asyncio
async def test_commands_to_one_device_do_not_take_its_session_from_each_other(
    reactor: Any, loop: asyncio.AbstractEventLoop
) -> None:
    network = a_yard(reactor, "127.45.0.1", 1)
    devices, here = PyasicDevices(loop, load_factory()), network.addresses[0]

    answers = await each([here] * 8, devices.sleep)
    await network.stopService()

    assert answers == [True] * 8


@on_asyncio
async def test_another_machine_at_the_address_is_found_out(
    reactor: Any, loop: asyncio.AbstractEventLoop
) -> None:
    devices = PyasicDevices(loop, load_factory())
    nobody = await error_of(devices.read("127.46.0.1"))
    network = a_yard(reactor, "127.46.0.1", 1)
    report = await devices.read("127.46.0.1")
    known = len(devices._known)
    await network.stopService()
    for _ in range(5):
        await error_of(devices.read("127.46.0.1"))

    assert "nothing there" in nobody
    assert report.power_w == 3068.0
    assert known == 1
    assert not devices._known


@on_asyncio
async def test_every_pool_slot_shows_in_the_report(
    reactor: Any, loop: asyncio.AbstractEventLoop
) -> None:
    ours, foreign = PoolAddress("127.0.0.1", 1), PoolAddress("127.0.0.2", 2)
    network = a_yard(reactor, "127.47.0.1", 2)
    network.devices[1]._pools = lambda: network._pools_of(1)
    network._options = YardOptions(pools=(ours,), foreign=foreign)
    network.plant.faults[1] = Fault.FAILS_OVER
    devices = PyasicDevices(loop, load_factory())

    reports = await each(network.addresses, devices.read)
    await network.stopService()

    assert [r.pool_urls for r in reports] == [(ours.url,), (ours.url, foreign.url)]


@on_asyncio
async def test_a_machine_of_other_firmware_is_known_after_it_refused_twice(
    reactor: Any, loop: asyncio.AbstractEventLoop
) -> None:
    network = a_yard(reactor, "127.51.0.1", 1)
    devices, here = PyasicDevices(loop, load_factory()), network.addresses[0]
    before = await devices.identify(here)
    await network.stopService()
    changed = await Deferred.fromFuture(
        loop.create_task(started(prompt(maker_of("Auradine")), here, time.monotonic))
    )

    answers = [await error_or_answer(devices.sleep(here)) for _ in range(8)]
    after = await devices.identify(here)
    await Deferred.fromFuture(loop.create_task(changed.stop()))

    assert before == "LuxOS"
    assert after == "Auradine"
    assert answers[0] is not True
    assert answers[-1] is True
    assert changed.machine.is_asleep


async def error_or_answer(coroutine: Awaitable[object]) -> object:
    try:
        return await coroutine
    except DeviceError as error:
        return str(error)
