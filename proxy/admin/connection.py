"""One client of the admin socket: requests in turns, answers as they are made."""

from collections.abc import Coroutine, Iterator
from typing import Any
from typing import Protocol as Interface

from twisted.internet.interfaces import IPushProducer
from twisted.internet.protocol import Protocol
from twisted.logger import Logger
from typing_extensions import override
from zope.interface import implementer

from protocol.errors import RemoteError
from protocol.framing import LineFramer
from proxy.admin.caller import NOBODY_KNOWN, Caller, caller_of
from proxy.admin.topics import Subscriber
from proxy.runtime.inflow import Inflow, Turns
from proxy.runtime.tasks import Tasks

MAX_REQUEST_BYTES = 65536
MAX_PENDING = 16
"""Calls of one connection that wait for the ledger at once."""

LAST_REQUESTS = 1
"""That are taken of a client that is gone: it may be one of `nc`."""

Reply = bytes | Coroutine[Any, Any, bytes]


class Server(Interface):
    """Who answers on a socket.

    Attributes:
        connections: Clients that are connected.
        turns: When their requests are taken.
    """

    connections: int
    turns: Turns

    def handle(self, line: bytes, subscriber: Subscriber, caller: Caller) -> Reply:
        """Return the answer, newline included, or a coroutine that returns it."""

    def forget(self, subscriber: Subscriber) -> None:
        """Send `subscriber` nothing more."""


@implementer(IPushProducer)
class AdminConnection(Protocol):
    """One client of the admin socket."""

    _log = Logger()

    def __init__(self, server: Server) -> None:
        self._server = server
        self._framer = LineFramer(MAX_REQUEST_BYTES)
        self._tasks = Tasks()
        self._inflow: Inflow | None = None
        self._pending = 0
        self._is_paused = False
        self._caller = NOBODY_KNOWN
        self.subscriber = Subscriber(self._write)

    @override
    def connectionMade(self) -> None:
        self._server.connections += 1
        transport: Any = self.transport
        self._caller = caller_of(transport)
        self._inflow = Inflow(self._server.turns, self, transport)
        transport.registerProducer(self, True)

    @override
    def connectionLost(self, reason: object = None) -> None:
        self._server.connections -= 1
        inflow, self._inflow = self._inflow, None
        if inflow is not None:
            inflow.end(LAST_REQUESTS)
        self._server.forget(self.subscriber)
        self._tasks.start("cancel admin calls", self._tasks.cancel_all())

    @override
    def dataReceived(self, data: bytes) -> None:
        if self._inflow is not None:
            self._inflow.receive(data)

    def read(self, data: bytes) -> Iterator[None]:
        """Take the requests that `data` completes, one with each step."""
        try:
            for line in self._framer.feed(data):
                if line:
                    self._take(line)
                    yield
        except RemoteError as error:
            self.hang_up(str(error))

    def flush(self) -> None:
        """Do nothing: answers are sent as they are made."""

    def hang_up(self, why: str) -> None:
        """Close the connection once what was answered is sent.

        At once if the client does not read it.
        """
        self._log.info("admin: hanging up: {why}", why=why)
        inflow, self._inflow = self._inflow, None
        if inflow is not None:
            inflow.forget()
        self._server.forget(self.subscriber)
        transport: Any = self.transport
        if self._is_paused:
            transport.abortConnection()
        else:
            # With a producer Twisted asks it for more, and does not close, should the
            # transport fill up before it has sent all.
            transport.unregisterProducer()
            transport.loseConnection()

    def pauseProducing(self) -> None:  # noqa: N802  (IPushProducer)
        """Take no more requests while the client does not read its answers."""
        self._is_paused = True
        self.subscriber.pause()

    def resumeProducing(self) -> None:  # noqa: N802  (IPushProducer)
        """Go on."""
        self._is_paused = False
        self.subscriber.resume()

    def stopProducing(self) -> None:  # noqa: N802  (IPushProducer)
        """Write no more: the connection is gone."""
        self._server.forget(self.subscriber)

    def _take(self, line: bytes) -> None:
        if self._is_paused:  # each answer may be a megabyte: read before you ask
            raise RemoteError("asks on without reading its answers")
        if self._pending >= MAX_PENDING:
            raise RemoteError(f"more than {MAX_PENDING} calls at once")
        reply = self._server.handle(line, self.subscriber, self._caller)
        if isinstance(reply, bytes):
            self._write(reply)
        else:
            self._pending += 1
            self._tasks.start("admin call", self._finish(reply))

    async def _finish(self, reply: Coroutine[Any, Any, bytes]) -> None:
        try:
            self._write(await reply)
        finally:
            self._pending -= 1

    def _write(self, line: bytes) -> None:
        transport: Any = self.transport
        transport.write(line)
