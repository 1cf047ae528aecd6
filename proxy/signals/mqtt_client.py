"""A session with one MQTT broker, of aiomqtt, bounded in time and bytes."""

import asyncio
import contextlib
import logging
import socket
import ssl
from typing import TYPE_CHECKING, Any
from zlib import crc32

from attrs import field, frozen

from protocol.units import Seconds

if TYPE_CHECKING:
    from aiomqtt import Client

AVAILABILITY, ONLINE, OFFLINE = "availability", b"online", b"offline"

ANSWER_WITHIN = Seconds(3.0)
"""For each answer of a broker: as we publish each second, one that is frozen is noticed
within four, and a session with it ends."""

KEEP_ALIVE = 5
"""Seconds: after half as much again the broker publishes the last will."""

SENT_WITHIN_MS = 10_000
"""What a peer that is gone has not acknowledged by then ends the connection (TCP's
user time-out); the answers above are due sooner where we publish."""

MAX_HEARD = 64
"""Messages that wait to be looked at; those beyond are lost, as aiomqtt logs."""

MAX_PACKET = 64 * 1024
"""Of a broker, eight times an order: more ends the connection before it is read."""

CHUNK = 16 * 1024
"""Read at once: paho asks for all of a packet, up to 256 MB."""

_NODELAY = (socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
# Else Nagle's algorithm waits for a delayed acknowledgement at both ends: 100 ms.
_USER_TIMEOUT = (socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, SENT_WITHIN_MS)

_REFUSED = 0x80
"""Of a SUBACK: the broker does not let us subscribe. Spec: MQTT 3.1.1, 3.9.3."""

_SILENT = logging.getLogger("aiomqtt.baseload")
_SILENT.addHandler(logging.NullHandler())
_SILENT.propagate = False  # what is worth a line is said by `MqttLine`


@frozen
class Broker:
    """Where a broker is, and what it is shown.

    Attributes:
        tls: None: nothing is encrypted.
    """

    host: str
    port: int
    tls: ssl.SSLContext | None = None
    username: str | None = None
    password: str | None = field(default=None, repr=False)


@frozen
class Topics:
    """What is published and subscribed: `base` is `PREFIX/SITE`.

    Attributes:
        base: None: nothing is published, no last will either.
        heard: Whole topics, and what the signal calls them.
    """

    base: str | None
    heard: tuple[tuple[str, str], ...]

    def whole(self, topic: str) -> str:
        """Return a topic as the broker has it; see `Line.say`."""
        return topic[1:] if topic.startswith("/") else f"{self.base}/{topic}"


def bounded_client(broker: Broker, topics: Topics) -> "Client":
    """Return a client that is not connected; a clean session, QoS 1, a last will."""
    from aiomqtt import Client, Will  # noqa: PLC0415  (of an extra)

    base = topics.base
    # Of who publishes nothing not even that, and the broker may name it.
    will, named = None, None
    if base is not None:
        will = Will(topics.whole(AVAILABILITY), OFFLINE, qos=1, retain=True)
        named = f"baseload-{crc32(base.encode()):08x}"
    client = Client(
        broker.host,
        broker.port,
        identifier=named,
        username=broker.username,
        password=broker.password,
        tls_context=broker.tls,
        will=will,
        clean_session=True,
        timeout=ANSWER_WITHIN,
        keepalive=KEEP_ALIVE,
        max_queued_incoming_messages=MAX_HEARD,
        socket_options=(_NODELAY, _USER_TIMEOUT),
        logger=_SILENT,
    )
    _bound(client)  # before a first byte of a broker is read
    return client


async def subscribe(client: "Client", topics: Topics) -> None:
    """Subscribe to all that is heard.

    Raises:
        ValueError: The broker does not let us.
    """
    for whole, _ in topics.heard:
        codes = await client.subscribe(whole, qos=1)
        if any(_number(code) >= _REFUSED for code in codes):
            raise ValueError(f"it does not let us subscribe to {whole}")


def hang_up(client: "Client") -> None:
    """Close the socket of a session that has not ended in peace."""
    found = client._client.socket()  # noqa: SLF001  (there is no other way to end it)
    if isinstance(found, socket.socket):
        with contextlib.suppress(OSError):
            found.shutdown(socket.SHUT_RDWR)
    # asyncio complains of an end that nobody asks for.
    client._disconnected.add_done_callback(_look_at)  # noqa: SLF001


def _number(code: Any) -> int:
    """Return a code of a SUBACK, of which MQTT 5 has a class."""
    return int(getattr(code, "value", code))


def _bound(client: "Client") -> None:
    """Read what a broker sends in pieces, and no packet that is too long."""
    paho: Any = client._client  # noqa: SLF001  (there is no other way to bound it)
    receive = paho._sock_recv  # noqa: SLF001

    def bounded(size: int) -> bytes:
        length = paho._in_packet["remaining_length"]  # noqa: SLF001
        if length > MAX_PACKET:
            raise ConnectionError(f"a packet of {length} B > {MAX_PACKET} B")
        found: bytes = receive(min(size, CHUNK))
        return found

    paho._sock_recv = bounded  # noqa: SLF001


def _look_at(end: "asyncio.Future[None]") -> None:
    if not end.cancelled():
        end.exception()
