"""A relay contact at the Modbus server of pymodbus."""

import asyncio
from typing import Any

import pytest
from pymodbus.server import ModbusTcpServer
from pymodbus.simulator import DataType, SimData, SimDevice

from protocol.units import Seconds
from proxy.power.ports import MeterError
from proxy.runtime.asyncio_bridge import on_loop
from proxy.signals.modbus_contact import ModbusContact
from proxy.signals.modbus_line import ModbusLine
from tests.on_asyncio import on_asyncio
from tests.support import free_port

pytestmark = pytest.mark.integration


async def a_device(loop: asyncio.AbstractEventLoop, port: int) -> Any:
    """Serve eight discrete inputs, of which number 3 is on."""

    async def start() -> Any:
        coils = SimData(0, values=[False] * 16, datatype=DataType.BITS)
        inputs = SimData(0, values=[False] * 3 + [True] * 13, datatype=DataType.BITS)
        words = SimData(0, values=[0] * 4, datatype=DataType.REGISTERS)
        device = SimDevice(1, simdata=([coils], [inputs], [words], [words]))
        server = ModbusTcpServer(device, address=("127.0.0.1", port))
        await server.serve_forever(background=True)
        return server

    return await on_loop(loop, start(), Seconds(30.0))


@on_asyncio
async def test_a_contact_is_read_lost_and_found_again(
    reactor: Any, loop: asyncio.AbstractEventLoop
) -> None:
    port = free_port()
    server = await a_device(loop, port)
    line = ModbusLine(loop, ("127.0.0.1", port), 1, Seconds(1.0), what="contact")
    opens, closes = ModbusContact(line, 3, True), ModbusContact(line, 2, True)

    assert await opens.is_well()
    assert not await closes.is_well()
    await on_loop(loop, server.shutdown(), Seconds(30.0))
    with pytest.raises(MeterError, match="contact"):
        await opens.is_well()
    server = await a_device(loop, port)
    assert await opens.is_well()

    opens.close()
    await on_loop(loop, server.shutdown(), Seconds(30.0))
