"""What a signal of kind `mqtt` is told: brokers by URL, a prefix, a topic."""

import re
from collections.abc import Iterator

from attrs import frozen

from protocol.hosts import is_host
from proxy.config.power import SignalConfig

WANTED = "mqtt://host[:1883] or mqtts://host[:8883]"

_URL = re.compile(
    r"(?P<scheme>mqtts?)://(?P<host>\[[0-9a-fA-F:.]+\]|[^\s:/?#@\[\]]+)(:(?P<port>\d{1,5}))?"
)
_PORTS = {"mqtt": 1883, "mqtts": 8883}

MAX_PORT = 0xFFFF

MAX_TOPIC_BYTES = 256
"""Of what is configured; MQTT's own limit is 65,535 B."""


@frozen
class BrokerAddress:
    """Where a broker is."""

    host: str
    port: int
    is_encrypted: bool


def read_broker_url(url: str) -> BrokerAddress:
    """Return what the URL of a broker says.

    Raises:
        ValueError: It is none.
    """
    found = _URL.fullmatch(url)
    host = found["host"].strip("[]") if found else ""
    if found is None or not is_host(host):
        raise ValueError(f"Expected {WANTED}, got {url!r}")
    port = int(found["port"] or _PORTS[found["scheme"]])
    if not 0 < port <= MAX_PORT:
        raise ValueError(f"Expected a port from 1 to 65535, got {url!r}")
    return BrokerAddress(host, port, found["scheme"] == "mqtts")


def mqtt_faults(signal: SignalConfig, key: str) -> Iterator[str]:
    """Yield what is wrong with the keys of a signal of kind `mqtt`."""
    if not signal.brokers:
        yield f"A signal of kind 'mqtt' needs brokers: {WANTED} - at `{key}.brokers`"
    addresses: list[BrokerAddress] = []
    for index, url in enumerate(signal.brokers):
        try:
            addresses.append(read_broker_url(url))
        except ValueError as error:
            yield f"{error} - at `{key}.brokers[{index}]`"
    if len({(a.host, a.port) for a in addresses}) < len(addresses):
        yield f"The same broker twice - at `{key}.brokers`"
    for name in ("prefix", "topic"):
        text = getattr(signal, name)
        if text is not None and (fault := _topic_fault(text)):
            yield f"{fault} - at `{key}.{name}`"
    if signal.password is not None and signal.username is None:
        yield f"A password goes with a username - at `{key}.username`"
    if signal.ca_file is not None and not any(a.is_encrypted for a in addresses):
        yield f"Of mqtts:// alone: mqtt:// is not encrypted - at `{key}.ca_file`"
    if signal.allow_orders and not signal.discovery:
        yield f"Only where discovery = true - at `{key}.allow_orders`"


def _topic_fault(text: str) -> str:
    if any(sign in text for sign in "+#\0") or not text.isprintable():
        return f"Expected a topic without wildcards, got {text!r}"
    if text.startswith(("/", "$")) or text.endswith("/") or "//" in text:
        return f"Expected a topic as a/b, got {text!r}"
    if len(text.encode()) > MAX_TOPIC_BYTES:
        return f"Expected at most {MAX_TOPIC_BYTES} B"
    return ""
