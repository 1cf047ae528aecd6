"""A site among hostile peers, in memory and on one virtual clock.

Its pools' clients, board, recorder and roster are the real ones; so is the engine, in C
or in Python. `hostile_pool` has the pools, `honest_miner` those who hash for it.
"""

from collections.abc import Callable
from functools import partial
from itertools import count
from typing import Any, cast

from attrs import frozen
from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IStreamClientEndpoint
from twisted.internet.protocol import Factory
from twisted.internet.task import Clock

from protocol.dialect import Dialect
from protocol.sv2.setup import Caller
from protocol.units import Difficulty, Seconds, UnixTime
from protocol.work.hashrate import HashrateMeter
from protocol.work.vardiff import VardiffPolicy
from proxy.config import LimitsConfig, PoolConfig
from proxy.downstream.batch import Batch
from proxy.downstream.connection import SiteFactory
from proxy.downstream.fast.choice import EngineChoice
from proxy.downstream.site_context import Bounds, SiteContext
from proxy.downstream.sv2_keys import ServerKeys
from proxy.jobs.board import JobBoard
from proxy.jobs.routes import Route, Routes
from proxy.jobs.slot_allocator import SlotAllocator
from proxy.shares.record import Recorder
from proxy.shares.totals import ProxyTotals, SiteTotals
from proxy.upstream.address import PoolAddress
from proxy.upstream.pool import Pool
from proxy.upstream.pool_protocol import (
    PoolProtocol,
    Sv1PoolProtocol,
    Sv2PoolProtocol,
)
from tests.fakes.honest_miner import HonestMiner, HonestSv1Miner, HonestSv2Miner
from tests.fakes.hostile_lines import EngineLine, EngineTurns, Line, MemoryLine
from tests.fakes.hostile_pool import EASY, HostilePool
from tests.fakes.hostile_sv2_pool import HostileSv2Pool
from tests.fakes.judging_pool import NTIME
from tests.fakes.judging_sv2_pool import KEY
from tests.fakes.ledger import MemoryLedger
from tests.noise_peers import an_authority

HOLD = Seconds(60.0)
AnyPool = HostilePool | HostileSv2Pool


@frozen
class Arrangement:
    """Who is there.

    Attributes:
        sizes: Bytes of extranonce2 that each pool leaves, best pool first.
        speaks: What each of them speaks: `sv1` or `sv2`.
        engine: Who judges: `python` or `native`.
        threads: That judge at once, of the native engine.
    """

    sizes: tuple[int, ...] = (8,)
    speaks: tuple[str, ...] = (Dialect.SV1,) * 3
    engine: str = "python"
    threads: int = 1


@frozen
class _Endpoint:
    pool: AnyPool

    def connect(self, factory: Factory) -> "Deferred[Any]":
        return self.pool.connect(factory)


