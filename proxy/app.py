"""The share process, put together: read `build` to know it."""

from collections.abc import Callable, Iterable, Iterator
from itertools import count
from pathlib import Path
from typing import Any, TypeVar

from attrs import define, field
from twisted.application.service import MultiService, Service
from twisted.internet.defer import Deferred
from twisted.internet.endpoints import serverFromString
from twisted.internet.interfaces import IReactorTime
from twisted.internet.task import deferLater
from twisted.internet.threads import deferToThreadPool
from twisted.logger import Logger
from typing_extensions import override

from protocol.units import Difficulty, Seconds, UnixTime
from protocol.work.extranonce import Layout
from protocol.work.hashrate import HashrateMeter
from protocol.work.vardiff import VardiffPolicy
from proxy.admin.operations import Operations
from proxy.admin.server import AdminFactory
from proxy.config import Config, NodeConfig, SiteConfig
from proxy.downstream.batch import Batch
from proxy.downstream.connection import Hall
from proxy.downstream.floor import Floor
from proxy.jobs.board import JobBoard, Route
from proxy.jobs.feed import Source
from proxy.jobs.space import Spaces
from proxy.node.credentials import CookieFile, UserPassword
from proxy.node.service import NodeParams, NodeService
from proxy.node.source import NodeSource, join
from proxy.node.watch import PoolWatch
from proxy.runtime.listener import ListenerService
from proxy.runtime.periodic import PeriodicService
from proxy.shares.book import Book, SiteBook
from proxy.shares.checkpoint import CheckpointService
from proxy.shares.database import open_database
from proxy.shares.ledger import SqliteLedger
from proxy.shares.reader import LedgerReader
from proxy.shares.record import Recorder
from proxy.upstream.address import Reactor, endpoint_of, read_pool_url
from proxy.upstream.pool import Pool
from proxy.version import VERSION

PROBE_SECONDS = Seconds(5.0)
"""How long a start waits to learn how much extranonce each pool leaves."""

T = TypeVar("T")

BACKLOG = 4096
"""Connections that the kernel holds for us until we take them."""

_WIDE, _NARROW = Layout(4, 4), Layout(1, 3)


