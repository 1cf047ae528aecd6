"""The admin socket: JSON-RPC 2.0, one message a line, on a Unix socket."""

from collections.abc import Callable, Coroutine
from typing import Any

from twisted.internet.interfaces import IAddress, IReactorTime
from twisted.internet.protocol import Factory
from twisted.logger import Logger
from typing_extensions import override

from protocol.units import Seconds
from proxy.admin.actions import Actions
from proxy.admin.caller import NOBODY_KNOWN, Caller
from proxy.admin.connection import AdminConnection, Reply
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
from proxy.runtime.awaiting import failures_logged
from proxy.runtime.inflow import Turns

MAX_CONNECTIONS = 64

TURN_TIME = Seconds(0.001)
"""What requests may take as they come in, in one turn of the reactor, and as much those
that wait: `status` takes 0.2 ms, and shares come first."""

READING = (
    *("status", "sites", "miners", "miner_page", "why"),
    *("pools", "nodes", "bans", "blocks", "alarms", "places"),
    *("power.show", "power.plan", "power.history", "power.machines"),
    "log.status",
    "cluster.status",
    "power.documents",
)
STEERING = (
    *("kick", "ban", "unban", "drain", "undrain", "reload", "log.level"),
    "test_alert",
    *("park", "unpark", "pool.prefer", "pool.disable", "pool.enable"),
    "cluster.leave",
    *("power.set", "power.clear", "power.forget", "power.document"),
    *("capture.start", "log.new_generation"),
)
FETCHING = ("capture.next",)
"""What goes on with an action: for those who may steer, and no action of its own."""


class AdminFactory(Factory):
    """Answers for one socket: the full one, or the observer's.

    Args:
        operations: What may be called; a method of it may be a coroutine.
        clock: Says how long requests take.
        may_steer: False: the observer's socket, reading methods alone.
        topics: Where news comes from; None: there is no `subscribe`.
        set_level: Sets the level of the log; None: there is no `log.level`.
        actions: Tells of what is changed; None: nobody does.
    """

    _log = Logger()
    noisy = False

    def __init__(  # noqa: PLR0913  (what one is put together of)
        self,
        operations: Operations,
        clock: IReactorTime,
        *,
        may_steer: bool,
        topics: Topics | None = None,
        set_level: Callable[[str], None] | None = None,
        actions: Actions | None = None,
    ) -> None:
        self.connections = 0
        self.turns = Turns(clock, in_a_row=1, time=TURN_TIME)
        self._actions = actions
        self._topics = topics
        self._steering = may_steer
        found: dict[str, Callable[..., Any]] = {
            name: function
            for name in (*READING, *STEERING, *FETCHING)
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
        with failures_logged(self._log, "{method} failed", method=request.method):
            try:
                reply = result_line(request, await result)
            except (RpcError, Refused) as error:
                reply = error_line(request, _as_rpc(error))
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
        if name in (*STEERING, *FETCHING) and not self._steering:
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
