"""Hostile peers on one virtual clock: pools that misbehave by switches, a real site.

`HostilePool` is a pool that judges every share from first principles and does, when
it is told to, what public reports say of pools. `HostileSite` is a site with real
`Pool`s that dial them through memory, and `HonestMiner`s that hash for it.
"""

import hashlib
import json
import struct
from collections import Counter, deque
from collections.abc import Callable
from itertools import count
from typing import Any, cast

from twisted.internet import error
from twisted.internet.address import IPv4Address
from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IStreamClientEndpoint
from twisted.internet.protocol import Factory, connectionDone
from twisted.internet.task import Clock
from twisted.internet.testing import StringTransport
from twisted.python.failure import Failure
from typing_extensions import override

from protocol.units import Difficulty, Seconds, UnixTime
from protocol.work.hashrate import HashrateMeter
from protocol.work.vardiff import VardiffPolicy
from proxy.config import LimitsConfig, PoolConfig
from proxy.downstream.batch import Batch
from proxy.downstream.connection import SiteFactory
from proxy.downstream.site_context import SiteContext
from proxy.downstream.sv1_miner import Sv1Miner
from proxy.jobs.board import JobBoard
from proxy.jobs.ports import NoCopies
from proxy.jobs.routes import Route, Routes
from proxy.jobs.slot_allocator import SlotAllocator
from proxy.runtime.outbox import Outbox
from proxy.shares.record import Recorder
from proxy.shares.totals import ProxyTotals, SiteTotals
from proxy.upstream.address import PoolAddress
from proxy.upstream.pool import Pool
from proxy.upstream.pool_protocol import Sv1PoolProtocol
from tests.fakes.judging_pool import D1, NTIME, JudgingPool, PoolSide
from tests.fakes.ledger import MemoryLedger

LATENCY = 0.02
"""Seconds on the way between a pool and us."""

EASY = 1e-9
"""Four hashes a share: a miner in a test finds some each second."""

HOLD = Seconds(60.0)

GRACE = 0.5
"""Seconds that a share may be on its way: both ways, our batch, a miner's look."""

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


class HostileSide(PoolSide):
    """The pool's end of one connection, with its switches."""

    factory: "HostilePool"

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


class HostilePool(JudgingPool):
    """A pool with every misbehaviour as a switch or a call.

    Attributes:
        is_down: Refuses connections and drops those there are.
        is_mute: Says nothing at all.
        never_answers: Takes shares and answers none.
        hangs_up_after_job: Gives work and closes.
        refuses_users: Refuses to authorise.
        size: Of extranonce2, for connections and `set_extranonce` from now on.
        unknown: Methods that it does not know.
        knows_us_again: Gives who comes back the same extranonce1, and the same job.
        too_late: Shares of jobs that it had replaced long before.
    """

    protocol = HostileSide
    knows_us_again = False

    def __init__(self, name: str, clock: Clock, size: int) -> None:
        super().__init__(EASY, size)
        self.name = name
        self._clock = clock
        self.never_answers = self.hangs_up_after_job = False
        self.unknown: set[str] = {"mining.extranonce.subscribe"}
        self.dialled: deque[float] = deque(maxlen=10_000)
        self.too_late = 0
        self._replaced_at: dict[str, float] = {}

    @override
    def new_extranonce1(self) -> bytes:
        taken = {side.extranonce1 for side in self.sides}
        if self.knows_us_again and _FAMILIAR not in taken:
            return _FAMILIAR
        return super().new_extranonce1()

    @override
    def new_block(self) -> None:
        if not self.is_mute:  # else nobody can know
            now = self._clock.seconds()
            self._replaced_at |= dict.fromkeys(self._jobs, now)
        super().new_block()

    def connect(self, factory: Factory) -> "Deferred[Any]":
        """Connect who dials, or refuse."""
        self.dialled.append(self._clock.seconds())
        made: Deferred[Any] = Deferred()
        self._clock.callLater(LATENCY, self._connected, made, factory)
        return made

    def _connected(self, made: "Deferred[Any]", factory: Factory) -> None:
        if made.called:
            return
        if self.is_down:
            made.errback(error.ConnectionRefusedError())
            return
        ours, theirs = Pipe(self._clock), Pipe(self._clock)
        ours.peer, theirs.peer = theirs, ours
        theirs.protocol = factory.buildProtocol(None)
        side = HostileSide()
        side.factory = self
        ours.protocol = side
        side.makeConnection(cast("Any", ours))
        theirs.protocol.makeConnection(theirs)
        made.callback(theirs.protocol)

    # what it does when it is told to

    def send_again(self) -> None:
        """Send the very job again, as after each set_difficulty."""
        self.tell(lambda side: side.notify())

    def flood(self, jobs: int) -> None:
        """Send so many jobs at once."""
        for _ in range(jobs):
            self.new_job()

    def babble(self) -> None:
        """Say what is for people, in every shape."""
        for params in (["\udcff"], [7], [None], None, [["x"] * 3]):
            self._shout("client.show_message", params)

    def _shout(self, method: str, params: Any) -> None:
        self.tell(lambda side: side.send(id=None, method=method, params=params))

    def nest_deeply(self) -> None:
        """Send JSON that no parser follows."""
        self.tell(lambda side: side.transport.write(b"[" * 5000 + b"\n"))  # type: ignore[union-attr]

    def ask_to_reconnect(self) -> None:
        """Ask everybody to go elsewhere."""
        self._shout("client.reconnect", ["evil.example", 3333, 0])

    def raise_difficulty(self) -> None:
        """Ask for more from the next job on; what is under way still counts."""
        self.difficulty *= 2.0
        self._shout("mining.set_difficulty", [self.difficulty])
        self.new_job()

    def resize(self, size: int) -> None:
        """Change the room of extranonce2."""
        self.size = size
        self.set_extranonce()

    @override
    def _fault(self, side: PoolSide, params: list[Any]) -> str:
        replaced_at = self._replaced_at.get(params[1])
        if replaced_at is not None:
            self.too_late += self._clock.seconds() - replaced_at > GRACE
        harder, self.difficulty = self.difficulty, EASY
        try:  # what is judged here is the work, not how hard it was asked to be
            return super()._fault(side, params)
        finally:
            self.difficulty = harder


