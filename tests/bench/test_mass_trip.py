"""Three hundred machines are told to sleep at once, and one in ten hangs."""

import asyncio
from typing import Any

import pytest
from twisted.internet.defer import Deferred

from proxy.devices.control import PyasicDevices
from proxy.devices.library import load_factory
from proxy.sim.kinds import Fault
from tests.integration.test_devices import a_yard, each, error_of
from tests.on_asyncio import on_asyncio

pytestmark = pytest.mark.bench


@on_asyncio
async def test_a_mass_trip_sends_every_command_within_two_seconds(
    reactor: Any, loop: asyncio.AbstractEventLoop
) -> None:
    network = a_yard(reactor, "127.48.0.1", 300)
    devices = PyasicDevices(loop, load_factory())
    await each(network.addresses, devices.identify)
    for device in network.devices[:30]:
        network.plant.faults[device.row] = Fault.HANGS

    before = reactor.seconds()
    hung = [
        Deferred.fromCoroutine(error_of(devices.sleep(address)))
        for address in network.addresses[:30]
    ]
    slept = await each(network.addresses[30:], devices.sleep)
    took = reactor.seconds() - before
    errors = [await one for one in hung]
    await network.stopService()

    assert all(slept)
    assert took < 2.0
    assert all("no answer" in error for error in errors)
