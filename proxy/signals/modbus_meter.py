"""The site's meter over Modbus TCP: a SunSpec map, or plain registers."""

import math

from attrs import define, field, frozen
from twisted.logger import Logger
from typing_extensions import override

from protocol.errors import MalformedMessageError
from protocol.plain_meter import PlainRegister
from protocol.sunspec.layout import FLOAT_METERS, INTEGER_METERS
from protocol.sunspec.meter import parse_meter
from protocol.sunspec.survey import BASES, Location, Survey
from protocol.sunspec.values import MAX_REGISTERS
from proxy.power.ports import MeterError
from proxy.signals.modbus_line import ModbusExceptionError, ModbusLine

FEWEST_REGISTERS = 2
"""A device that takes no larger request is read two registers at a time."""

ENERGY_EVERY = 60
"""Readings of watts between two of a plain meter's energy: a minute of them. One more
request each second is more than some gateways bear."""

ENERGY_AGAIN = 3600
"""Readings after which a register that is not there is asked for again."""


@frozen
class MeterChoice:
    """Which meter of a SunSpec map is read.

    Attributes:
        model: None: any, one with floats before one with scaled integers.
        nth: Which of several, in the order of the map, from 1.
    """

    model: int | None = None
    nth: int = 1

    def find(self, survey: Survey) -> Location | None:
        """Return where it is, None if the map has none."""
        if self.model is not None:
            return survey.find(self.model, nth=self.nth)
        fine = survey.find(*FLOAT_METERS, nth=self.nth)
        return fine or survey.find(*INTEGER_METERS, nth=self.nth)

    @override
    def __str__(self) -> str:
        model = "meter model" if self.model is None else f"model {self.model}"
        return model if self.nth == 1 else f"{model} number {self.nth}"


@define(eq=False, repr=False)
class SunSpecMeter:
    """Finds the meter model of a device once, then reads it at each poll.

    The search goes on where the last poll left off, so that a slow device is found
    too. An exception costs neither the connection nor, unless it says that there
    are no such registers, what was found.
    """

    _log = Logger()

    _line: ModbusLine
    _choice: MeterChoice = field(factory=MeterChoice)
    _survey: Survey = field(factory=Survey, init=False)
    _found: Location | None = field(default=None, init=False)
    _most: int = field(default=MAX_REGISTERS, init=False)
    hertz: float | None = field(default=None, init=False)
    energy_wh: float | None = field(default=None, init=False)

    async def read(self) -> float:
        """See `MeterSource`."""
        return await self._line.within(self._read())

    def close(self) -> None:
        """See `MeterSource`."""
        self._line.close()

    async def _read(self) -> float:
        if self._found is None:
            self._found = await self._search()
            self._log.info(
                "{meter}: reads model {model} at register {at}, of {models}",
                meter=self._line.name,
                model=self._found.model_id,
                at=self._found.address,
                models=[m.model_id for m in self._survey.found],
            )
        try:
            reading = parse_meter(await self._block(self._found))
        except MalformedMessageError as error:
            # What answers there may be another device by now: its map is read anew.
            self._begin_anew(BASES[0])
            raise MeterError(f"{self._line.name}: {error}") from error
        self.hertz = None if math.isnan(reading.hertz) else reading.hertz
        self.energy_wh = _known(reading.imported_wh)
        return reading.watts

    async def _search(self) -> Location:
        while not self._survey.is_done:
            await self._look_further()
        found = self._choice.find(self._survey)
        if found is None:
            models = [m.model_id for m in self._survey.found]
            self._begin_anew(BASES[0])
            raise MeterError(
                f"{self._line.name}: no {self._choice} in its map, which has {models}"
            )
        return found

    async def _look_further(self) -> None:
        address, count = self._survey.wanted
        try:
            self._survey.feed(await self._line.read(address, count))
        except ModbusExceptionError as error:
            # Busy, or a gateway without its device: nothing is said of the map.
            if not error.is_not_there:
                raise
            # Some maps end without an end model: what was found before counts.
            if not self._survey.end():
                self._try_next_base()
                raise
        except MalformedMessageError as error:
            self._try_next_base()
            raise MeterError(f"{self._line.name}: {error}") from error

    def _try_next_base(self) -> None:
        at = BASES.index(self._survey.base)
        self._begin_anew(BASES[(at + 1) % len(BASES)])

    def _begin_anew(self, base: int) -> None:
        self._survey, self._found = Survey(base=base), None

    async def _block(self, model: Location) -> bytes:
        """Return a model's registers, in smaller pieces if the device wants that."""
        while True:
            try:
                return await self._pieces(model)
            except ModbusExceptionError as error:
                # Busy is no word about the size of a request.
                if not error.is_not_there:
                    raise
                # Not the size then: the registers are gone.
                if self._most <= FEWEST_REGISTERS:
                    self._most = MAX_REGISTERS
                    self._begin_anew(BASES[0])
                    raise
                # Some devices bound a request and say so with the same exception as for
                # no register.
                self._most = max(FEWEST_REGISTERS, self._most // 2)

    async def _pieces(self, model: Location) -> bytes:
        data = b""
        while len(data) < 2 * model.registers:
            read = len(data) // 2
            count = min(self._most, model.registers - read)
            data += await self._line.read(model.address + read, count)
        return data


@define(eq=False, repr=False)
class PlainMeter:
    """Reads one number at each poll, and now and then what it counts."""

    _log = Logger()

    _line: ModbusLine
    _place: PlainRegister
    _energy: PlainRegister | None = None
    hertz: float | None = field(default=None, init=False)  # it is one number of watts
    energy_wh: float | None = field(default=None, init=False)
    _until_energy: int = field(default=0, init=False)

    async def read(self) -> float:
        """See `MeterSource`."""
        return await self._line.within(self._read())

    def close(self) -> None:
        """See `MeterSource`."""
        self._line.close()

    async def _read(self) -> float:
        watts = await self._number(self._place)
        if self._energy is not None:
            await self._count(self._energy)
        return watts

    async def _count(self, place: PlainRegister) -> None:
        """Read what it counts, when that is due; watts are known without it."""
        self._until_energy -= 1
        if self._until_energy >= 0:
            return
        # Before it is asked: a meter that answers nothing to this costs one reading.
        self._until_energy, self.energy_wh = ENERGY_AGAIN, None
        try:
            self.energy_wh = _known(await self._number(place))
        except ModbusExceptionError as error:
            self._log.info("no energy is counted: {error}", error=error)
            return
        self._until_energy = ENERGY_EVERY

    async def _number(self, place: PlainRegister) -> float:
        data = await self._line.read(place.address, place.count, place.table)
        return place.value_of(data)


def _known(wh: float) -> float | None:
    return None if math.isnan(wh) else wh
