"""A Modbus TCP device at its own wire, with the oddities of real ones as switches."""

import asyncio
import struct
from collections.abc import Sequence

from attrs import define, field

READ_HOLDING, READ_INPUT = 3, 4
BUSY = 6


@define(eq=False)
class ModbusDevice:
    """Serves registers from `base` on.

    Attributes:
        registers: May be changed while it runs.
        most: Registers that it gives in one answer; more is exception 3.
        busy_for: Requests of each connection that it answers with exception 6.
        functions: Those it knows; others are exception 1.
        connections: How often somebody connected.
    """

    registers: Sequence[int]
    base: int = 40_000
    most: int = 125
    busy_for: int = 0
    functions: tuple[int, ...] = (READ_HOLDING, READ_INPUT)
    connections: int = field(default=0, init=False)
    reads: list[tuple[int, int]] = field(factory=list, init=False)
    _server: asyncio.Server | None = field(default=None, init=False)

    async def start(self) -> int:
        """Listen; return the port."""
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        port: int = self._server.sockets[0].getsockname()[1]
        return port

    async def stop(self) -> None:
        """Listen no more."""
        if self._server is not None:
            self._server.close()

    async def _serve(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        self.connections += 1
        asked = 0
        try:
            while True:
                head = await reader.readexactly(7)
                number, _, length, unit = struct.unpack(">HHHB", head)
                body = await reader.readexactly(length - 1)
                asked += 1
                function, address, count = struct.unpack(">BHH", body[:5])
                answer = self._answer(function, address, count, asked)
                size = len(answer) + 1
                writer.write(struct.pack(">HHHB", number, 0, size, unit) + answer)
                await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError):
            writer.close()

    def _answer(self, function: int, address: int, count: int, asked: int) -> bytes:
        self.reads.append((address, count))
        at = address - self.base
        code = 0
        if function not in self.functions:
            code = 1
        elif asked <= self.busy_for:
            code = BUSY
        elif count > self.most:
            code = 3
        elif at < 0 or at + count > len(self.registers):
            code = 2
        if code:
            return struct.pack(">BB", function | 0x80, code)
        words = struct.pack(f">{count}H", *self.registers[at : at + count])
        return struct.pack(">BB", function, len(words)) + words
