"""What is wrong with a signal of a site."""

from collections.abc import Iterator
from ipaddress import ip_address, ip_network

from proxy.config.endpoints import Endpoint
from proxy.config.mqtt import mqtt_faults
from proxy.config.openadr import openadr_faults
from proxy.config.power import OPERATOR, TRIP_INPUT, SignalConfig
from proxy.config.tokens import SHORT_BYTES, is_exposed, is_short

_NEEDED = {
    "schedule": ("file",),
    "http": ("listen", "token"),
    "modbus": ("listen",),
    "openadr3": ("url", "ven_name", "token_url", "client_id", "client_secret"),
    "signed": ("policy", "policy_id"),
}
_OWN = {
    "modbus": ("map", "unit", "exclusive", "allow", "units", "sign"),
    "mqtt": (
        *("brokers", "prefix", "topic", "username", "password", "ca_file"),
        *("format", "discovery", "allow_orders"),
    ),
    "openadr3": (
        *("url", "program", "ven_name", "token_url", "client_id", "client_secret"),
        *("poll_s", "report_s", "simple", "notices", "units"),
    ),
    "signed": ("policy", "policy_id", "raise_needs", "present_s", "absent_s"),
}
"""Keys that not every kind has."""

_LISTENING = {"signed"}
"""Kinds that may have a `listen`, and need none."""


def signal_faults(signal: SignalConfig, key: str) -> Iterator[str]:
    """Yield each fault of the signal at `key` as a sentence that ends in its key."""
    needed = _NEEDED.get(signal.kind, ())
    for name in needed:
        if getattr(signal, name) is None:
            yield f"A signal of kind {signal.kind!r} needs {name} - at `{key}.{name}`"
    for name in ("file", "listen", "token"):
        is_left = name == "listen" and signal.kind in _LISTENING
        if name not in needed and not is_left and getattr(signal, name) is not None:
            yield f"Not of a signal of kind {signal.kind!r} - at `{key}.{name}`"
    if signal.source == OPERATOR:
        yield f"{OPERATOR!r} is who `power set` gives orders as - at `{key}.name`"
    if signal.source == TRIP_INPUT:
        yield f"{TRIP_INPUT!r} is what a relay contact trips as - at `{key}.name`"
    yield from _token_faults(signal, key)
    is_csv = signal.file is not None and signal.file.suffix.lower() == ".csv"
    if signal.time_zone is not None and not is_csv:
        yield f"Of a schedule in CSV alone (TOML names its own) - at `{key}.time_zone`"
    yield from _kind_faults(signal, key)


def _kind_faults(signal: SignalConfig, key: str) -> Iterator[str]:
    own = _OWN.get(signal.kind, ())
    for name in dict.fromkeys(name for names in _OWN.values() for name in names):
        if name not in own and getattr(signal, name) not in {None, ()}:
            yield f"Not of a signal of kind {signal.kind!r} - at `{key}.{name}`"
    if signal.kind == "modbus":
        yield from _modbus_faults(signal, key)
    if signal.kind == "mqtt":
        yield from mqtt_faults(signal, key)
    if signal.kind == "openadr3":
        yield from openadr_faults(signal, key)
    if signal.kind == "signed":
        yield from _signed_faults(signal, key)


def _signed_faults(signal: SignalConfig, key: str) -> Iterator[str]:
    if signal.absent_s and not signal.raise_needs:
        yield (
            "Without raise_needs nobody has to be present, and so nobody is absent"
            f" - at `{key}.absent_s`"
        )


def _token_faults(signal: SignalConfig, key: str) -> Iterator[str]:
    if signal.token is not None and (
        not signal.token or signal.token.strip() != signal.token
    ):
        yield f"Expected a token without blanks around it - at `{key}.token`"
    if _is_token_refused(signal):
        yield (
            f"Expected a token of {SHORT_BYTES} bytes or more where the listener is on"
            f" a public address - at `{key}.token`"
        )


def _is_token_refused(signal: SignalConfig) -> bool:
    if not signal.token or signal.listen is None:
        return False
    interface = Endpoint(signal.listen, "").interface
    return is_short(signal.token) and is_exposed(interface)


def _modbus_faults(signal: SignalConfig, key: str) -> Iterator[str]:
    if signal.units == "percent":
        yield f"Counts of registers are W, kW or MW - at `{key}.units`"
    for index, text in enumerate(signal.allow):
        try:
            ip_network(text)
        except ValueError as error:
            yield f"{error} - at `{key}.allow[{index}]`"
    if signal.listen is None:
        return
    if Endpoint(signal.listen, "").kind not in {"tcp", "tcp6"}:
        yield f"Modbus TCP is not encrypted: tcp:PORT - at `{key}.listen`"
    elif not signal.allow and not is_loopback(signal.listen):
        yield (
            "Needed where others than this machine may connect: Modbus asks nobody who"
            f" he is - at `{key}.allow`"
        )


def is_loopback(listen: str) -> bool:
    """Tell whether an endpoint is on the loopback interface alone."""
    try:
        address = ip_address(Endpoint(listen, "").interface.strip("[]"))
    except ValueError:
        return Endpoint(listen, "").interface == "localhost"
    return address.is_loopback
