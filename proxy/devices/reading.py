"""What a device says of itself, field by field where a whole read fails.

pyasic 0.79 reads all fields or none: a preset with a name (VNish), a slot whose scheme
it does not know, or any slot at all of a Whatsminer v3 ends the read with an exception.
A machine that is read in no field counts at full power, so each field that can be had
is (pyasic 216, 222). It says "mining" of a device that did not say; only what was told
is taken.
"""

import math
from contextlib import suppress
from typing import Any

from protocol.units import HashesPerSecond, Watts
from proxy.devices.pool_slots import pool_slots
from proxy.devices.quirks import Quirks, is_asleep
from proxy.power.ports import DeviceError, DeviceReport

FIELDS = ("hashrate", "hashboards", "wattage", "wattage_limit", "is_mining", "pools")
"""What a read asks for: one connection on LuxOS. Pools are last: what fails most."""

MAX_W = 100_000.0
"""No machine draws more (the largest of the catalogue: 11,180 W); what says so errs."""

MAX_DEGREES = 150.0
"""Chips are off long before; what says so errs."""


async def read_report(miner: Any, quirks: Quirks) -> DeviceReport:
    """Return what a device says of itself.

    Args:
        miner: A pyasic machine.
        quirks: What is known of its firmware.

    Raises:
        DeviceError: It says nothing.
    """
    told = await _told(miner)
    slots = await pool_slots(miner, told.get("pools"))
    power, hashrate = _watts(told.get("wattage")), _hashes(told.get("hashrate"))
    is_mining = told.get("is_mining") if quirks.tells_sleep else None
    if power is None and not hashrate and not slots and is_mining is None:
        raise DeviceError(f"{quirks.firmware}: no answer")
    return DeviceReport(
        is_asleep=is_asleep(
            quirks,
            is_mining=is_mining,
            power_w=power,
            hashrate_hs=hashrate,
        ),
        limit_w=_watts(told.get("wattage_limit")) if quirks.can_limit else None,
        power_w=power,
        hashrate_hs=hashrate,
        pool_urls=slots,
        can_sleep=quirks.can_sleep,
        temperature_c=_degrees(told.get("temperature")),
    )


async def _told(miner: Any) -> dict[str, Any]:
    """Return the fields that could be read; None: it does not say."""
    with suppress(Exception):  # whatever a firmware provokes in pyasic
        return _fields_of(await miner.get_data(include=list(FIELDS)))
    told: dict[str, Any] = {}
    for field in FIELDS:
        with suppress(Exception):  # the others may be read all the same
            one = _fields_of(await miner.get_data(include=[field]))
            told |= {name: value for name, value in one.items() if value is not None}
    return told


def _fields_of(data: Any) -> dict[str, Any]:
    was_set = data.model_fields_set
    return {
        "hashrate": data.hashrate,  # of the boards if they say, else of the whole
        "temperature": data.temperature_avg,
        "wattage": data.wattage,
        "wattage_limit": data.wattage_limit,
        "is_mining": data.is_mining if "is_mining" in was_set else None,
        "pools": list(data.pools) if "pools" in was_set else None,
    }


def _watts(value: Any) -> Watts | None:
    watts = _number(value)
    return None if watts is None or watts > MAX_W else Watts(watts)


def _hashes(hashrate: Any) -> HashesPerSecond | None:
    rate = None if hashrate is None else _number(hashrate.rate)
    return None if rate is None else HashesPerSecond(rate * int(hashrate.unit))


def _degrees(value: Any) -> float | None:
    """Return degrees Celsius; firmware has 0 for a board that it does not read."""
    degrees = _number(value)
    return degrees if degrees and degrees < MAX_DEGREES else None


def _number(value: Any) -> float | None:
    """Return a number that is one; firmware has "n/a", NaN and -1 for "unknown"."""
    with suppress(TypeError, ValueError):
        number = float(value)
        return number if math.isfinite(number) and number >= 0 else None
    return None
