"""One connection to a Modbus device, through pymodbus."""

import asyncio
from collections.abc import Coroutine
from typing import TYPE_CHECKING, Any, TypeVar

from protocol.plain_meter import Table
from protocol.sunspec.values import bytes_of
from protocol.units import Seconds
from proxy.power.ports import MeterError
from proxy.runtime.asyncio_bridge import on_loop

if TYPE_CHECKING:
    from pymodbus.client import AsyncModbusTcpClient

T = TypeVar("T")

POLL_DEADLINE = Seconds(1.0)
"""A reading that takes longer is none: the next poll is due."""

NOT_THERE = {1: "illegal function", 2: "illegal data address", 3: "illegal data value"}
"""Exceptions that say that there are no such registers. Spec: Modbus 7."""

BUSY = {5: "acknowledge, not done yet", 6: "server device busy", 11: "no answer yet"}
"""Exceptions of a device, or of a gateway before it, that is to be asked again."""


class ModbusExceptionError(MeterError):
    """A device answered with an exception: a whole answer, the connection is well.

    Attributes:
        code: Of Modbus.
    """

    def __init__(self, text: str, code: int) -> None:
        super().__init__(text)
        self.code = code

    @property
    def is_not_there(self) -> bool:
        """It says that the registers asked for do not exist."""
        return self.code in NOT_THERE


class ModbusLine:
    """Asks one device, connecting as need be.

    After a deadline or a broken line the connection is made anew: an answer that
    comes late is never taken for that to the next request. An exception costs
    nothing.

    Attributes:
        name: The device, for people.
    """

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        place: tuple[str, int],
        unit: int,
        deadline: Seconds = POLL_DEADLINE,
        what: str = "meter",
    ) -> None:
        self._loop = loop
        self._host, self._port = place
        self._unit = unit
        self._deadline = deadline
        self._client: AsyncModbusTcpClient | None = None
        self.name = f"{what} {self._host}:{self._port}/{self._unit}"

    async def within(self, work: Coroutine[Any, Any, T]) -> T:
        """Return what `work` does on the asyncio loop, within the deadline.

        Raises:
            MeterError: It failed, or took too long.
        """
        try:
            return await on_loop(self._loop, work, self._deadline)
        except TimeoutError as error:
            self.close()
            raise MeterError(f"{self.name}: {error}") from error
        # Ahead of its base class: an exception is a whole answer, the line is well.
        except ModbusExceptionError:
            raise
        except MeterError:
            self.close()
            raise
        except (OSError, ValueError) as error:  # as of a name that is none
            self.close()
            raise MeterError(f"{self.name}: {error}") from error

    async def read(
        self, address: int, count: int, table: Table = Table.HOLDING
    ) -> bytes:
        """Return `count` registers from `address` on, two bytes each.

        Raises:
            ModbusExceptionError: The device says why not.
            MeterError: It cannot be reached, or answers what was not asked.
        """
        # Here, so that nobody pays for the import who has no meter.
        from pymodbus.exceptions import ModbusException  # noqa: PLC0415

        client = await self._connected()
        read = (
            client.read_input_registers
            if table is Table.INPUT
            else client.read_holding_registers
        )
        try:
            reply = await read(address, count=count, device_id=self._unit)
        except ModbusException as error:
            raise MeterError(f"{self.name}: {error}") from error
        if reply.isError():
            code = int(getattr(reply, "exception_code", 0))
            why = (NOT_THERE | BUSY).get(code, "an error")
            text = f"exception {code} ({why}) for {count} at {address}"
            raise ModbusExceptionError(f"{self.name}: {text}", code)
        if len(reply.registers) != count:
            got = len(reply.registers)
            raise MeterError(f"{self.name}: {got} registers, wanted {count}")
        return bytes_of(reply.registers)

    async def read_contact(self, number: int) -> bool:
        """Return whether a discrete input is on.

        Raises:
            MeterError: It cannot be reached, or answers what was not asked.
        """
        from pymodbus.exceptions import ModbusException  # noqa: PLC0415

        client = await self._connected()
        try:
            reply = await client.read_discrete_inputs(
                number, count=1, device_id=self._unit
            )
        except ModbusException as error:
            raise MeterError(f"{self.name}: {error}") from error
        if reply.isError() or not reply.bits:
            raise MeterError(f"{self.name}: no discrete input {number}")
        return bool(reply.bits[0])

    def close(self) -> None:
        """Hang up; the next request connects again."""
        if self._client is not None:
            self._client.close()
            self._client = None

    async def _connected(self) -> "AsyncModbusTcpClient":
        from pymodbus.client import AsyncModbusTcpClient  # noqa: PLC0415

        if self._client is not None and self._client.connected:
            return self._client
        self.close()
        self._client = AsyncModbusTcpClient(
            self._host,
            port=self._port,
            timeout=self._deadline,
            # The next poll is the retry.
            retries=0,
            reconnect_delay=0,  # we do that ourselves, at the next poll
        )
        if not await self._client.connect():
            raise MeterError(f"{self.name}: cannot connect")
        return self._client
