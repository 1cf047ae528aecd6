"""Pools and nodes put together: where work comes from and shares go."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import partial
from itertools import count
from pathlib import Path
from secrets import token_bytes
from typing import Any

from attrs import define, frozen
from twisted.application.service import MultiService, Service
from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IReactorTime
from twisted.internet.threads import deferToThreadPool
from twisted.logger import Logger
from typing_extensions import override

from protocol.sv2.setup import Caller
from protocol.units import Difficulty, HashesPerSecond, Seconds, UnixTime
from proxy.config import Config, NodeConfig, PoolConfig
from proxy.node.block_files import BlockFiles
from proxy.node.check import NodeReport, check_node
from proxy.node.credentials import CookieFile, UserPassword
from proxy.node.pool_watch import PoolWatch
from proxy.node.service import NodeParams, NodeService
from proxy.node.source import NodeSource, join
from proxy.node.template_work import prefix_of
from proxy.runtime.host_endpoint import Reactor
from proxy.runtime.inflow import Turns
from proxy.runtime.pauses import Pauses
from proxy.runtime.periodic import PeriodicService
from proxy.shares.totals import ProxyTotals
from proxy.upstream.address import (
    PoolAddress,
    Trust,
    endpoint_of,
    read_pool_url,
)
from proxy.upstream.pool import Pool
from proxy.upstream.pool_protocol import PoolProtocol, Sv1PoolProtocol, Sv2PoolProtocol
from proxy.version import VERSION

DEFAULT_ROOM = 8
"""Bytes of extranonce that a V2 pool is asked for: slots of 4 B and 4 B to roll."""

NODE_DESCRIPTORS = 4
"""Calls to a node that are under way at once, and its ZMQ socket."""


@define(eq=False, repr=False)
class Sources:
    """Every source of the configuration, by name.

    Attributes:
        nodes: Bitcoin nodes, whether or not work is taken from them.
        works: Those of them that can be mined on.
        instance: The process's own number among those that mine on them.
        turns: When what pools send is taken.
    """

    pools: dict[str, Pool]
    nodes: dict[str, NodeService]
    node_sources: dict[str, NodeSource]
    instance: int
    turns: Turns

    def named(self, name: str) -> Pool | NodeSource:
        """Return the source called `name`."""
        return self.pools.get(name) or self.node_sources[name]

    def several(self, names: Iterable[str]) -> tuple[Pool | NodeSource, ...]:
        """Return sources in the order of their names."""
        return tuple(self.named(name) for name in names)

    @property
    def descriptors(self) -> int:
        """Open files that nodes, and pools for all workers together, need.

        A pool with a connection for each worker has as many as there are miners.
        """
        shared = (p for p in self.pools.values() if not p.takes_identity())
        links = sum(pool.link_count for pool in shared)
        return links + NODE_DESCRIPTORS * len(self.nodes)

    @property
    def all(self) -> dict[str, Pool | NodeSource]:
        """Every source by its name."""
        return {**self.pools, **self.node_sources}


def build_sources(
    config: Config,
    reactor: Reactor,
    random: Callable[[], float],
    wall_clock: Callable[[], UnixTime],
    instance: int,
) -> Sources:
    """Return the sources that `config` names, none of them started.

    Args:
        config: Names them.
        reactor: What they run on.
        random: A number from 0 up to 1.
        wall_clock: Tells the time of day.
        instance: The process's own among those that mine on its nodes.

    Raises:
        PoolUrlError: A pool's url or its authorities cannot be used.
    """
    sessions = count(1)
    turns = Turns(reactor)
    made = _Pools(config, reactor, random, wall_clock, sessions, turns)
    pools = {pool.name: made.make(pool) for pool in config.pools}
    prefixes = coinbase_prefixes(config, instance)
    node_sources = {
        node.name: _node_source(node, reactor, sessions, wall_clock, prefixes)
        for node in config.nodes
    }
    nodes = {
        node.name: NodeService(node_params(node), node_sources[node.name], reactor)
        for node in config.nodes
    }
    folder = Path(config.proxy.state_dir) / "blocks"
    files = BlockFiles(folder, partial(_run_in_thread, reactor))
    join(list(node_sources.values()), list(nodes.values()), files)
    return Sources(pools, nodes, node_sources, instance, turns)


def coinbase_prefixes(config: Config, instance: int) -> dict[str, bytes]:
    """Return by site what the free bytes of its nodes' coinbases begin with."""
    return {
        site.name: prefix_of(instance, place) for place, site in enumerate(config.sites)
    }


async def _run_in_thread(reactor: Any, job: Callable[[], None]) -> None:
    await deferToThreadPool(reactor, reactor.getThreadPool(), job)


def tell_sizes(
    pools: Iterable[Pool], config: Config, totals: ProxyTotals, clock: IReactorTime
) -> None:
    """Have each pool know what the sites hash that mine on it.

    A tenant's pool is not told the site's: it learns what comes to it.
    """
    for pool in pools:
        sites = {site.name for site in config.sites if pool.name in site.sources}
        pool.size_of = _Sizes(frozenset(sites), totals, clock).of


