"""The meter over Modbus TCP: against the simulated one, and pymodbus's own server."""

import asyncio
import math
from collections.abc import Coroutine
from typing import Any

import pytest
from twisted.internet.defer import Deferred
from twisted.internet.task import deferLater

from protocol.plain_meter import MAKES, NumberType, PlainRegister
from protocol.sunspec.common import Common, build_common
from protocol.sunspec.meter import MeterReading, build_meter
from protocol.sunspec.survey import build_map
from protocol.sunspec.values import registers_of
from protocol.units import Seconds
from proxy.power.ports import MeterError
from proxy.signals.modbus_line import ModbusLine
from proxy.signals.modbus_meter import (
    ENERGY_EVERY,
    MeterChoice,
    PlainMeter,
    SunSpecMeter,
)
from proxy.sim.kinds import Spread, kind_of
from proxy.sim.plant import Plant, PlantOptions
from proxy.sim.plant_network import PlantNetwork, YardOptions
from proxy.sim.site_meter import MeterOptions, MeterTrouble
from tests.fakes.modbus_device import READ_INPUT, ModbusDevice
from tests.on_asyncio import on_asyncio

pytestmark = pytest.mark.integration


def a_yard(reactor: Any, first: str, **options: Any) -> PlantNetwork:
    plant = PlantOptions(
        kinds=(kind_of("Antminer S21"),) * 2,
        spread=Spread(unit_error=0.0, fleet_bias=1.0),
        meter=MeterOptions(noise=0.002, lag_s=0.0, **options),
    )
    network = PlantNetwork(
        Plant(plant, Seconds(reactor.seconds())),
        YardOptions(first_address=first, meter_port=0),
        reactor,
    )
    network.startService()
    return network


def a_meter(
    loop: asyncio.AbstractEventLoop, place: tuple[str, int], unit: int
) -> SunSpecMeter:
    return SunSpecMeter(ModbusLine(loop, place, unit))


async def error_of(meter: SunSpecMeter | PlainMeter) -> str:
    try:
        watts = await meter.read()
    except MeterError as error:
        return str(error)
    raise AssertionError(f"read {watts}")


@on_asyncio
async def test_every_trouble_of_a_meter_comes_through(
    reactor: Any, loop: asyncio.AbstractEventLoop
) -> None:
    network = a_yard(reactor, "127.51.0.1")
    meter = a_meter(loop, ("127.0.0.1", network.meter_port), 1)
    seen: dict[MeterTrouble | None, list[float]] = {}
    for trouble in (None, *(t for t in MeterTrouble if t is not MeterTrouble.SILENT)):
        network.plant.meter.trouble = trouble
        await deferLater(reactor, 0.6)
        seen[trouble] = []
        for _ in range(3):
            seen[trouble].append(await meter.read())
            await deferLater(reactor, 0.5)

    network.plant.meter.trouble = MeterTrouble.SILENT
    silent = await error_of(meter)
    network.plant.meter.trouble = None
    again = await meter.read()
    meter.close()
    await network.stopService()

    expected = 18 + 1.03 * 7000
    assert seen[None] == pytest.approx([expected] * 3, rel=0.02)
    assert all(math.isnan(w) for w in seen[MeterTrouble.NAN])
    assert len(set(map(str, seen[MeterTrouble.FROZEN]))) == 1
    assert max(seen[MeterTrouble.SPIKE]) > 7 * expected
    assert max(seen[MeterTrouble.NEGATIVE]) < 0
    assert "no answer in 1 s" in silent
    assert again == pytest.approx(expected, rel=0.02)


@on_asyncio
async def test_a_meter_that_restarts_is_found_again(
    reactor: Any, loop: asyncio.AbstractEventLoop
) -> None:
    network = a_yard(reactor, "127.52.0.1", model_id=213)
    port = network.meter_port
    meter = a_meter(loop, ("127.0.0.1", port), 1)
    await deferLater(reactor, 0.6)
    first = await meter.read()
    meter_port = network._ports.pop(0)
    await meter_port.stopListening()  # type: ignore[misc]
    meter.close()
    gone = await error_of(meter)

    other = PlantNetwork(
        network.plant,
        YardOptions(first_address="127.53.0.1", meter_port=port),
        reactor,
    )
    other.startService()
    again = await meter.read()
    meter.close()
    await other.stopService()
    await network.stopService()

    assert "cannot connect" in gone
    assert again == pytest.approx(first, rel=0.02)


