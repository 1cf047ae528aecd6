"""A connection to the database on which nothing is ever waited for.

Each piece of work has a deadline, on the client and on the server. A connection whose
answer is late is dropped, so that no answer is ever taken for that to another question;
the next piece of work makes a new one.
"""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

import psycopg
from attrs import define, field
from psycopg.conninfo import make_conninfo
from twisted.internet.defer import DeferredLock

from protocol.units import Seconds
from proxy.cluster.migrate import SCHEMA, first_line
from proxy.runtime.asyncio_bridge import on_loop

DEADLINE = Seconds(1.0)
"""Of a piece of work, connecting left out. Measured: a poll takes 2.5 ms, one in
a hundred 18 ms; a synchronous standby adds 10 ms, to one in a hundred 34."""

CONNECT_WITHIN = Seconds(2.0)
"""Three trips of TCP, TLS and a login; to try a second host of the URL, too."""

Connection = psycopg.AsyncConnection[tuple[Any, ...]]
T = TypeVar("T")


class DatabaseError(Exception):
    """No answer in time, or an error; the message says which.

    What was asked may have been done, or not.
    """


@define(eq=False, repr=False)
class Session:
    """One connection; pieces of work that come at once wait for each other.

    Attributes:
        durable: Its commits are on disk, and with a synchronous standby, before they
            are answered; polls need not be.
    """

    url: str = field(repr=False)
    loop: asyncio.AbstractEventLoop
    what: str
    durable: bool
    _connection: Connection | None = field(default=None, init=False)
    _turn: DeferredLock = field(factory=DeferredLock, init=False)

    async def run(
        self,
        work: Callable[[Connection], Awaitable[T]],
        within: Seconds = DEADLINE,
    ) -> T:
        """Return what `work` does in one transaction of its own.

        Raises:
            DatabaseError: It has not been done, or nobody knows.
        """
        async with self._turn:
            return await self._run(work, within)

    async def _run(
        self, work: Callable[[Connection], Awaitable[T]], within: Seconds
    ) -> T:
        try:
            if self._connection is None or self._connection.closed:
                made = connect(self.url, self.what, durable=self.durable)
                self._connection = await on_loop(self.loop, made, CONNECT_WITHIN)
            done = _in_transaction(self._connection, work)
            return await on_loop(self.loop, done, within)
        except TimeoutError as error:
            self.drop()
            raise DatabaseError("no answer in time") from error
        except (psycopg.Error, OSError) as error:
            self.drop()
            raise DatabaseError(first_line(error)) from error

    def drop(self) -> None:
        """Hang up at once, whatever is under way."""
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.pgconn.finish()


async def _in_transaction(
    connection: Connection, work: Callable[[Connection], Awaitable[T]]
) -> T:
    async with connection.transaction():
        return await work(connection)


async def connect(url: str, what: str, *, durable: bool) -> Connection:
    """Return a connection whose server gives up when we do.

    Raises:
        psycopg.Error: There is none to be had.
    """
    settings = {
        "search_path": SCHEMA,
        "statement_timeout": f"{DEADLINE:g}s",
        "idle_in_transaction_session_timeout": f"{DEADLINE:g}s",
        "tcp_user_timeout": "3s",  # of the server: nobody takes its answer
        "synchronous_commit": "on" if durable else "off",
    }
    options = " ".join(f"-c {name}={value}" for name, value in settings.items())
    conninfo = make_conninfo(
        url, options=options, application_name=f"baseload {what}", connect_timeout=2
    )
    return await psycopg.AsyncConnection.connect(conninfo, autocommit=True)
