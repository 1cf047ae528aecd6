"""Pools that do, when they are told to, what public reports say of pools.

They judge every share from first principles, and speak to us through memory, on one
virtual clock. `tests/fakes/hostile_sv2_pool.py` has the same for Stratum V2.
"""

import json
from collections import deque
from typing import Any, cast

from twisted.internet import error
from twisted.internet.address import IPv4Address
from twisted.internet.defer import Deferred
from twisted.internet.protocol import Factory, connectionDone
from twisted.internet.task import Clock
from twisted.python.failure import Failure
from typing_extensions import override

from tests.fakes.judging_pool import OUTPUT, JudgingPool, PoolSide

LATENCY = 0.02
"""Seconds on the way between a pool and us."""

EASY = 1e-9
"""Four hashes a share: a miner in a test finds some each second."""

GRACE = 0.5
"""Seconds that a share may be on its way: both ways, our batch, a miner's look."""

NO_UTF8 = b"\xff\xfe\xfd"
MARK = "@@@"
"""Three ASCII characters that `NO_UTF8` is put in place of."""

_FAMILIAR = b"\xfa\xfa\xfa\xfa"


class Pipe:
    """One end of a connection in memory; bytes take `LATENCY`."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self.protocol: Any = None
        self.peer: Pipe | None = None
        self.is_open = True

    def write(self, data: bytes) -> None:
        """Send `data`; it is lost if the connection ends before it arrives."""
        if self.is_open and self.peer is not None:
            self._clock.callLater(LATENCY, self.peer.arrive, data)

    def arrive(self, data: bytes) -> None:
        """Hand over what the other end sent."""
        if self.is_open:
            self.protocol.dataReceived(data)

    def loseConnection(self) -> None:  # noqa: N802
        """Close in order."""
        self._end(connectionDone)

    def abortConnection(self) -> None:  # noqa: N802
        """Reset."""
        self._end(Failure(error.ConnectionLost()))

    def _end(self, how: Failure) -> None:
        for end in (self, self.peer):
            if end is not None and end.is_open:
                end.is_open = False
                self._clock.callLater(0, end.protocol.connectionLost, how)

    def getPeer(self) -> IPv4Address:  # noqa: N802
        """Return an address."""
        return IPv4Address("TCP", "10.9.9.9", 3333)

    def registerProducer(self, *_: Any) -> None:  # noqa: N802
        """Take no notice."""

    def unregisterProducer(self) -> None:  # noqa: N802
        """Take no notice."""


class Hostility(JudgingPool):
    """What a pool of either version does when it is told to.

    Attributes:
        is_down: Refuses connections and drops those there are.
        is_mute: Says nothing at all.
        never_answers: Takes shares and answers none.
        hangs_up_after_job: Gives work and closes.
        refuses_users: Refuses to authorise.
        floods: Sends three jobs each second.
        refuses_shares: Refuses every share, in words that are no UTF-8.
        size: Of extranonce2, for connections from now on.
        knows_us_again: Gives who comes back the same extranonce1, and the same job.
        too_late: Shares of jobs that it had replaced long before.
        refused: Good shares that it refused.
    """

    knows_us_again = never_answers = hangs_up_after_job = refuses_shares = False
    floods = False
    refused = 0

    def __init__(self, name: str, clock: Clock, size: int) -> None:
        super().__init__(EASY, size)
        self.name = name
        self.clock = clock
        self.dialled: deque[float] = deque(maxlen=10_000)
        self.too_late = 0
        self._replaced_at: dict[str, float] = {}

    def mend(self) -> None:
        """Be a good pool from now on."""
        self.is_down = self.is_mute = self.never_answers = False
        self.hangs_up_after_job = self.refuses_users = self.refuses_shares = False
        self.floods = False

    @override
    def new_extranonce1(self) -> bytes:
        taken = {side.extranonce1 for side in self.sides}
        if self.knows_us_again and _FAMILIAR not in taken:
            return _FAMILIAR
        return super().new_extranonce1()

    @override
    def new_block(self) -> None:
        if not self.is_mute:  # else nobody can know
            now = self.clock.seconds()
            self._replaced_at |= dict.fromkeys(self._jobs, now)
        super().new_block()

    @override
    def set_extranonce(self) -> None:
        if not self.is_mute:  # else nobody can know
            super().set_extranonce()

    def connect(self, factory: Factory) -> "Deferred[Any]":
        """Connect who dials, or refuse."""
        self.dialled.append(self.clock.seconds())
        made: Deferred[Any] = Deferred()
        self.clock.callLater(LATENCY, self._connected, made, factory)
        return made

    def _connected(self, made: "Deferred[Any]", factory: Factory) -> None:
        if made.called:
            return
        if self.is_down:
            made.errback(error.ConnectionRefusedError())
            return
        ours, theirs = Pipe(self.clock), Pipe(self.clock)
        ours.peer, theirs.peer = theirs, ours
        theirs.protocol = factory.buildProtocol(None)
        side: Any = self.protocol()
        side.factory = self
        ours.protocol = side
        side.makeConnection(cast("Any", ours))
        theirs.protocol.makeConnection(theirs)
        made.callback(theirs.protocol)

    def send_again(self) -> None:
        """Send the very job again, as after each set_difficulty."""
        self.tell(lambda side: side.notify())

    def flood(self, jobs: int) -> None:
        """Send so many jobs at once."""
        for _ in range(jobs):
            self.new_job()

    def second(self) -> None:
        """Do what it does each second."""
        if self.floods:
            self.flood(3)

    def send_big_job(self, size: int) -> None:
        """Send a job whose coinbase has so many bytes more."""
        self._add_job(clean=False)
        prev, coinb1, _ = self._jobs[self._job]
        self._jobs[self._job] = prev, coinb1, OUTPUT + bytes(size)
        self.tell(lambda side: side.notify())

    def raise_difficulty(self) -> None:
        """Ask for more from the next job on; what is under way still counts."""
        self._ask_for(2.0 * self.difficulty)

    def lower_difficulty(self) -> None:
        """Ask for less from the next job on."""
        self._ask_for(max(self.difficulty / 4.0, EASY))

    def _ask_for(self, difficulty: float) -> None:
        self.difficulty = difficulty
        self.tell_difficulty()
        self.new_job()

    def tell_difficulty(self) -> None:
        """Tell what is asked for from the next job on."""
        raise NotImplementedError

    @override
    def judge(self, side: PoolSide, params: list[Any]) -> str:
        if not self.refuses_shares:
            return super().judge(side, params)
        self.refused += 1
        return MARK

    @override
    def _fault(self, side: PoolSide, params: list[Any]) -> str:
        replaced_at = self._replaced_at.get(params[1])
        if replaced_at is not None:
            self.too_late += self.clock.seconds() - replaced_at > GRACE
        harder, self.difficulty = self.difficulty, EASY
        try:  # what is judged here is the work, not how hard it was asked to be
            return super()._fault(side, params)
        finally:
            self.difficulty = harder


class HostileSide(PoolSide):
    """The pool's end of one connection, with its switches."""

    factory: "HostilePool"

    @override
    def send(self, **message: Any) -> None:
        if not self.factory.is_mute:
            line = json.dumps(message).encode().replace(MARK.encode(), NO_UTF8)
            self.transport.write(line + b"\n")  # type: ignore[union-attr]

    @override
    def notify(self) -> None:
        super().notify()
        if self.factory.hangs_up_after_job:
            self.transport.loseConnection()  # type: ignore[union-attr]

    @override
    def _on_request(self, request: dict[str, Any]) -> None:
        is_share = request["method"] == "mining.submit"
        if is_share and self.factory.never_answers:
            self.factory.judge(self, request["params"])
        elif request["method"] in self.factory.unknown:
            error = [20, "Unknown method", None]
            self.send(id=request.get("id"), result=None, error=error)
        elif request.get("id") is not None:
            super()._on_request(request)


