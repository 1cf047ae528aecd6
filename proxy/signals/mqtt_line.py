"""A connection to one MQTT broker, through aiomqtt, made again whenever it ends."""

import asyncio
import contextlib
import logging
import socket
import ssl
from collections import deque
from typing import TYPE_CHECKING, Any
from zlib import crc32

from attrs import define, field, frozen
from twisted.logger import Logger

from protocol.units import Seconds
from proxy.runtime.asyncio_bridge import on_loop
from proxy.signals.mqtt_ports import Ear

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

FIRST_PAUSE, LONGEST_PAUSE = Seconds(0.2), Seconds(5.0)
"""Between one connection and the next try: doubled each time that it fails."""

MAX_SAID = 64
"""Messages that wait to be published; then the oldest goes. Of state only the last."""

MAX_HEARD = 64
"""Messages that wait to be looked at; those beyond are lost, as aiomqtt logs."""

MAX_PACKET = 64 * 1024
"""Of a broker, eight times an order: more ends the connection before it is read."""

CHUNK = 16 * 1024
"""Read at once: paho asks for all of a packet, up to 256 MB."""

STOP_WITHIN = Seconds(2.0)

_NODELAY = (socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
# Else Nagle's algorithm waits for a delayed acknowledgement at both ends: 100 ms.
_USER_TIMEOUT = (socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, SENT_WITHIN_MS)

_REFUSED = 0x80
"""Of a SUBACK: the broker does not let us subscribe. Spec: MQTT 3.1.1, 3.9.3."""

_SILENT = logging.getLogger("aiomqtt.baseload")
_SILENT.addHandler(logging.NullHandler())
_SILENT.propagate = False  # what is worth a line is said here


class _LostError(Exception):
    """The session is over; the message says why."""


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


@define(eq=False, repr=False)
class MqttLine:
    """Keeps one session alive; clean ones, so that no broker keeps orders for us."""

    _log = Logger()

    _loop: asyncio.AbstractEventLoop | None  # None: it is never started
    _broker: Broker
    _topics: Topics
    _task: "asyncio.Task[None] | None" = field(default=None, init=False)
    _is_up: bool = field(default=False, init=False)
    _kept: dict[str, bytes] = field(factory=dict, init=False)  # retained, the last
    _queue: deque[tuple[str, bytes]] = field(
        factory=lambda: deque[tuple[str, bytes]](maxlen=MAX_SAID), init=False
    )
    _news: asyncio.Event = field(factory=asyncio.Event, init=False)
    _said_all: asyncio.Event = field(factory=asyncio.Event, init=False)
    _lost_at: float | None = field(default=None, init=False)

    @property
    def name(self) -> str:
        """See `Line`."""
        return f"broker {self._broker.host}:{self._broker.port}"

    @property
    def _running(self) -> asyncio.AbstractEventLoop:
        if self._loop is None:
            raise ValueError(f"{self.name} has no loop to run on")
        return self._loop

    def start(self, ear: Ear) -> None:
        """See `Line`."""
        self._task = self._running.create_task(self._run(ear))
        self._task.add_done_callback(self._ended)

    async def stop(self) -> None:
        """See `Line`."""
        task, self._task = self._task, None
        if task is not None:
            with contextlib.suppress(TimeoutError):
                await on_loop(self._running, self._leave(task), STOP_WITHIN)
            task.cancel()

    def say(self, topic: str, payload: bytes, *, is_retained: bool = False) -> None:
        """See `Line`."""
        if self._topics.base is None:
            return
        if is_retained:
            self._kept[topic] = payload
        elif self._is_up:
            self._queue.append((topic, payload))
        self._news.set()
        self._said_all.clear()

    async def _leave(self, task: "asyncio.Task[None]") -> None:
        if self._is_up and self._topics.base is not None:
            self.say(AVAILABILITY, OFFLINE, is_retained=True)
            await self._said_all.wait()
        task.cancel()
        await asyncio.wait({task})

    def _ended(self, task: "asyncio.Task[None]") -> None:
        if not task.cancelled() and (error := task.exception()) is not None:
            self._log.critical("{name}: {error!r}", name=self.name, error=error)

    async def _run(self, ear: Ear) -> None:
        pause = FIRST_PAUSE
        while True:
            try:
                await self._session(ear)
            except _LostError as error:
                pause = FIRST_PAUSE if self._is_up else pause
                self._note_loss(str(error))
            await asyncio.sleep(pause)
            pause = Seconds(min(2.0 * pause, LONGEST_PAUSE))

    async def _session(self, ear: Ear) -> None:
        """Be connected until that ends.

        Raises:
            _LostError: It has ended, or could not begin.
        """
        from aiomqtt import MqttError  # noqa: PLC0415  (of an extra)

        client = self._client()
        _bound(client)  # before a first byte of a broker is read
        try:
            async with client:
                await self._subscribe(client)
                self._greet(ear)
                await self._converse(client, ear)
        except (MqttError, OSError, ValueError) as error:
            raise _LostError(str(error) or type(error).__name__) from error
        finally:
            _hang_up(client)

    def _client(self) -> "Client":
        from aiomqtt import Client, Will  # noqa: PLC0415  (of an extra)

        broker, base = self._broker, self._topics.base
        whole = self._topics.whole(AVAILABILITY)
        # Of who publishes nothing not even that, and the broker may name it.
        will = None if base is None else Will(whole, OFFLINE, qos=1, retain=True)
        named = None if base is None else f"baseload-{crc32(base.encode()):08x}"
        return Client(
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

    async def _subscribe(self, client: "Client") -> None:
        for whole, _ in self._topics.heard:
            codes = await client.subscribe(whole, qos=1)
            if any(_number(code) >= _REFUSED for code in codes):
                raise ValueError(f"it does not let us subscribe to {whole}")

    def _greet(self, ear: Ear) -> None:
        self._is_up = True
        self._queue.clear()
        self.say(AVAILABILITY, ONLINE, is_retained=True)
        if self._lost_at is not None:
            away = self._running.time() - self._lost_at
            text = "{name} is back after {away:.1f} s"
            self._log.info(text, name=self.name, away=away)
        else:
            self._log.info("{name} is connected", name=self.name)
        self._lost_at = None
        ear.came()

    async def _converse(self, client: "Client", ear: Ear) -> None:
        ends = {
            self._running.create_task(self._hear(client, ear)),
            self._running.create_task(self._speak(client)),
        }
        try:
            done, _ = await asyncio.wait(ends, return_when=asyncio.FIRST_COMPLETED)
            for end in done:
                end.result()
        finally:
            for end in ends:
                end.cancel()
            await asyncio.gather(*ends, return_exceptions=True)

    async def _hear(self, client: "Client", ear: Ear) -> None:
        called = dict(self._topics.heard)
        async for message in client.messages:
            topic = called.get(str(message.topic))
            payload = message.payload
            if topic is None or not isinstance(payload, bytes | bytearray):
                continue
            with self._log.failuresHandled("a message of {name}", name=self.name):
                ear.heard(topic, bytes(payload), is_retained=bool(message.retain))

    async def _speak(self, client: "Client") -> None:
        while True:
            await self._news.wait()
            self._news.clear()
            while self._kept or self._queue:
                topic, payload, is_retained = self._next()
                whole = self._topics.whole(topic)
                await client.publish(whole, payload, qos=1, retain=is_retained)
            self._said_all.set()

    def _next(self) -> tuple[str, bytes, bool]:
        # Acknowledgements first: state comes each second.
        if self._queue:
            return *self._queue.popleft(), False
        topic = next(iter(self._kept))
        return topic, self._kept.pop(topic), True

    def _note_loss(self, why: str) -> None:
        self._is_up = False
        if self._lost_at is None:
            self._lost_at = self._running.time()
            self._log.warn("{name} is lost: {why}", name=self.name, why=why)


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


def _hang_up(client: "Client") -> None:
    """Close the socket of a session that has not ended in peace."""
    found = client._client.socket()  # noqa: SLF001  (nor to end it)
    if isinstance(found, socket.socket):
        with contextlib.suppress(OSError):
            found.shutdown(socket.SHUT_RDWR)
    # asyncio complains of an end that nobody asks for.
    client._disconnected.add_done_callback(_look_at)  # noqa: SLF001


def _look_at(end: "asyncio.Future[None]") -> None:
    if not end.cancelled():
        end.exception()
