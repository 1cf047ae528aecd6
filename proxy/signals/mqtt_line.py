"""A connection to one MQTT broker, through aiomqtt, made again whenever it ends."""

import asyncio
import contextlib
from collections import deque
from typing import TYPE_CHECKING

from attrs import define, field
from twisted.logger import Logger

from protocol.units import Seconds
from proxy.runtime.asyncio_bridge import on_loop
from proxy.signals.mqtt_client import (
    AVAILABILITY,
    OFFLINE,
    ONLINE,
    Broker,
    Topics,
    bounded_client,
    hang_up,
    subscribe,
)
from proxy.signals.mqtt_ports import Ear

if TYPE_CHECKING:
    from aiomqtt import Client

FIRST_PAUSE, LONGEST_PAUSE = Seconds(0.2), Seconds(5.0)
"""Between one connection and the next try: doubled each time that it fails."""

MAX_SAID = 64
"""Messages that wait to be published; then the oldest goes. Of state only the last."""

STOP_WITHIN = Seconds(2.0)


class _LostError(Exception):
    """The session is over; the message says why."""


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

        client = bounded_client(self._broker, self._topics)
        try:
            async with client:
                await subscribe(client, self._topics)
                self._greet(ear)
                await self._converse(client, ear)
        except (MqttError, OSError, ValueError) as error:
            raise _LostError(str(error) or type(error).__name__) from error
        finally:
            hang_up(client)

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
