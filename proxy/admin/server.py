"""The admin socket: JSON-RPC 2.0, one message a line, on a Unix socket."""

from collections.abc import Callable, Coroutine
from typing import Any

from twisted.internet.defer import CancelledError
from twisted.internet.interfaces import IAddress, IPushProducer
from twisted.internet.protocol import Factory, Protocol
from twisted.logger import Logger
from typing_extensions import override
from zope.interface import implementer

from protocol.errors import RemoteError
from protocol.framing import LineFramer
from proxy.admin.actions import Actions
from proxy.admin.caller import NOBODY_KNOWN, Caller, caller_of
from proxy.admin.operations import Operations
from proxy.admin.refused import Refused
from proxy.admin.rpc import (
    BAD_PARAMS,
    INTERNAL,
    OBSERVER,
    REFUSED,
    Method,
    Request,
    RpcError,
    error_line,
    no_method,
    read_request,
    result_line,
)
from proxy.admin.topics import TOPICS, Subscriber, Topics
from proxy.runtime.tasks import Tasks

MAX_REQUEST_BYTES = 65536
MAX_CONNECTIONS = 64
MAX_PENDING = 16
"""Calls of one connection that wait for the ledger at once."""

READING = (
    *("status", "sites", "miners", "miner_page", "why"),
    *("pools", "nodes", "bans", "blocks"),
    *("power.show", "power.plan", "power.history", "power.machines"),
)
STEERING = (
    *("kick", "ban", "unban", "drain", "undrain", "reload", "log.level"),
    *("pool.prefer", "pool.disable", "pool.enable"),
    *("power.set", "power.clear", "power.forget"),
)

Reply = bytes | Coroutine[Any, Any, bytes]


@implementer(IPushProducer)
class AdminConnection(Protocol):
    """One client of the admin socket."""

    _log = Logger()

    def __init__(self, factory: "AdminFactory") -> None:
        self._factory = factory
        self._framer = LineFramer(MAX_REQUEST_BYTES)
        self._tasks = Tasks()
        self._pending = 0
        self._is_paused = False
        self._caller = NOBODY_KNOWN
        self.subscriber = Subscriber(self._write)

    @override
    def connectionMade(self) -> None:
        self._factory.connections += 1
        transport: Any = self.transport
        self._caller = caller_of(transport)
        transport.registerProducer(self, True)

    @override
    def connectionLost(self, reason: object = None) -> None:
        self._factory.connections -= 1
        self._factory.forget(self.subscriber)
        self._tasks.start("cancel admin calls", self._tasks.cancel_all())

    @override
    def dataReceived(self, data: bytes) -> None:
        transport: Any = self.transport
        try:
            for line in self._framer.feed(data):
                if line:
                    self._take(line)
        except RemoteError as error:
            self._log.info("admin: hanging up: {error}", error=error)
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
        self._factory.forget(self.subscriber)

    def _take(self, line: bytes) -> None:
        if self._is_paused:  # each answer may be a megabyte: read before you ask
            raise RemoteError("asks on without reading its answers")
        if self._pending >= MAX_PENDING:
            raise RemoteError(f"more than {MAX_PENDING} calls at once")
        reply = self._factory.handle(line, self.subscriber, self._caller)
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