WHO = build_common(Common("Other", "meter"))


async def on_loop(
    loop: asyncio.AbstractEventLoop, work: Coroutine[Any, Any, Any]
) -> Any:
    return await Deferred.fromFuture(loop.create_task(work))


async def serve(
    loop: asyncio.AbstractEventLoop, port: int, base: int, data: bytes
) -> Any:
    """Start pymodbus's own server with a map at `base`."""
    from pymodbus.server import ModbusTcpServer  # noqa: PLC0415
    from pymodbus.simulator import DataType, SimData, SimDevice  # noqa: PLC0415

    async def start() -> Any:
        values = list(registers_of(data))
        registers = SimData(base, values=values, datatype=DataType.REGISTERS)
        server = ModbusTcpServer(
            SimDevice(7, simdata=[registers]), address=("127.0.0.1", port)
        )
        await server.serve_forever(background=True)
        return server

    return await on_loop(loop, start())


@on_asyncio
async def test_another_maker_s_meter_is_found_wherever_its_map_begins(
    reactor: Any, loop: asyncio.AbstractEventLoop
) -> None:
    inverter = (103).to_bytes(2, "big") + (50).to_bytes(2, "big") + bytes(100)
    found = []
    for n, base in enumerate((40000, 50000, 0)):
        model = (203, 213, 204)[n]
        block = build_meter(MeterReading(model, 1_234_000.0))
        data = build_map(WHO, inverter, block)
        server = await serve(loop, 15031 + n, base, data)
        meter = a_meter(loop, ("127.0.0.1", 15031 + n), 7)
        for _ in range(3):
            try:
                found.append(await meter.read())
                break
            except MeterError:
                continue
        meter.close()
        await on_loop(loop, server.shutdown())

    assert found == [1_234_000.0] * 3


@on_asyncio
async def test_what_is_no_sunspec_meter_is_said_to_be_none(
    reactor: Any, loop: asyncio.AbstractEventLoop
) -> None:
    server = await serve(loop, 15041, 40000, build_map(WHO))
    meter = a_meter(loop, ("127.0.0.1", 15041), 7)
    none = await error_of(meter)
    meter.close()
    await on_loop(loop, server.shutdown())

    assert "no meter model" in none


def a_map(watts: float, end: bytes = b"\xff\xff\0\0") -> list[int]:
    image = build_map(WHO, build_meter(MeterReading(203, watts)))
    return list(registers_of(image[:-4] + end))


async def read_soon(meter: SunSpecMeter | PlainMeter, polls: int = 6) -> float:
    """Return the first reading within so many polls."""
    for _ in range(polls):
        try:
            return await meter.read()
        except MeterError:
            continue
    raise AssertionError(f"nothing in {polls} polls")


ENDS = (b"", b"\0\0", b"\0\0\0\0", b"\xfa\x6f\0\0\xff\xff\0\0")
"""Nothing, a word of 0, two of them, a maker's own model without registers."""


@on_asyncio
async def test_a_map_that_just_ends_has_its_meter_read(
    reactor: Any, loop: asyncio.AbstractEventLoop
) -> None:
    watts = []
    for end in ENDS:
        device = ModbusDevice(a_map(20_000.0, end))
        port = await on_loop(loop, device.start())
        meter = a_meter(loop, ("127.0.0.1", port), 1)
        watts.append(await read_soon(meter, polls=1))
        meter.close()
        await on_loop(loop, device.stop())

    assert watts == [20_000.0] * len(ENDS)