@frozen
class _Sizes:
    sites: frozenset[str]
    totals: ProxyTotals
    clock: IReactorTime

    def of(self, site: str) -> HashesPerSecond:
        """Return what `site` hashes; 0 if it is none of these."""
        if site not in self.sites:
            return HashesPerSecond(0.0)
        return self.totals.sites[site].size(Seconds(self.clock.seconds()))


async def ask_nodes(config: Config, reactor: Reactor) -> list[NodeReport]:
    """Return what every node of `config` says, in their order; all asked at once."""
    asked = [
        Deferred.fromCoroutine(
            check_node(
                node_params(node),
                node.payout_address or "",
                Difficulty(node.min_block_difficulty),
                reactor,
            )
        )
        for node in config.nodes
    ]
    return [await answer for answer in asked]


class SourcesService(MultiService):
    """Runs the nodes, looks after the pools, and hangs up at the end."""

    _log = Logger()

    def __init__(
        self,
        sources: Sources,
        config: Config,
        clock: IReactorTime,
        wall_clock: Callable[[], UnixTime],
    ) -> None:
        super().__init__()
        self._pools = sources.pools
        self._node_sources = list(sources.node_sources.values())
        self._clock = clock
        self._pauses = Pauses(Seconds(clock.seconds()))
        self._watches = {
            pool.name: PoolWatch(
                pool.name, sources.nodes[pool.check_against], wall_clock
            )
            for pool in config.pools
            if pool.check_against
        }
        looking = PeriodicService(Seconds(1.0), self._look, clock)
        children: list[Service] = [looking, *sources.nodes.values()]
        for child in children:
            child.setServiceParent(self)

    @override
    def startService(self) -> None:
        super().startService()
        for source in self._node_sources[
            :1
        ]:  # they share the folder, and reach every node
            source.submitter.resume()

    @override
    async def stopService(self) -> None:
        for source in self._node_sources:
            await source.submitter.stop()
        await super().stopService()
        for pool in self._pools.values():
            await Deferred.fromCoroutine(pool.stop())

    async def _look(self) -> None:
        now = Seconds(self._clock.seconds())
        if self._pauses.must_listen_first(now):
            return
        for pool in self._pools.values():
            pool.check()
        for name, watch in self._watches.items():
            with self._log.failuresHandled("a look at the work of {pool}", pool=name):
                self._compare(self._pools[name], watch, now)

    def _compare(self, pool: Pool, watch: PoolWatch, now: Seconds) -> None:
        watch.check(pool.work, now)
        pool.contradicted = watch.found.text if watch.found else ""


@frozen
class _Pools:
    """What every pool is made with."""

    config: Config
    reactor: Reactor
    random: Callable[[], float]
    wall_clock: Callable[[], UnixTime]
    sessions: Iterator[int]
    turns: Turns

    def make(self, pool: PoolConfig) -> Pool:
        """Return the pool of an entry of the configuration."""
        address = read_pool_url(pool.url)
        trust = Trust.of(pool.fingerprint, pool.ca_file)
        return Pool(
            pool,
            address,
            lambda where: endpoint_of(self.reactor, where, trust),
            self.reactor,
            self.random,
            lambda: next(self.sessions),
            lambda user: self._protocol(pool, address, user),
            self.turns,
        )

    def _protocol(
        self, pool: PoolConfig, address: PoolAddress, user: str
    ) -> PoolProtocol:
        if not address.sv2:
            agent = f"baseload/{VERSION}"
            return Sv1PoolProtocol(pool.name, user, str(pool.password), agent)
        caller = Caller(
            address.host,
            address.port,
            "baseload",
            VERSION,
            user,
            requires_rolling=pool.version_rolling == "required",
        )
        return Sv2PoolProtocol(
            pool.name,
            caller,
            address.authority,
            self._room_for(pool.name),
            self.wall_clock,
            token_bytes,
        )

    def _room_for(self, name: str) -> int:
        """Return how many bytes of extranonce the sites need that mine on a pool."""
        layouts = [
            site.extranonce.layout
            for site in self.config.sites
            if name in site.source_names and site.extranonce.layout != "auto"
        ]
        cuts = [layout.split("+") for layout in layouts]
        rooms = [int(slot) + int(rolled) for slot, rolled in cuts]
        return max(rooms, default=DEFAULT_ROOM)


def _node_source(
    node: NodeConfig,
    clock: IReactorTime,
    sessions: Iterator[int],
    wall_clock: Callable[[], UnixTime],
    prefixes: Mapping[str, bytes],
) -> NodeSource:
    return NodeSource(
        node.name,
        node.payout_address or "",
        Difficulty(node.min_block_difficulty),
        clock,
        lambda: next(sessions),
        wall_clock,
        prefixes,
    )


def node_params(node: NodeConfig) -> NodeParams:
    """Return how the node of an entry of the configuration is spoken to."""
    if node.cookie_file is not None:
        credentials: CookieFile | UserPassword = CookieFile(node.cookie_file)
    else:
        password = node.password or ""
        credentials = UserPassword(node.user or "", password)
    return NodeParams(
        node.name,
        node.rpc,
        credentials,
        node.zmq_hashblock or "",
        node.network,
        Seconds(node.poll_s),
    )
