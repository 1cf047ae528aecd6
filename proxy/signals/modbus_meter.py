"""The site's meter over Modbus TCP: a SunSpec map, read through pymodbus."""

import asyncio
from typing import TYPE_CHECKING

from protocol.errors import MalformedMessageError
from protocol.sunspec.layout import FLOAT_METERS, INTEGER_METERS
from protocol.sunspec.meter import parse_meter
from protocol.sunspec.survey import BASES, Location, Survey
from protocol.sunspec.values import MAX_REGISTERS, bytes_of
from protocol.units import Seconds
from proxy.power.ports import MeterError
from proxy.runtime.asyncio_bridge import on_loop

if TYPE_CHECKING:
    from pymodbus.client import AsyncModbusTcpClient

POLL_DEADLINE = Seconds(1.0)
"""A reading that takes longer is none: the next poll is due."""

METERS = (*FLOAT_METERS, *INTEGER_METERS)
"""Models that are read, the finer ones first."""


class ModbusMeter:
    """Finds the meter model of a device once, then reads it at each poll.

    The search goes on where the last poll left off, so that a slow device is found
    too. After a failure the connection is made anew: an answer that comes late is
    never taken for that to the next request.
    """

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        place: tuple[str, int],
        unit: int,
        deadline: Seconds = POLL_DEADLINE,
    ) -> None:
        self._loop = loop
        self._host, self._port = place
        self._unit = unit
        self._deadline = deadline
        self._client: AsyncModbusTcpClient | None = None
        self._survey = Survey()
        self._found: Location | None = None

    async def read(self) -> float:
        """See `MeterSource`."""
        try:
            return await on_loop(self._loop, self._read(), self._deadline)
        except TimeoutError as error:
            self.close()
            raise MeterError(f"{self._name}: {error}") from error
        except MeterError:
            self.close()
            raise

    def close(self) -> None:
        """See `MeterSource`."""
        if self._client is not None:
            self._client.close()
            self._client = None

    @property
    def _name(self) -> str:
        return f"meter {self._host}:{self._port}/{self._unit}"

    async def _read(self) -> float:
        client = await self._connected()
        if self._found is None:
            self._found = await self._search(client)
        try:
            block = await self._registers(
                client, self._found.address, self._found.registers
            )
            return parse_meter(block).watts
        except MalformedMessageError as error:
            self._begin_anew(BASES[0])
            raise MeterError(f"{self._name}: {error}") from error

    async def _connected(self) -> "AsyncModbusTcpClient":
        from pymodbus.client import AsyncModbusTcpClient  # noqa: PLC0415

        if self._client is not None and self._client.connected:
            return self._client
        self.close()
        self._client = AsyncModbusTcpClient(
            self._host,
            port=self._port,
            timeout=self._deadline,
            retries=0,
            reconnect_delay=0,  # we do that ourselves, at the next poll
        )
        if not await self._client.connect():
            raise MeterError(f"{self._name}: cannot connect")
        return self._client

    async def _search(self, client: "AsyncModbusTcpClient") -> Location:
        while not self._survey.is_done:
            address, count = self._survey.wanted
            data = await self._registers(client, address, count)
            try:
                self._survey.feed(data)
            except MalformedMessageError as error:
                self._try_next_base()
                raise MeterError(f"{self._name}: {error}") from error
        found = self._survey.find(*METERS)
        if found is None:
            self._begin_anew(BASES[0])
            raise MeterError(f"{self._name}: no meter model in its map")
        return found

    def _try_next_base(self) -> None:
        at = BASES.index(self._survey.base)
        self._begin_anew(BASES[(at + 1) % len(BASES)])

    def _begin_anew(self, base: int) -> None:
        self._survey, self._found = Survey(base=base), None

    async def _registers(
        self, client: "AsyncModbusTcpClient", address: int, count: int
    ) -> bytes:
        from pymodbus.exceptions import ModbusException  # noqa: PLC0415

        words: list[int] = []
        while len(words) < count:
            wanted = min(MAX_REGISTERS, count - len(words))
            try:
                reply = await client.read_holding_registers(
                    address + len(words), count=wanted, device_id=self._unit
                )
            except ModbusException as error:
                raise MeterError(f"{self._name}: {error}") from error
            if reply.isError() or len(reply.registers) != wanted:
                self._refused()
                raise MeterError(f"{self._name}: refused {wanted} at {address}")
            words.extend(reply.registers)
        return bytes_of(words)

    def _refused(self) -> None:
        """Note that registers are not there: no map here, or no longer this one."""
        if self._found is not None:
            self._begin_anew(BASES[0])
        else:
            self._try_next_base()
