"""`trip_input`: where a relay contact is read that trips a site."""

import re
from collections.abc import Iterator
from urllib.parse import parse_qsl

from attrs import frozen

from proxy.config.meter import MAX_REGISTER, read_meter_url
from proxy.config.power import PowerConfig

WANTED = "modbus://host[:502]/unit?input=3&trips=open"

_URL = re.compile(r"(?P<device>modbus://[^?\s]+)\?(?P<query>\S+)")


@frozen
class TripAddress:
    """Where the contact is.

    Attributes:
        number: Of the discrete input, from 0.
        is_closed_good: An open contact trips; else a closed one does.
    """

    host: str
    port: int
    unit: int
    number: int
    is_closed_good: bool


def read_trip_url(url: str) -> TripAddress:
    """Return what the URL of a contact says.

    Raises:
        ValueError: It is none.
    """
    found = _URL.fullmatch(url)
    asked = dict(parse_qsl(found["query"])) if found else {}
    number, trips = asked.get("input", ""), asked.get("trips", "")
    is_number = number.isdecimal() and int(number) <= MAX_REGISTER
    is_whole = set(asked) == {"input", "trips"} and trips in {"open", "closed"}
    if found is None or not is_number or not is_whole:
        raise ValueError(f"Expected {WANTED}, got {url}")
    device = read_meter_url(found["device"])
    return TripAddress(
        device.host, device.port, device.unit, int(number), trips == "open"
    )


def trip_faults(power: PowerConfig, key: str) -> Iterator[str]:
    """Yield what is wrong with the `trip_input` of the `[sites.power]` at `key`."""
    if power.trip_input is None:
        return
    try:
        read_trip_url(power.trip_input)
    except ValueError as error:
        yield f"{error} - at `{key}.trip_input`"
