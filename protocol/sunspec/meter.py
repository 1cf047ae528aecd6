"""A site meter's reading, from and to SunSpec models 201-204 and 211-214."""

import math
import struct

from attrs import frozen
from construct import ConstructError

from protocol.errors import LocalError, MalformedMessageError
from protocol.sunspec.layout import (
    FLOAT_LENGTH,
    FLOAT_METER,
    FLOAT_METERS,
    HEADER,
    INTEGER_LENGTH,
    INTEGER_METER,
    INTEGER_METERS,
)
from protocol.sunspec.values import (
    ACC32_LIMIT,
    INT16_NAN,
    scale_for,
    scaled,
    to_int16,
)

HERTZ_SCALE = -2
ENERGY_SCALE = 3  # kWh: wraps after 4.3 TWh


@frozen
class MeterReading:
    """What a meter shows of the whole site; NaN where it shows nothing."""

    model_id: int  # 201-204 or 211-214
    watts: float  # drawn; negative is fed back
    imported_wh: float = math.nan  # counter; of 20x it wraps at 2**32 * scale
    hertz: float = math.nan

    @property
    def is_float(self) -> bool:
        """It comes from a float model."""
        return self.model_id in FLOAT_METERS


def meter_registers(model_id: int) -> int:
    """Return how many registers a meter model has with its header, 0 if it is none."""
    if model_id in INTEGER_METERS:
        return INTEGER_LENGTH + 2
    return FLOAT_LENGTH + 2 if model_id in FLOAT_METERS else 0


def parse_meter(block: bytes) -> MeterReading:
    """Return the reading of a meter model, its ID and length first.

    Raises:
        MalformedMessageError: Another model, another length, a wild scale factor.
    """
    if len(block) < HEADER.sizeof():
        raise MalformedMessageError(f"{len(block)} B are no SunSpec model")
    model_id = HEADER.parse(block).id
    wanted = 2 * meter_registers(model_id)
    if not wanted:
        raise MalformedMessageError(f"model {model_id} is no meter")
    if len(block) != wanted:
        raise MalformedMessageError(
            f"meter model {model_id} of {len(block)} B, wanted {wanted}"
        )
    is_float = model_id in FLOAT_METERS
    try:
        return _parse_float(block) if is_float else _parse_integer(block)
    except ConstructError as error:
        raise MalformedMessageError(f"meter model {model_id}: {error}") from error


def build_meter(reading: MeterReading) -> bytes:
    """Return the model's block; points that a reading lacks are not implemented.

    Raises:
        LocalError: No meter model, or a value that it cannot hold.
    """
    if reading.is_float:
        return _build_float(reading)
    if reading.model_id in INTEGER_METERS:
        return _build_integer(reading)
    raise LocalError(f"model {reading.model_id} is no meter")


def _parse_integer(block: bytes) -> MeterReading:
    found = INTEGER_METER.parse(block)
    return MeterReading(
        model_id=found.id,
        watts=scaled(found.watts[0], found.watts_sf),
        imported_wh=_energy(found.imported_wh[0], found.energy_sf),
        hertz=scaled(found.hertz, found.hertz_sf),
    )


def _energy(raw: int, exponent: int) -> float:
    return math.nan if raw == 0 else scaled(raw, exponent)


def _parse_float(block: bytes) -> MeterReading:
    found = FLOAT_METER.parse(block)
    return MeterReading(
        model_id=found.id,
        watts=found.watts[0],
        imported_wh=found.imported_wh[0],
        hertz=found.hertz,
    )


def _build_integer(reading: MeterReading) -> bytes:
    exponent = 0 if math.isnan(reading.watts) else scale_for(reading.watts)
    energy = reading.imported_wh
    counter = 0 if math.isnan(energy) else round(energy / 10.0**ENERGY_SCALE)
    nothing, none = [INT16_NAN] * 4, [0] * 3
    built: bytes = INTEGER_METER.build(
        {
            "id": reading.model_id,
            "amperes": nothing,
            "amperes_sf": INT16_NAN,
            "volts": nothing * 2,
            "volts_sf": INT16_NAN,
            "hertz": to_int16(reading.hertz, HERTZ_SCALE),
            "hertz_sf": HERTZ_SCALE,
            "watts": [to_int16(reading.watts, exponent), *nothing[1:]],
            "watts_sf": exponent,
            "volt_amperes": nothing,
            "volt_amperes_sf": INT16_NAN,
            "reactive": nothing,
            "reactive_sf": INT16_NAN,
            "power_factor": nothing,
            "power_factor_sf": INT16_NAN,
            "exported_wh": [0, *none],
            "imported_wh": [counter % ACC32_LIMIT, *none],
            "energy_sf": ENERGY_SCALE,
            "apparent_energy": [0] * 8,
            "apparent_energy_sf": INT16_NAN,
            "reactive_energy": [0] * 16,
            "reactive_energy_sf": INT16_NAN,
            "events": 0,
        }
    )
    return built


def _build_float(reading: MeterReading) -> bytes:
    nothing = [math.nan] * 4
    try:
        built: bytes = FLOAT_METER.build(
            {
                "id": reading.model_id,
                "amperes": nothing,
                "volts": nothing * 2,
                "hertz": reading.hertz,
                "watts": [reading.watts, *nothing[1:]],
                "volt_amperes": nothing,
                "reactive": nothing,
                "power_factor": nothing,
                "exported_wh": nothing,
                "imported_wh": [reading.imported_wh, *nothing[1:]],
                "apparent_energy": nothing * 2,
                "reactive_energy": nothing * 4,
                "events": 0,
            }
        )
    except (ConstructError, struct.error, OverflowError) as error:
        raise LocalError(f"a value is beyond float32: {error}") from error
    return built
