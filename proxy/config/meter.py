"""`meter` of `[sites.power]`: a URL, or a table for a meter with plain registers."""

import re
from collections.abc import Iterator
from difflib import get_close_matches
from typing import Annotated
from urllib.parse import parse_qsl

from attrs import frozen
from msgspec import Meta

from protocol.plain_meter import (
    ENERGY,
    MAKES,
    NumberType,
    PlainRegister,
    Table,
    WordOrder,
)
from protocol.sunspec.layout import FLOAT_METERS, INTEGER_METERS
from proxy.config.fields import Section

DEFAULT_PORT = 502
"""Of Modbus TCP. Spec: Modbus Messaging on TCP/IP, 4.2."""

MAX_PORT = 65_535
MAX_UNIT = 255
"""1 to 247 behind a gateway, 0 and 255 for the device itself."""

MAX_REGISTER = 65_535
MAX_NTH = 9
"""Meters of one kind in a map: feeders of one panel."""

MODELS = (*INTEGER_METERS, *FLOAT_METERS)

URL = re.compile(
    r"modbus://(?P<host>\[[0-9a-fA-F:.]+\]|[^/\s:?\[\]]+)(?::(?P<port>\d+))?"
    r"/(?P<unit>\d+)(?:\?(?P<query>\S*))?"
)
_PARAMETERS = {"model": MODELS, "nth": tuple(range(1, MAX_NTH + 1))}


@frozen
class MeterAddress:
    """Where a meter is, and which of several in its map is read.

    Attributes:
        model: SunSpec model; None: the first that is a meter.
        nth: Which of several of them, from 1.
    """

    host: str
    port: int
    unit: int
    model: int | None = None
    nth: int = 1


class MeterConfig(Section, frozen=True, kw_only=True):
    """`[sites.power.meter]`: a meter with plain registers, no SunSpec map.

    Attributes:
        type: Of the number.
        url: `modbus://host[:502]/unit`.
        make: Instead of all that follow: `Eastron SDM630`, `Carlo Gavazzi EM340`,
            `Carlo Gavazzi EM540`, `Schneider PM5xxx`, `Schneider iEM3xxx`,
            `Siemens PAC`, `Janitza UMG`, `ABB B2x`, `ABB M4M`, `Socomec`,
            `Shelly Pro 3EM` or `WAGO 879`.
        register: Address of the first register, from 0.
        scale: Watts per unit: 1000 where the meter shows kW.
        sign: -1 where what is drawn shows negative.
        order: `swapped` where the lowest word comes first.
        table: `input` where the maker says function 4 or 3xxxx.
        energy_register: Address of the register that counts the energy drawn, from 0;
            None: it has none, or that of its make is read. Read once a minute, for the
            log that others verify.
        energy_type: Of its number.
        energy_scale: Watt-hours per unit: 1000 where it counts kWh.
    """

    url: str
    make: str | None = None
    register: Annotated[int, Meta(ge=0, le=MAX_REGISTER)] | None = None
    type: NumberType | None = None
    scale: Annotated[float, Meta(gt=0)] | None = None
    sign: int | None = None
    order: WordOrder | None = None
    table: Table | None = None
    energy_register: Annotated[int, Meta(ge=0, le=MAX_REGISTER)] | None = None
    energy_type: NumberType | None = None
    energy_scale: Annotated[float, Meta(gt=0)] | None = None

    @property
    def place(self) -> PlainRegister:
        """Where the watts are.

        Raises:
            LookupError: No such make, or not enough is said.
        """
        if self.make is not None:
            return MAKES[self.make]
        if self.register is None or self.type is None:
            raise LookupError("a meter without a make needs register and type")
        return PlainRegister(
            self.register,
            self.type,
            self.scale or 1.0,
            self.sign or 1,
            self.order or WordOrder.BIG,
            self.table or Table.HOLDING,
        )

    @property
    def energy_place(self) -> PlainRegister | None:
        """Where it counts what was drawn; None: it is not known."""
        if self.make is not None:
            return ENERGY.get(self.make)
        if self.energy_register is None or self.energy_type is None:
            return None
        return PlainRegister(
            self.energy_register,
            self.energy_type,
            self.energy_scale or 1.0,
            1,
            self.order or WordOrder.BIG,
            self.table or Table.HOLDING,
        )


def read_meter_url(url: str) -> MeterAddress:
    """Return what a meter's URL says.

    Raises:
        ValueError: It is none, or has a port, a unit or a parameter that cannot be.
    """
    found = URL.fullmatch(url)
    if found is None:
        raise ValueError(
            f"Expected modbus://host[:{DEFAULT_PORT}]/unit[?model=213&nth=2], got {url}"
        )
    port, unit = int(found["port"] or DEFAULT_PORT), int(found["unit"])
    if not 0 < port <= MAX_PORT:
        raise ValueError(f"Expected a port from 1 to {MAX_PORT}, got {port}")
    if unit > MAX_UNIT:
        raise ValueError(f"Expected a unit of at most {MAX_UNIT}, got {unit}")
    asked: dict[str, int] = {}
    for name, value in parse_qsl(found["query"] or "", keep_blank_values=True):
        allowed = _PARAMETERS.get(name)
        if allowed is None:
            raise ValueError(f"Expected model or nth, got {name!r}")
        if not value.isdecimal() or int(value) not in allowed:
            span = (
                ", ".join(map(str, allowed)) if name == "model" else f"1 to {MAX_NTH}"
            )
            raise ValueError(f"Expected {name} to be {span}, got {value!r}")
        asked[name] = int(value)
    host = found["host"].strip("[]")
    return MeterAddress(host, port, unit, asked.get("model"), asked.get("nth", 1))


def meter_faults(meter: str | MeterConfig, key: str) -> Iterator[str]:
    """Yield what is wrong with the `meter` at `key`."""
    if meter == "model":
        return
    url = meter if isinstance(meter, str) else meter.url
    at = key if isinstance(meter, str) else f"{key}.url"
    try:
        address = read_meter_url(url)
    except ValueError as error:
        yield f"{error} - at `{at}`"
        return
    if isinstance(meter, MeterConfig):
        if address.model is not None or address.nth != 1:
            yield f"A meter with plain registers has no SunSpec model - at `{at}`"
        yield from _register_faults(meter, key)


_ENERGY = ("energy_register", "energy_type", "energy_scale")


def _register_faults(meter: MeterConfig, key: str) -> Iterator[str]:
    said = [
        name
        for name in ("register", "type", "scale", "sign", "order", "table", *_ENERGY)
        if getattr(meter, name) is not None
    ]
    if meter.make is not None:
        if meter.make not in MAKES:
            near = get_close_matches(meter.make, MAKES, n=1, cutoff=0.3)
            hint = f"; the nearest is {near[0]!r}" if near else ""
            known = ", ".join(MAKES)
            yield f"No meter {meter.make!r}{hint}, of {known} - at `{key}.make`"
        for name in said:
            yield f"A meter with a make says that itself - at `{key}.{name}`"
        return
    for name in ("register", "type"):
        if name not in said:
            yield f"A meter without a make needs {name} - at `{key}.{name}`"
    if ("energy_register" in said) is not ("energy_type" in said):
        name = _ENERGY["energy_register" in said]
        yield f"An energy register needs {name}, too - at `{key}.{name}`"
    if meter.sign is not None and meter.sign not in {-1, 1}:
        yield f"Expected 1 or -1, got {meter.sign} - at `{key}.sign`"
