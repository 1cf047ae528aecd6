"""A relay contact that is a discrete input of a Modbus device."""

from attrs import frozen

from proxy.signals.modbus_line import ModbusLine


@frozen(eq=False)
class ModbusContact:
    """Where it is, and which of its states is the good one."""

    line: ModbusLine
    number: int
    is_closed_good: bool

    async def is_well(self) -> bool:
        """See `Contact`."""
        is_closed = await self.line.within(self.line.read_contact(self.number))
        return is_closed is self.is_closed_good

    def close(self) -> None:
        """See `Contact`."""
        self.line.close()

    @property
    def place(self) -> str:
        """See `Contact`."""
        return f"{self.number} of {self.line.name}"