@define(eq=False)
class Program:
    """The share process: a tree of services, and when it is ready.

    Attributes:
        root: Start it, stop it.
        halls: Sites by name.
    """

    _log = Logger()

    root: MultiService
    config: Config
    reactor: Reactor
    pools: dict[str, Pool]
    nodes: dict[str, NodeService]
    node_sources: dict[str, NodeSource]
    ledger: SqliteLedger
    recorder: Recorder
    wall_clock: Callable[[], UnixTime]
    random: Callable[[], float]
    started_at: Seconds
    halls: dict[str, Hall] = field(factory=dict, init=False)
    _listeners: list[ListenerService] = field(factory=list, init=False)
    _probed: dict[str, list[Pool]] = field(factory=dict, init=False)

    async def ready(self) -> None:
        """Open every site and the admin sockets.

        Raises:
            CannotListenError: A port is taken, or may not be had.
        """
        for site in self.config.sites:
            layout = await self._layout_of(site)
            self._open_site(site, layout)
        operations = Operations(self, self._reader())
        self._listen_admin(self.config.proxy.admin, operations, full=True)
        if self.config.proxy.observer:
            self._listen_admin(self.config.proxy.observer, operations, full=False)
        for listener in self._listeners:
            await listener.ready()

    def _reader(self) -> LedgerReader:
        reactor: Any = self.reactor

        async def run(work: Callable[[], T]) -> T:
            pool = reactor.getThreadPool()
            return await deferToThreadPool(reactor, pool, work)

        path = Path(self.config.proxy.state_dir) / "ledger.sqlite3"
        return LedgerReader(path, run)

    async def _layout_of(self, site: SiteConfig) -> Layout:
        """Return how the extranonce is cut at `site`: as configured, or as fits."""
        wish = site.extranonce.layout
        if wish != "auto":
            slot, _, rolled = wish.partition("+")
            return Layout(int(slot), int(rolled))
        pools = [self.pools[n] for n in site.source_names if n in self.pools]
        shared = [pool for pool in pools if not pool.takes_identity()]
        self._probed[site.name] = shared
        boards = _Probe()
        for pool in shared:
            pool.listeners[site.name] = boards
            pool.open(site.name, "", 0)
        for _ in range(int(PROBE_SECONDS / 0.05)):
            if all(pool.room is not None for pool in shared):
                break
            await deferLater(self.reactor, 0.05)
        narrow = any((pool.room or _WIDE.room) < _WIDE.room for pool in shared)
        return _NARROW if narrow else _WIDE

    def _open_site(self, site: SiteConfig, layout: Layout) -> None:
        board = JobBoard(
            site.name,
            [
                *(Route(r.workers, self._sources(r.sources)) for r in site.routes),
                Route("*", self._sources(site.sources)),
            ],
            Spaces(layout),
            self.reactor,
            Seconds(site.fail_back_s * (1 + 0.2 * self.random())),
        )
        for name in site.source_names:
            self._source(name).listeners[site.name] = board
        board.start()
        for pool in self._probed.pop(site.name, []):
            pool.close(site.name, "", 0)  # the board holds what it needs
        difficulty = site.difficulty
        floor = Floor(
            site.name,
            board,
            Batch(self.recorder, self.reactor),
            VardiffPolicy(
                difficulty.shares_per_minute,
                Difficulty(difficulty.minimum),
                Difficulty(difficulty.maximum),
            ),
            Difficulty(difficulty.start),
            self.reactor,
            self.wall_clock,
        )
        hall = Hall(floor, site.limits, self.random)
        self.halls[site.name] = hall
        self._serve(hall, board, Seconds(site.hold_s))
        for endpoint in site.listen:
            self._listen(
                ListenerService(serverFromString(self.reactor, _deep(endpoint)), hall)
            )
            self._log.info(
                "{site}: miners at {endpoint}, layout {slot}+{rolled}",
                site=site.name,
                endpoint=endpoint,
                slot=layout.slot_bytes,
                rolled=layout.extranonce2_bytes,
            )

    def _serve(self, hall: Hall, board: JobBoard, hold: Seconds) -> None:
        async def tick() -> None:
            board.tick()
            hall.hold(hold)
            hall.roster.sweep(hall.floor.now())

        PeriodicService(Seconds(1.0), tick, self.reactor).setServiceParent(self.root)
        _Closing(hall, board).setServiceParent(self.root)

    def _sources(self, names: Iterable[str]) -> tuple[Source, ...]:
        return tuple(self._source(name) for name in names)

    def _source(self, name: str) -> Pool | NodeSource:
        return self.pools.get(name) or self.node_sources[name]

    def _listen_admin(
        self, endpoint: str, operations: Operations, *, full: bool
    ) -> None:
        path = Path(endpoint.partition(":")[2])
        path.parent.mkdir(parents=True, exist_ok=True)
        address = f"unix:{path}:mode=600"
        factory = AdminFactory(operations, may_steer=full)
        self._listen(ListenerService(serverFromString(self.reactor, address), factory))

    def _listen(self, listener: ListenerService) -> None:
        self._listeners.append(listener)
        listener.setServiceParent(self.root)


def build(
    config: Config,
    reactor: Reactor,
    wall_clock: Callable[[], UnixTime],
    random: Callable[[], float],
) -> Program:
    """Return the share process that `config` describes, not yet started.

    Raises:
        LedgerError: The ledger's file cannot be used.
        PoolUrlError: A pool's url cannot be used.
    """
    now = Seconds(reactor.seconds())
    state = Path(config.proxy.state_dir)
    state.mkdir(parents=True, exist_ok=True, mode=0o700)
    path = state / "ledger.sqlite3"
    settings = config.proxy.ledger
    ledger = SqliteLedger(
        open_database(path, durability=settings.durability),
        Seconds(settings.keep_shares_s),
        settings.max_bytes,
        wall_clock,
        _alarm,
    )
    book = Book()
    for site in config.sites:
        book.sites[site.name] = SiteBook(HashrateMeter(now))
    sessions = count(1)
    pools = _pools(config, reactor, random, sessions)
    sources = {
        node.name: _node_source(node, reactor, sessions) for node in config.nodes
    }
    nodes = {
        node.name: NodeService(_node_params(node), sources[node.name], reactor)
        for node in config.nodes
    }
    join(list(sources.values()), list(nodes.values()), state / "blocks")
    recorder = Recorder(ledger, book, {**pools, **sources}, reactor)
    for pool in pools.values():
        pool.settle = recorder.settled
    for source in sources.values():
        source.settle = recorder.settled
    root = MultiService()
    program = Program(
        root,
        config,
        reactor,
        pools,
        nodes,
        sources,
        ledger,
        recorder,
        wall_clock,
        random,
        now,
    )
    _Ending(ledger).setServiceParent(root)
    CheckpointService(path, _alarm, reactor).setServiceParent(root)
    _ticking(program, reactor).setServiceParent(root)
    _Pools(pools).setServiceParent(root)
    for node in nodes.values():
        node.setServiceParent(root)
    return program


