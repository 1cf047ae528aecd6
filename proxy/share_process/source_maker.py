"""Make pools and nodes of their entries in the configuration."""

from collections.abc import Callable, Iterator
from itertools import count
from secrets import token_bytes

from attrs import define, field

from protocol.sv2.setup import Caller
from protocol.units import Difficulty, UnixTime
from proxy.config import Config, NodeConfig, PoolConfig
from proxy.node.block_files import BlockFiles
from proxy.node.params import node_params
from proxy.node.service import NodeService
from proxy.node.source import NodeSource
from proxy.node.template_work import prefix_of
from proxy.runtime.host_endpoint import Reactor
from proxy.runtime.inflow import Turns
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


@define(eq=False, repr=False)
class SourceMaker:
    """What every source is made with.

    Attributes:
        config: In force.
        random: A number from 0 up to 1.
        wall_clock: Tells the time of day.
        instance: The process's own number among those that mine on its nodes.
        files: Where found blocks are kept.
        turns: When what pools send is taken.
    """

    config: Config
    reactor: Reactor
    random: Callable[[], float]
    wall_clock: Callable[[], UnixTime]
    instance: int
    files: BlockFiles
    turns: Turns
    _sessions: Iterator[int] = field(factory=lambda: count(1), init=False)

    def pool(self, pool: PoolConfig) -> Pool:
        """Return the pool of an entry of the configuration."""
        address = read_pool_url(pool.url)
        trust = Trust.of(pool.fingerprint, pool.ca_file)
        return Pool(
            pool,
            address,
            lambda where: endpoint_of(self.reactor, where, trust),
            self.reactor,
            self.random,
            lambda: next(self._sessions),
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

    def node(self, node: NodeConfig) -> tuple[NodeService, NodeSource]:
        """Return the node of an entry, and the same as a source of work."""
        source = NodeSource(
            node.name,
            node.payout_address or "",
            Difficulty(node.min_block_difficulty),
            self.reactor,
            lambda: next(self._sessions),
            self.wall_clock,
            coinbase_prefixes(self.config, self.instance),
            self.files,
        )
        return NodeService(node_params(node), source, self.reactor), source


def coinbase_prefixes(config: Config, instance: int) -> dict[str, bytes]:
    """Return by site what the free bytes of its nodes' coinbases begin with."""
    return {
        site.name: prefix_of(instance, place) for place, site in enumerate(config.sites)
    }
