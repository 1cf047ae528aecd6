"""Hear at once what others wrote, by PostgreSQL's NOTIFY; polls find it anyway."""

import asyncio
from collections.abc import Callable
from contextlib import suppress

import psycopg
from attrs import define, field
from twisted.logger import Logger

from protocol.units import Seconds
from proxy.cluster.order_table import ORDER_CHANNEL
from proxy.cluster.session import CONNECT_WITHIN, DEADLINE, Connection, connect
from proxy.cluster.tables import GRANT_CHANNEL

ASKED_EVERY = Seconds(5.0)
"""Whether the connection lives, while nothing is heard."""

AGAIN_AFTER = Seconds(2.0)


@define(eq=False, repr=False)
class NoticeListener:
    """A connection that only listens.

    Attributes:
        heard: Called with channel and payload.
    """

    _log = Logger()

    url: str = field(repr=False)
    loop: asyncio.AbstractEventLoop
    heard: Callable[[str, str], None]
    _task: "asyncio.Task[None] | None" = field(default=None, init=False)
    _connection: Connection | None = field(default=None, init=False)

    def start(self) -> None:
        """Begin to listen."""
        self._task = self.loop.create_task(self._run())

    def stop(self) -> None:
        """Hang up."""
        if self._task is not None:
            self._task.cancel()
        self._drop()

    async def _run(self) -> None:
        while True:
            with suppress(psycopg.Error, OSError, TimeoutError):
                await self._listen()
            self._drop()
            await asyncio.sleep(AGAIN_AFTER)

    async def _listen(self) -> None:
        async with asyncio.timeout(CONNECT_WITHIN):
            connection = await connect(self.url, "listener", durable=False)
            self._connection = connection
        async with asyncio.timeout(DEADLINE):
            for channel in (GRANT_CHANNEL, ORDER_CHANNEL):
                await connection.execute(f"LISTEN {channel}".encode())
        while True:
            async for notice in connection.notifies(timeout=ASKED_EVERY):
                self.heard(notice.channel, notice.payload)
            # a connection that was cut is silent, too
            async with asyncio.timeout(DEADLINE):
                await connection.execute("SELECT 1")

    def _drop(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.pgconn.finish()