class _Endpoint:
    def __init__(self, pool: HostilePool) -> None:
        self._pool = pool

    def connect(self, factory: Factory) -> "Deferred[Any]":
        return self._pool.connect(factory)


class HostileSite:
    """A site in memory: real pools' clients, board, recorder, roster, one clock."""

    def __init__(self, sizes: tuple[int, ...], random: Callable[[], float]) -> None:
        self.clock = Clock()
        self.clock.advance(1000)
        self.pools = [
            HostilePool(f"pool{i}", self.clock, size) for i, size in enumerate(sizes)
        ]
        self._sessions = count(1)
        self.clients = [self._client(pool, random) for pool in self.pools]
        self.board = JobBoard(
            "hall-a",
            Routes([Route("*", tuple(self.clients))]),
            SlotAllocator(tuple(self.clients), fixed=None, recalled=None),
            self.clock,
            Seconds(5.0),
            NoCopies,
        )
        self.ledger = MemoryLedger()
        book = ProxyTotals({"hall-a": SiteTotals(HashrateMeter(Seconds(1000.0)))})
        sinks = {client.name: client for client in self.clients}
        self.recorder = Recorder(self.ledger, book, sinks, self.clock)
        for client in self.clients:
            client.listeners["hall-a"] = self.board
            client.settle = self.recorder.settled
        floor = SiteContext(
            "hall-a",
            self.board,
            Batch(self.recorder, self.clock),
            VardiffPolicy(0.0, Difficulty(EASY), Difficulty(1e12)),
            Difficulty(EASY),
            self.clock,
            lambda: UnixTime(NTIME + self.clock.seconds() - 1000),
        )
        self.hall = SiteFactory(floor, LimitsConfig(), random)
        self.miners: list[HonestMiner] = []
        self.asked_to_reconnect = 0
        self.told_accepted = self.unread = self.doubled = 0
        self.board.start()

    def _client(self, pool: HostilePool, random: Callable[[], float]) -> Pool:
        return Pool(
            PoolConfig(name=pool.name, url="stratum+tcp://x:1", user="acct"),
            PoolAddress(f"{pool.name}.example", 3333, tls=False),
            lambda _where: cast("IStreamClientEndpoint", _Endpoint(pool)),
            self.clock,
            random,
            lambda: next(self._sessions),
            lambda user: Sv1PoolProtocol(pool.name, user, "x", "test/1"),
        )

    def join(self, *, rolls: bool = False) -> "HonestMiner":
        """Return one more miner, which begins to talk; see `HonestMiner.rolls`."""
        miner = HonestMiner(self, rolls=rolls)
        self.miners.append(miner)
        return miner

    def second(self) -> None:
        """Let a second pass, as the site's service does, in steps of 50 ms."""
        for _ in range(20):
            self.clock.advance(0.05)
            for miner in list(self.miners):
                miner.look()
        for client in self.clients:
            client.check()
        self.board.tick()
        self.hall.hold(HOLD)
        self.hall.context.parking.let_return(Seconds(1.0))
        those, self.board.to_reconnect = self.board.to_reconnect, []
        self.hall.roster.move(those, self.hall.context.now())
        self.hall.roster.sweep(self.hall.context.now())

    def stop(self) -> None:
        """Let every pool's client go, so that no coroutine is left waiting."""
        self.board.stop()
        ends = [Deferred.fromCoroutine(client.stop()) for client in self.clients]
        for _ in range(100):
            self.clock.advance(1)
            if all(end.called for end in ends):
                return
        raise AssertionError("a pool's client does not stop")