class HostilePool(Hostility):
    """A pool of Stratum V1.

    Attributes:
        unknown: Methods that it does not know.
    """

    protocol = HostileSide  # type: ignore[assignment]

    def __init__(self, name: str, clock: Clock, size: int) -> None:
        super().__init__(name, clock, size)
        self.unknown: set[str] = {"mining.extranonce.subscribe"}

    @override
    def tell_difficulty(self) -> None:
        self._shout("mining.set_difficulty", [self.difficulty])

    def resize(self, size: int) -> None:
        """Change the room of extranonce2."""
        if not self.is_mute:  # else nobody can know
            self.size = size
            self.set_extranonce()

    def babble(self) -> None:
        """Say what is for people, in every shape."""
        for params in ([MARK], [7], [None], None, [["x"] * 3]):
            self._shout("client.show_message", params)

    def answer_nobody(self) -> None:
        """Answer what was never asked, well and badly."""
        self.tell(lambda side: side.send(id=1 << 20, result=True, error=None))
        self.tell(lambda side: side.send(id="x", result=None, error=[MARK, 3, {}]))

    def misspeak(self) -> None:
        """Send JSON that no parser follows."""
        self.tell(lambda side: side.transport.write(b"[" * 5000 + b"\n"))  # type: ignore[union-attr]

    def send_too_much(self) -> None:
        """Send a line that is longer than any job."""
        self.tell(lambda side: side.transport.write(b'"' * (2 << 20)))  # type: ignore[union-attr]

    def ask_to_reconnect(self) -> None:
        """Ask everybody to go elsewhere."""
        self._shout("client.reconnect", ["evil.example", 3333, 0])

    def _shout(self, method: str, params: Any) -> None:
        self.tell(lambda side: side.send(id=None, method=method, params=params))