class HostileSite:
    """Attributes:
    ledger: What was recorded.
    miners: Those that are there.
    gone: Those that left.
    """

    def __init__(self, who: Arrangement, random: Callable[[], float]) -> None:
        self.clock = Clock()
        self.clock.advance(1000)
        self._turns = Clock()  # of its own: a turn takes no time of the site's
        self.pools: list[AnyPool] = [
            (HostileSv2Pool if kind == Dialect.SV2 else HostilePool)(
                f"pool{number}", self.clock, size
            )
            for number, (size, kind) in enumerate(zip(who.sizes, who.speaks))  # noqa: B905
        ]
        self._sessions = count(1)
        self.clients = [self._client(pool, random) for pool in self.pools]
        engine = EngineChoice(who.engine, "", who.threads)  # type: ignore[arg-type]
        self.board = JobBoard(
            "hall-a",
            Routes([Route("*", tuple(self.clients))]),
            SlotAllocator(tuple(self.clients), fixed=None, recalled=None),
            self.clock,
            Seconds(5.0),
            engine.copies(),
        )
        self.ledger = MemoryLedger()
        totals = ProxyTotals({"hall-a": SiteTotals(HashrateMeter(Seconds(1000.0)))})
        sinks = {client.name: client for client in self.clients}
        self.recorder = Recorder(self.ledger, totals, sinks, self.clock)
        for client in self.clients:
            client.listeners["hall-a"] = self.board
            client.settle = self.recorder.settled
        self.hall = SiteFactory(self._context(), LimitsConfig(), random)
        self.hall.keys = ServerKeys(an_authority(), self.wall_clock, _bytes)
        self._port: Any = engine.of_site(self.hall, self.recorder, self._turns)
        if who.engine == "native":
            self._engine = EngineTurns(self.hall, self._port)
        self._is_native = who.engine == "native"
        self.miners: list[HonestMiner] = []
        self.gone: list[HonestMiner] = []
        self.board.start()

    def wall_clock(self) -> UnixTime:
        """Return the time of day."""
        return UnixTime(NTIME + self.clock.seconds() - 1000)

    def _context(self) -> SiteContext:
        return SiteContext(
            "hall-a",
            self.board,
            Batch(self.recorder, self.clock),
            Bounds(
                VardiffPolicy(0.0, Difficulty(EASY), Difficulty(1e12)), Difficulty(EASY)
            ),
            self.clock,
            self.wall_clock,
        )

    def _client(self, pool: AnyPool, random: Callable[[], float]) -> Pool:
        return Pool(
            PoolConfig(name=pool.name, url="stratum+tcp://x:1", user="acct"),
            PoolAddress(f"{pool.name}.example", 3333, tls=False),
            lambda _where: cast("IStreamClientEndpoint", _Endpoint(pool)),
            self.clock,
            random,
            lambda: next(self._sessions),
            partial(self._protocol_for, pool),
        )

    def _protocol_for(self, pool: AnyPool, user: str) -> PoolProtocol:
        if isinstance(pool, HostilePool):
            return Sv1PoolProtocol(pool.name, user, "x", "test/1")
        caller = Caller("pool.example", 3336, "test", "1", user)
        return Sv2PoolProtocol(pool.name, caller, KEY, 8, self.wall_clock, _bytes)

    def join(self, *, rolls: bool = False, speaks: str = Dialect.SV1) -> HonestMiner:
        """Return one more miner, which begins to talk; see `HonestMiner.rolls`."""
        dial = partial(self.dial, speaks)
        now = self.clock.seconds
        miner: HonestMiner
        if speaks == Dialect.SV2:
            miner = HonestSv2Miner(KEY, dial, now, rolls=rolls)
        else:
            miner = HonestSv1Miner(dial, now, rolls=rolls)
        self.miners.append(miner)
        return miner

    def dial(self, speaks: str = Dialect.SV1) -> Line:
        """Return a new connection to the site."""
        if self._is_native:
            return EngineLine(self._engine, self._turns, speaks)
        return MemoryLine(self.hall, speaks)

    def leave(self, miner: HonestMiner) -> None:
        """Let `miner` hang up."""
        miner.leave()
        self.miners.remove(miner)
        self.gone.append(miner)

    def second(self) -> None:
        """Let a second pass, as the site's service does, in steps of 50 ms."""
        for _ in range(20):
            self.pass_time(0.05)
        for pool in self.pools:
            pool.second()
        for client in self.clients:
            client.check()
        self.board.tick()
        self._port.settle()
        self.hall.hold(HOLD)
        self.hall.context.parking.let_return(Seconds(1.0))
        choice = self.board.source_choice
        those, choice.to_reconnect = choice.to_reconnect, []
        self.hall.roster.move(those, self.hall.context.now())
        self.hall.roster.sweep(self.hall.context.now())

    def pass_time(self, seconds: float) -> None:
        """Let time pass for everybody but the site's service."""
        self.clock.advance(seconds)
        if self._is_native:
            self._engine.take(self._turns)
        for miner in list(self.miners):
            miner.look()

    def stop(self) -> None:
        """Let every pool's client go, so that no coroutine is left waiting."""
        self.board.stop()
        ends = [Deferred.fromCoroutine(client.stop()) for client in self.clients]
        for _ in range(100):
            self.clock.advance(1)
            if all(end.called for end in ends):
                return
        raise AssertionError("a pool's client does not stop")

    def _sum(self, what: str) -> int:
        return sum(getattr(miner, what) for miner in self.miners + self.gone)

    @property
    def told_accepted(self) -> int:
        """Shares that miners were told are accepted."""
        return self._sum("accepted")

    @property
    def unread(self) -> int:
        """Shares whose answers nobody waited for."""
        return self._sum("unread")

    @property
    def doubled(self) -> int:
        """Shares that were accepted twice."""
        return self._sum("doubled")


def _bytes(size: int) -> bytes:
    return b"\x05" * size
