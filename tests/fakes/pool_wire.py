"""A pool in memory: connections that are made, refused, answered and cut by hand."""

import json
from collections.abc import Callable
from typing import Any, ClassVar, cast

from twisted.internet import error
from twisted.internet.defer import Deferred, fail, succeed
from twisted.internet.interfaces import IStreamClientEndpoint
from twisted.internet.protocol import Factory
from twisted.internet.task import Clock
from twisted.internet.testing import StringTransportWithDisconnection

from protocol.units import Seconds
from proxy.config import PoolConfig
from proxy.jobs.feed import Feed
from proxy.upstream.address import PoolAddress
from proxy.upstream.pool import Pool
from proxy.upstream.pool_protocol import Sv1PoolProtocol

HOME = PoolAddress("eu.pool.example", 3333, tls=False)
NOTIFY: list[Any] = [
    "j1", "00" * 32, "01" * 40, "02" * 60, [], "20000000", "1703a30c", "6553f100",
    True,
]  # fmt: skip


class Wire:
    """The pool's end of one connection."""

    def __init__(self, factory: Factory) -> None:
        self.transport = StringTransportWithDisconnection()
        protocol: Any = factory.buildProtocol(None)
        self.protocol = self.transport.protocol = protocol
        self.size, self.mask, self.authorizes = 8, "1fffe000", True
        self.users: list[str] = []
        self.suggested: list[float] = []
        protocol.makeConnection(self.transport)

    @property
    def is_up(self) -> bool:
        return bool(self.transport.connected)

    def hear(self) -> list[dict[str, Any]]:
        lines = self.transport.value().splitlines()
        self.transport.clear()
        return [json.loads(line) for line in lines]

    def say(self, method: str, *params: Any) -> None:
        self.send({"id": None, "method": method, "params": list(params)})

    def send(self, *messages: dict[str, Any]) -> None:
        """Send messages in one segment."""
        lines = (json.dumps(message).encode() + b"\n" for message in messages)
        self.protocol.dataReceived(b"".join(lines))

    def welcome(self) -> "Wire":
        """Answer until the client has nothing to ask, then give it work."""
        while requests := self.hear():
            for request in requests:
                if self.is_up:
                    self._answer(request)
        if self.is_up:
            self.say("mining.set_difficulty", 1024)
            self.say("mining.notify", *NOTIFY)
        return self

    def _answer(self, request: dict[str, Any]) -> None:
        rolling = {"version-rolling": True, "version-rolling.mask": self.mask}
        answers = {
            "mining.configure": rolling,
            "mining.subscribe": [[["mining.notify", "a"]], "aabbccdd", self.size],
            "mining.authorize": self.authorizes,
        }
        if request["method"] == "mining.authorize":
            self.users.append(request["params"][0])
        if request["method"] == "mining.suggest_difficulty":
            self.suggested += request["params"]
        result = answers.get(request["method"], True)
        self.send({"id": request["id"], "result": result, "error": None})

    def judge(self, why: str = "") -> None:
        """Answer every share that has come: good, or refused for a reason."""
        for request in self.hear():
            error = [20, why, None] if why else None
            self.send({"id": request["id"], "result": not why, "error": error})


class PoolServer:
    """Everybody who dials gets a `Wire`, unless they are refused.

    Attributes:
        made: Those of the running test: its fixture closes them.
    """

    made: ClassVar[list["PoolServer"]] = []

    def __init__(
        self, random: Callable[[], float] = lambda: 0.5, **config: Any
    ) -> None:
        self.made.append(self)
        self.clock = Clock()
        self.clock.advance(1000)
        self.refuses = False
        self.refusal: Exception = error.ConnectionRefusedError()
        self.swallows = False  # who dials is neither let in nor turned away
        self.fails = False  # the site cannot deal with new work
        self.dialled: list[tuple[float, PoolAddress]] = []
        self.wires: list[Wire] = []
        self.settled: list[tuple[int, str, str]] = []
        self.lost: list[int] = []
        self._sessions = 0
        tables = {"name": "main", "url": "stratum+tcp://x:1", "user": "acct", **config}
        self.pool = Pool(
            PoolConfig(**tables),
            HOME,
            self._endpoint_of,
            self.clock,
            random,
            self._next_session,
            lambda user: Sv1PoolProtocol("main", user, "x", "test/1"),
        )
        self.pool.listeners["hall-a"] = self
        self.pool.settle = lambda *what: self.settled.append(what)

    def close(self) -> "Deferred[None]":
        """Hang up, so that no coroutine is left waiting."""
        return Deferred.fromCoroutine(self.pool.stop())

    def open(self, identity: str = "") -> Feed:
        return self.pool.open("hall-a", identity, 0)

    def pass_time(self, seconds: int) -> None:
        for _ in range(seconds):
            self.clock.advance(1)
            self.pool.check()

    @property
    def wire(self) -> Wire:
        return self.wires[-1]

    @property
    def now(self) -> Seconds:
        return Seconds(self.clock.seconds())

    def room_known(self) -> None:
        pass

    def work_arrived(self, _feed: Feed) -> None:
        if self.fails:
            raise ZeroDivisionError

    def feed_lost(self, _feed: Feed, session: int) -> None:
        self.lost.append(session)

    def _next_session(self) -> int:
        self._sessions += 1
        return self._sessions

    def _endpoint_of(self, address: PoolAddress) -> IStreamClientEndpoint:
        return cast("IStreamClientEndpoint", _Endpoint(self, address))

    def connect(self, address: PoolAddress, factory: Factory) -> "Deferred[Any]":
        self.dialled.append((self.clock.seconds(), address))
        if self.refuses:
            return fail(self.refusal)
        if self.swallows:
            return Deferred(lambda d: d.errback(error.ConnectingCancelledError(None)))
        self.wires.append(Wire(factory))
        return succeed(self.wires[-1].protocol)


class _Endpoint:
    def __init__(self, server: PoolServer, address: PoolAddress) -> None:
        self._server = server
        self._address = address

    def connect(self, factory: Factory) -> "Deferred[Any]":
        return self._server.connect(self._address, factory)