def _node_source(
    node: NodeConfig, clock: IReactorTime, sessions: Iterator[int]
) -> NodeSource:
    return NodeSource(
        node.name,
        node.payout_address or "",
        Difficulty(node.min_block_difficulty),
        clock,
        lambda: next(sessions),
    )


def _node_params(node: NodeConfig) -> NodeParams:
    if node.cookie_file is not None:
        credentials: CookieFile | UserPassword = CookieFile(node.cookie_file)
    else:
        password = node.password or ""
        credentials = UserPassword(node.user or "", password)
    return NodeParams(node.name, node.rpc, credentials, node.zmq_hashblock or "")


def _pools(
    config: Config,
    reactor: Reactor,
    random: Callable[[], float],
    sessions: Iterator[int],
) -> dict[str, Pool]:
    return {
        pool.name: Pool(
            pool,
            endpoint_of(reactor, read_pool_url(pool.url), pool.fingerprint),
            reactor,
            random,
            lambda: next(sessions),
            f"baseload/{VERSION}",
        )
        for pool in config.pools
    }


def _ticking(program: Program, clock: IReactorTime) -> PeriodicService:
    watches = {
        pool.name: PoolWatch(
            pool.name, program.nodes[pool.check_against], program.wall_clock
        )
        for pool in program.config.pools
        if pool.check_against
    }

    async def tick() -> None:
        for pool in program.pools.values():
            pool.check()
        for name, watch in watches.items():
            watched = program.pools[name]
            watch.check(watched.work, Seconds(clock.seconds()))
            watched.contradicted = watch.found.text if watch.found else ""
        program.ledger.flush()
        program.ledger.roll_up()

    return PeriodicService(Seconds(1.0), tick, clock)


def _alarm(text: str) -> None:
    Logger("proxy.alarm").error("{text}", text=text)


def _deep(endpoint: str) -> str:
    """Give an endpoint string a backlog that a hall's return after a cut fits in.

    Twisted's 50 makes miners wait for the kernel to retry, a second and more.
    """
    if "backlog=" in endpoint or endpoint.startswith(("unix:", "systemd:")):
        return endpoint
    return f"{endpoint}:backlog={BACKLOG}"


class _Probe:
    """Listens to feeds before there is a board."""

    def work_arrived(self, feed: object) -> None:
        """Nobody hashes yet."""

    def feed_lost(self, feed: object, session: int) -> None:
        """Nobody hashes yet."""


class _Closing(Service):
    """Sends the miners of a site away when the process stops."""

    def __init__(self, hall: Hall, board: JobBoard) -> None:
        self._hall = hall
        self._board = board

    @override
    def stopService(self) -> None:
        super().stopService()
        self._hall.floor.batch.flush()
        self._hall.close_all()


class _Pools(Service):
    """Hangs up on the pools when the process stops."""

    def __init__(self, pools: dict[str, Pool]) -> None:
        self._pools = pools

    @override
    async def stopService(self) -> None:
        super().stopService()
        for pool in self._pools.values():
            await Deferred.fromCoroutine(pool.stop())


class _Ending(Service):
    """Closes the ledger last: services stop in the reverse of their order."""

    def __init__(self, ledger: SqliteLedger) -> None:
        self._ledger = ledger

    @override
    def stopService(self) -> None:
        super().stopService()
        self._ledger.close()
