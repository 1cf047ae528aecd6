"""What is wrong with a signal of a site."""

from collections.abc import Iterator
from ipaddress import ip_address, ip_network

from proxy.config.endpoints import Endpoint
from proxy.config.mqtt import mqtt_faults
from proxy.config.openadr import openadr_faults
from proxy.config.power import OPERATOR, TRIP_INPUT, SignalConfig
from proxy.config.price import FORMATS, UNITS, price_faults
from proxy.config.tokens import SHORT_BYTES, is_exposed, is_short

_NEEDED = {
    "schedule": ("file",),
    "http": ("listen", "token"),
    "modbus": ("listen",),
    "openadr3": ("url", "ven_name", "token_url", "client_id", "client_secret"),
    "signed": ("policy", "policy_id"),
}
_OWN = {
    "modbus": ("map", "unit", "exclusive", "allow", "sign"),
    "mqtt": (
        *("brokers", "prefix", "topic", "username", "password", "ca_file"),
        *("discovery", "allow_orders"),
    ),
    "price": (
        *("document", "zone", "currency", "hashprice", "btc_price", "adders"),
        *("hysteresis", "min_on_s", "min_off_s", "on_missing", "negative", "poll_s"),
    ),
    "openadr3": (
        *("url", "program", "ven_name", "token_url", "client_id", "client_secret"),
        *("ca_file", "poll_s", "report_s", "simple", "notices"),
    ),
    "signed": ("policy", "policy_id", "raise_needs", "present_s", "absent_s"),
}
"""Keys that not every kind has."""

_OPTIONAL = {"signed": ("listen",), "price": ("token",)}
"""Kinds that may have one of `file`, `listen` and `token`, and need none."""

_SHARED: dict[str, dict[str, tuple[str, ...]]] = {
    "units": {
        "modbus": ("W", "kW", "MW", "percent"),
        "openadr3": ("W", "kW", "MW", "percent"),
        "price": UNITS,
    },
    "format": {"mqtt": ("order", "target_timestamp"), "price": FORMATS},
}
"""Keys of several kinds, and what each may say."""


def signal_faults(signal: SignalConfig, key: str) -> Iterator[str]:
    """Yield each fault of the signal at `key` as a sentence that ends in its key."""
    needed = _NEEDED.get(signal.kind, ())
    for name in needed:
        if getattr(signal, name) is None:
            yield f"A signal of kind {signal.kind!r} needs {name} - at `{key}.{name}`"
    for name in ("file", "listen", "token"):
        is_left = name in _OPTIONAL.get(signal.kind, ())
        if name not in needed and not is_left and getattr(signal, name) is not None:
            yield f"Not of a signal of kind {signal.kind!r} - at `{key}.{name}`"
    if signal.source == OPERATOR:
        yield f"{OPERATOR!r} is who `power set` gives orders as - at `{key}.name`"
    if signal.source == TRIP_INPUT:
        yield f"{TRIP_INPUT!r} is what a relay contact trips as - at `{key}.name`"
    yield from _token_faults(signal, key)
    is_csv = signal.file is not None and signal.file.suffix.lower() == ".csv"
    if signal.time_zone is not None and not is_csv and signal.kind != "price":
        yield f"Of a schedule in CSV alone (TOML names its own) - at `{key}.time_zone`"
    yield from _kind_faults(signal, key)


def _kind_faults(signal: SignalConfig, key: str) -> Iterator[str]:
    own = _OWN.get(signal.kind, ())
    for name in dict.fromkeys(name for names in _OWN.values() for name in names):
        if name not in own and getattr(signal, name) not in {None, ()}:
            said = "source" if name == "document" else name
            yield f"Not of a signal of kind {signal.kind!r} - at `{key}.{said}`"
    yield from _shared_faults(signal, key)
    if signal.kind == "modbus":
        yield from _modbus_faults(signal, key)
    if signal.kind == "mqtt":
        yield from mqtt_faults(signal, key)
    if signal.kind == "openadr3":
        yield from openadr_faults(signal, key)
    if signal.kind == "signed":
        yield from _signed_faults(signal, key)
    if signal.kind == "price":
        yield from price_faults(signal, key)


def _signed_faults(signal: SignalConfig, key: str) -> Iterator[str]:
    if signal.absent_s and not signal.raise_needs:
        yield (
            "Without raise_needs nobody has to be present, and so nobody is absent"
            f" - at `{key}.absent_s`"
        )


def _shared_faults(signal: SignalConfig, key: str) -> Iterator[str]:
    """Yield where a key of several kinds is given to another, or has another's word."""
    for name, kinds in _SHARED.items():
        said = getattr(signal, name)
        if said is not None and signal.kind not in kinds:
            yield f"Not of a signal of kind {signal.kind!r} - at `{key}.{name}`"
        elif said is not None and said not in kinds[signal.kind]:
            words = ", ".join(kinds[signal.kind])
            yield f"Expected one of {words}, got {said!r} - at `{key}.{name}`"


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
    for index, text in enumerate(signal.allow):
        try:
            ip_network(text)
        except ValueError as error:
            yield f"{error} - at `{key}.allow[{index}]`"
    if signal.units == "percent" and signal.map != "simple":
        yield (
            "Only in map = 'simple': model 704 has WMaxLimPct for per cent - at"
            f" `{key}.units`"
        )
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
