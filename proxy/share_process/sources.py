"""Pools and nodes put together: where work comes from and shares go."""

from collections.abc import Callable, Iterable
from functools import partial
from pathlib import Path
from typing import Any, Protocol, TypeVar

from attrs import define, field, frozen
from msgspec.structs import replace
from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IReactorTime
from twisted.internet.threads import deferToThreadPool

from protocol.units import Difficulty, HashesPerSecond, Seconds, UnixTime
from protocol.work.share import JudgedShare
from proxy.config import Config, PoolConfig
from proxy.node.block_files import BlockFiles
from proxy.node.check import NodeReport, check_node
from proxy.node.params import node_params
from proxy.node.service import NodeService
from proxy.node.source import NodeSource, join
from proxy.runtime.host_endpoint import Reactor
from proxy.runtime.inflow import Turns
from proxy.share_process.source_maker import SourceMaker
from proxy.shares.totals import ProxyTotals
from proxy.upstream.pool import Pool

NODE_DESCRIPTORS = 4
"""Calls to a node that are under way at once, and its ZMQ socket."""


class _Named(Protocol):
    @property
    def name(self) -> str: ...


Row = TypeVar("Row", bound=_Named)


@define(eq=False, repr=False)
class SourceChange:
    """The sources of another configuration: those that stay, and new ones.

    Attributes:
        config: What names them.
        nodes: Bitcoin nodes, whether or not work is taken from them.
        node_sources: Those of them that can be mined on.
    """

    config: Config
    pools: dict[str, Pool] = field(factory=dict)
    nodes: dict[str, NodeService] = field(factory=dict)
    node_sources: dict[str, NodeSource] = field(factory=dict)


@define(eq=False, repr=False)
class Successors:
    """Sources of one name that followed each other; each knows the shares it wants."""

    sinks: list[Pool | NodeSource] = field(factory=list)

    def forward(self, share: JudgedShare, token: int) -> bool:
        """Send on `share`; False if none of them can."""
        return any(sink.forward(share, token) for sink in self.sinks)


@define(eq=False, repr=False)
class Sources:
    """Every source of the configuration, by name.

    Attributes:
        maker: Makes them.
        nodes: Bitcoin nodes, whether or not work is taken from them.
        node_sources: Those of them that can be mined on.
        sinks: Where shares of each go, also while a source is being left.
    """

    maker: SourceMaker
    pools: dict[str, Pool] = field(factory=dict, init=False)
    nodes: dict[str, NodeService] = field(factory=dict, init=False)
    node_sources: dict[str, NodeSource] = field(factory=dict, init=False)
    sinks: dict[str, Successors] = field(factory=dict, init=False)

    @property
    def instance(self) -> int:
        """The process's own number among those that mine on its nodes."""
        return self.maker.instance

    def changed(self, config: Config) -> SourceChange:
        """Return the sources of `config`: the same ones where nothing changed of them.

        Raises:
            PoolUrlError: A pool's url or its authorities cannot be used.
        """
        change, before = SourceChange(config), self.maker.config
        pools, nodes = _by_name(before.pools), _by_name(before.nodes)
        for pool in config.pools:
            known = self.pools.get(pool.name)
            stays = known is not None and is_same_pool(pools[pool.name], pool)
            change.pools[pool.name] = (
                known if known is not None and stays else self.maker.pool(pool)
            )
        for node in config.nodes:
            name = node.name
            if name in self.nodes and nodes[name] == node:
                change.nodes[name] = self.nodes[name]
                change.node_sources[name] = self.node_sources[name]
            else:
                change.nodes[name], change.node_sources[name] = self.maker.node(node)
        return change

    def take_on(self, change: SourceChange) -> list[Pool | NodeSource]:
        """Have the sources of `change` from now on; return those that are left.

        Shares still go to these until they are forgotten.
        """
        before = list(self.all.values())
        self.maker.config = change.config
        self.pools, self.nodes, self.node_sources = (
            change.pools,
            change.nodes,
            change.node_sources,
        )
        for pool in change.config.pools:
            self.pools[pool.name].config = pool
        join(self.node_sources.values(), self.nodes.values())
        for name, source in self.all.items():
            sinks = self.sinks.setdefault(name, Successors()).sinks
            if source not in sinks:
                sinks.insert(0, source)
        return [one for one in before if self.all.get(one.name) is not one]

    def forget(self, source: Pool | NodeSource) -> None:
        """Send no more shares to `source`, which was left."""
        sinks = self.sinks[source.name].sinks
        sinks.remove(source)
        if not sinks:
            del self.sinks[source.name]

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
    folder = Path(config.proxy.state_dir) / "blocks"
    files = BlockFiles(folder, partial(_run_in_thread, reactor))
    turns = Turns(reactor)
    sources = Sources(
        SourceMaker(config, reactor, random, wall_clock, instance, files, turns)
    )
    sources.take_on(sources.changed(config))
    return sources


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


def is_same_pool(old: PoolConfig, new: PoolConfig) -> bool:
    """Tell whether a pool is reached and spoken to as before; its policy may differ."""
    policy = {"check_against": None, "on_mismatch": "alarm"}
    return replace(old, **policy) == replace(new, **policy)


def _by_name(rows: Iterable[Row]) -> dict[str, Row]:
    return {row.name: row for row in rows}