@on_asyncio
async def test_a_device_that_gives_few_registers_at_once_is_read_in_pieces(
    reactor: Any, loop: asyncio.AbstractEventLoop
) -> None:
    device = ModbusDevice(a_map(20_000.0), most=10)
    port = await on_loop(loop, device.start())
    meter = a_meter(loop, ("127.0.0.1", port), 1)
    watts = [await read_soon(meter, polls=1) for _ in range(2)]
    meter.close()
    await on_loop(loop, device.stop())

    assert watts == [20_000.0] * 2
    assert device.connections == 1


@on_asyncio
async def test_a_busy_device_keeps_its_connection(
    reactor: Any, loop: asyncio.AbstractEventLoop
) -> None:
    device = ModbusDevice(a_map(20_000.0), busy_for=3)
    port = await on_loop(loop, device.start())
    meter = a_meter(loop, ("127.0.0.1", port), 1)
    said = [await error_of(meter) for _ in range(3)]
    watts = await meter.read()
    meter.close()
    await on_loop(loop, device.stop())

    assert all("exception 6 (server device busy)" in text for text in said)
    assert watts == 20_000.0
    assert device.connections == 1


@on_asyncio
async def test_one_of_several_meters_is_read(
    reactor: Any, loop: asyncio.AbstractEventLoop
) -> None:
    blocks = [build_meter(MeterReading(213, watts)) for watts in (1000.0, 2000.0)]
    device = ModbusDevice(list(registers_of(build_map(WHO, *blocks))))
    port = await on_loop(loop, device.start())
    line = ModbusLine(loop, ("127.0.0.1", port), 1)
    second = await SunSpecMeter(line, MeterChoice(213, 2)).read()
    third = await error_of(SunSpecMeter(line, MeterChoice(213, 3)))
    line.close()
    await on_loop(loop, device.stop())

    assert second == 2000.0
    assert "no model 213 number 3 in its map, which has [1, 213, 213]" in third


@on_asyncio
async def test_a_meter_without_a_map_is_read(
    reactor: Any, loop: asyncio.AbstractEventLoop
) -> None:
    device = ModbusDevice(
        [0x2400, 0x49F4], base=1013, functions=(READ_INPUT,)
    )  # 2 MW, the low word first
    port = await on_loop(loop, device.start())
    meter = PlainMeter(
        ModbusLine(loop, ("127.0.0.1", port), 1), MAKES["Shelly Pro 3EM"]
    )
    watts = await meter.read()
    meter.close()
    await on_loop(loop, device.stop())

    assert watts == 2e6


ENERGY = PlainRegister(2, NumberType.UINT32, 1000.0)
WATTS = PlainRegister(0, NumberType.UINT32)


@on_asyncio
async def test_what_a_plain_meter_counts_is_read_with_its_first_watts_then_seldom(
    reactor: Any, loop: asyncio.AbstractEventLoop
) -> None:
    device = ModbusDevice([0, 2000, 0, 7], base=0)
    port = await on_loop(loop, device.start())
    meter = PlainMeter(ModbusLine(loop, ("127.0.0.1", port), 1), WATTS, ENERGY)
    watts = [await meter.read() for _ in range(ENERGY_EVERY)]
    device.registers = [0, 2000, 0, 9]
    before = meter.energy_wh
    watts += [await meter.read() for _ in range(2)]
    meter.close()
    await on_loop(loop, device.stop())

    assert set(watts) == {2000.0}
    assert (before, meter.energy_wh) == (7000.0, 9000.0)
    assert [at for at, _ in device.reads].count(2) == 2


@on_asyncio
async def test_a_counter_that_is_not_there_costs_no_watts(
    reactor: Any, loop: asyncio.AbstractEventLoop
) -> None:
    device = ModbusDevice([0, 2000], base=0)
    port = await on_loop(loop, device.start())
    meter = PlainMeter(ModbusLine(loop, ("127.0.0.1", port), 1), WATTS, ENERGY)
    watts = [await meter.read() for _ in range(5)]
    meter.close()
    await on_loop(loop, device.stop())

    assert (set(watts), meter.energy_wh) == ({2000.0}, None)
    assert device.connections == 1