class AdminFactory(Factory):
    """Answers for one socket: the full one, or the observer's.

    Args:
        operations: What may be called; a method of it may be a coroutine.
        may_steer: False: the observer's socket, reading methods alone.
        topics: Where news comes from; None: there is no `subscribe`.
        set_level: Sets the level of the log; None: there is no `log.level`.
        actions: Tells of what is changed; None: nobody does.
    """

    _log = Logger()
    noisy = False

    def __init__(
        self,
        operations: Operations,
        *,
        may_steer: bool,
        topics: Topics | None = None,
        set_level: Callable[[str], None] | None = None,
        actions: Actions | None = None,
    ) -> None:
        self.connections = 0
        self._actions = actions
        self._topics = topics
        self._steering = may_steer
        found: dict[str, Callable[..., Any]] = {
            name: function
            for name in (*READING, *STEERING)
            if (function := _attribute(operations, name)) is not None
        }
        found.setdefault("nodes", lambda: operations.status().nodes)
        if set_level is not None:
            found["log.level"] = _level_method(set_level)
        self._methods = {
            name: Method.of(function)
            for name, function in found.items()
            if may_steer or name in READING
        }

    @override
    def buildProtocol(self, addr: IAddress | None) -> AdminConnection | None:
        return AdminConnection(self) if self.connections < MAX_CONNECTIONS else None

    def forget(self, subscriber: Subscriber) -> None:
        """Send `subscriber` nothing more."""
        if self._topics is not None:
            self._topics.forget(subscriber)

    def answer(self, line: bytes) -> bytes:
        """Return the answer to a request whose method is no coroutine."""
        reply = self.handle(line, Subscriber(lambda _: None))
        if isinstance(reply, bytes):
            return reply
        reply.close()
        raise TypeError("this method has to be awaited: use handle")

    def handle(
        self, line: bytes, subscriber: Subscriber, caller: Caller = NOBODY_KNOWN
    ) -> Reply:
        """Return the answer, newline included, or a coroutine that returns it."""
        try:
            request = read_request(line)
        except RpcError as error:
            return error_line(None, error)
        reply: Reply = error_line(request, _internal(request))
        with self._log.failuresHandled("{method} failed", method=request.method):
            try:
                result = self._call(request, subscriber, caller)
                if isinstance(result, Coroutine):
                    reply = self._awaited(request, result)
                else:
                    reply = result_line(request, result)
            except (RpcError, Refused) as error:
                reply = error_line(request, _as_rpc(error))
        return reply

    async def _awaited(
        self, request: Request, result: Coroutine[Any, Any, Any]
    ) -> bytes:
        reply = error_line(request, _internal(request))
        with self._log.failuresHandled("{method} failed", method=request.method):
            try:
                reply = result_line(request, await result)
            except (RpcError, Refused) as error:
                reply = error_line(request, _as_rpc(error))
            except CancelledError:  # nobody is there to read it
                reply = b""
        return reply

    def _call(self, request: Request, subscriber: Subscriber, caller: Caller) -> Any:
        name = request.method
        if name == "subscribe" and self._topics is not None:
            return self._subscribe(self._topics, subscriber, request.params)
        method = self._methods.get(name)
        if method is not None and self._actions is not None and name in STEERING:
            return self._actions.run(caller, name, method, request.params)
        if method is not None:
            return method(request.params)
        if name in STEERING and not self._steering:
            text = f"{name}: this is the observer's socket, it only reads"
            raise RpcError(OBSERVER, text)
        raise no_method(name)

    def _subscribe(
        self, topics: Topics, subscriber: Subscriber, given: dict[str, Any]
    ) -> list[str]:
        def wanted(topics: list[str]) -> list[str]:
            return topics

        names: list[str] = Method.of(wanted)(given)
        for name in names:
            if name not in TOPICS:
                known = ", ".join(TOPICS)
                raise RpcError(BAD_PARAMS, f"no topic {name[:64]!r}: there are {known}")
        topics.subscribe(subscriber, names)
        return sorted(subscriber.topics)


def _attribute(owner: Any, dotted: str) -> Any:
    """Return what `dotted` names, None if there is nothing."""
    for name in dotted.split("."):
        owner = getattr(owner, name, None)
    return owner


def _internal(request: Request) -> RpcError:
    return RpcError(INTERNAL, f"{request.method[:64]} failed: see the proxy's log")


def _as_rpc(error: RpcError | Refused) -> RpcError:
    return error if isinstance(error, RpcError) else RpcError(REFUSED, str(error))


def _level_method(set_level: Callable[[str], None]) -> Callable[..., str]:
    levels = ("debug", "info", "warn", "error", "critical")

    def log_level(level: str) -> str:
        if level not in levels:
            raise RpcError(BAD_PARAMS, f"no level {level[:64]!r}: {', '.join(levels)}")
        set_level(level)
        return level

    return log_level