class HonestMiner:
    """Hashes what it is given from nonce 0 on, as an ASIC does.

    Attributes:
        rolls: Its ntime follows the clock while it hashes a job, as firmware does.
        accepted: Shares that were.
        rejected: The others, by code.
        dropped: Why it was hung up on; empty while it is not.
    """

    def __init__(self, site: HostileSite, *, rolls: bool) -> None:
        self.site = site
        self.rolls = rolls
        self._job_at = 0.0
        self.accepted, self.rejected = 0, Counter[int]()
        self.dropped = ""
        self.joined_at = site.clock.seconds()
        self.job: list[Any] | None = None
        self.previous: list[Any] | None = None
        self._late_nonce = 1 << 24
        self._connect()

    def _connect(self) -> None:
        hall = self.site.hall
        self.transport = StringTransport()
        now = hall.context.now()
        self.miner = Sv1Miner(
            hall.new_id(), "10.0.0.1", hall.context, now, True, Outbox(self.transport)
        )
        hall.register(self.miner, self)
        self.difficulty, self.hardest = 0.0, 0.0
        self.extranonce1, self.size = "", 0
        self._nonce, self._ids = 0, count(10)
        self._waiting: set[int] = set()
        self._again: set[int] = set()
        self._last: tuple[Any, ...] = ()
        self._say(2, "mining.subscribe", "honest/1")
        self._say(3, "mining.authorize", "rig1", "x")

    def dismiss(self, _miner: Any, why: str) -> None:
        """Be hung up on."""
        self.dropped = why

    def hang_up(self, why: str) -> None:
        """Be hung up on, with everybody."""
        self.dropped = why

    def leave(self) -> None:
        """Hang up; what is on its way to us is never read."""
        self.look()
        self.site.unread += len(self._waiting)
        self.site.hall.unregister(self.miner)
        self.site.miners.remove(self)

    def look(self) -> None:
        """Read what has come."""
        data: bytes = self.transport.value()
        self.transport.clear()
        for line in data.splitlines():
            self._hear(json.loads(line))

    def _hear(self, message: dict[str, Any]) -> None:
        params = message.get("params") or []
        match message.get("method"):
            case "mining.notify":
                self.previous, self.job, self._nonce = self.job, params, 0
                self._job_at = self.site.clock.seconds()
                self.hardest = self.difficulty
            case "mining.set_difficulty":
                self.difficulty = params[0]
                self.hardest = max(self.hardest, params[0])
            case "client.reconnect":
                self.site.asked_to_reconnect += 1
                self.site.unread += len(self._waiting)
                self.site.hall.unregister(self.miner)
                self.job = self.previous = None
                self._connect()
            case None:
                self._answered(message)

    def _answered(self, message: dict[str, Any]) -> None:
        number = message["id"]
        if number == 2:
            _, self.extranonce1, self.size = message["result"]
        elif number in self._again:
            self.site.doubled += message["result"] is True
        elif number in self._waiting:
            self._waiting.remove(number)
            if message["result"] is True:
                self.accepted += 1
                self.site.told_accepted += 1
            else:
                self.rejected[message["error"][0]] += 1

    def hash_for(self, tries: int) -> None:
        """Hash so many nonces; submit what meets the difficulty."""
        if self.job is not None and self.extranonce1:
            rolled = int(self.site.clock.seconds() - self._job_at) * self.rolls
            nonces = range(self._nonce, self._nonce + tries)
            self._search(self.job, nonces, rolled)
            self._nonce += tries

    def hash_late(self, tries: int) -> None:
        """Do so for the job before, as a machine that is slow to change."""
        if self.previous is not None and self.extranonce1:
            first = self._late_nonce
            self._search(self.previous, range(first, first + tries), 0)
            self._late_nonce += tries

    def _search(self, job: list[Any], nonces: range, rolled: int) -> None:
        job_id, prev, coinb1, coinb2, _, version, nbits, ntime, _ = job
        ntime = f"{int(ntime, 16) + rolled:08x}"
        extranonce2 = "00" * self.size
        coinbase = bytes.fromhex(coinb1 + self.extranonce1 + extranonce2 + coinb2)
        words = bytes.fromhex(prev)
        prev_hash = b"".join(words[i : i + 4][::-1] for i in range(0, 32, 4))
        head = struct.pack("<I", int(version, 16)) + prev_hash + _sha256d(coinbase)
        head += struct.pack("<II", int(ntime, 16), int(nbits, 16))
        for nonce in nonces:
            digest = _sha256d(head + struct.pack("<I", nonce))
            if int.from_bytes(digest, "little") <= D1 / max(self.hardest, EASY):
                self._submit(job_id, extranonce2, ntime, f"{nonce:08x}")

    def stutter(self) -> None:
        """Send the last share once more, as some firmware does."""
        if self._last:
            number = next(self._ids)
            self._again.add(number)
            self._say(number, "mining.submit", *self._last)

    def _submit(self, job_id: str, extranonce2: str, ntime: str, nonce: str) -> None:
        number = next(self._ids)
        self._waiting.add(number)
        self._last = ("rig1", job_id, extranonce2, ntime, nonce)
        self._say(number, "mining.submit", *self._last)

    def _say(self, number: int, method: str, *params: Any) -> None:
        message = {"id": number, "method": method, "params": list(params)}
        self.miner.receive(json.dumps(message).encode() + b"\n")


def _sha256d(data: bytes) -> bytes:
    return hashlib.sha256(hashlib.sha256(data).digest()).digest()
