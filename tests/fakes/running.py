"""A share process in memory: sites and sources over a reactor without sockets."""

from pathlib import Path
from typing import Any, cast

import msgspec
from twisted.internet.defer import Deferred
from twisted.internet.error import CannotListenError
from twisted.internet.testing import MemoryReactorClock
from typing_extensions import override

from protocol.units import Seconds, UnixTime
from protocol.work.hashrate import HashrateMeter
from proxy.admin.by_hand import ByHand
from proxy.config import Config
from proxy.downstream.connection import SiteFactory
from proxy.downstream.fast.choice import EngineChoice
from proxy.downstream.site_context import SiteContext
from proxy.node.service import NodeService
from proxy.node.source import NodeSource
from proxy.runtime.descriptors import UNLIMITED, Descriptors
from proxy.runtime.ordered_services import OrderedServices
from proxy.share_process.changes import Change
from proxy.share_process.layout_memory import LayoutMemory
from proxy.share_process.reload import Reloader
from proxy.share_process.sites import SiteBuilder
from proxy.share_process.sources import build_sources
from proxy.share_process.sources_service import SourcesService
from proxy.shares.record import Recorder
from proxy.shares.totals import ProxyTotals, SiteTotals
from proxy.supervisor.questions import AskRefusedError
from proxy.upstream.pool import Pool
from tests.builders import a_work
from tests.fakes.ledger import MemoryLedger

POOL = {"name": "main", "url": "stratum+tcp://127.0.0.1:3333", "user": "a"}
SITE: dict[str, Any] = {
    "name": "hall-a",
    "listen": ["tcp:3333"],
    "sources": ["main"],
    "difficulty": {"start": 64, "minimum": 32, "maximum": 4096},
}


def config_of(
    site: dict[str, Any] | None = None,
    pools: list[dict[str, Any]] | None = None,
    nodes: list[dict[str, Any]] | None = None,
    **proxy: Any,
) -> Config:
    """Return a configuration of one site."""
    tables = {
        "proxy": proxy,
        "pools": pools or [POOL],
        "nodes": nodes or [],
        "sites": [{**SITE, **(site or {})}],
    }
    return msgspec.convert(tables, Config, dec_hook=lambda kind, value: kind(value))


class Sockets(MemoryReactorClock):
    """Some of its ports are taken."""

    def __init__(self) -> None:
        super().__init__()
        self.taken: set[int] = set()
        self.open_ports: list[int] = []

    @override
    def listenTCP(self, port: int, *arguments: Any, **keywords: Any) -> Any:
        if port in self.taken:
            raise CannotListenError("", port, OSError(98, "Address already in use"))
        opened: Any = super().listenTCP(port, *arguments, **keywords)
        self.open_ports.append(port)
        opened.stopListening = lambda: self.open_ports.remove(port)
        return opened


class Power:
    """The controller's side.

    Attributes:
        refusal: Why it takes nothing on; empty: it does.
        config: In force.
    """

    def __init__(self, config: Config) -> None:
        self.refusal = ""
        self.config = config

    async def check(self, _: Config) -> None:
        if self.refusal:
            raise AskRefusedError(self.refusal)

    async def take_on(self, config: Config) -> None:
        self.config = config


class Running:
    """Sites and sources of `config`, at work."""

    def __init__(self, folder: Path, config: Config) -> None:
        self.config = config
        self.reactor = Sockets()
        self.wall_s = 1_700_000_000.0
        reactor: Any = self.reactor
        path = folder / "by_hand.json"
        self.by_hand = ByHand(path, self.wall_clock, reactor)
        self.shipped = None
        self.levels: list[str] = [config.proxy.log_level]
        wall = self.wall_clock
        sources = build_sources(config, reactor, lambda: 0.0, wall, 1)
        now = Seconds(0.0)
        totals = ProxyTotals(
            {s.name: SiteTotals(HashrateMeter(now)) for s in config.sites}
        )
        self.recorder = recorder = Recorder(
            MemoryLedger(), totals, sources.sinks, reactor
        )
        for source in sources.all.values():
            source.settle = recorder.settled
        self.root = OrderedServices()
        self.sources = SourcesService(sources, config, reactor, wall)
        self.sources.setServiceParent(self.root)
        self.builder = SiteBuilder(
            self.root,
            sources,
            recorder,
            reactor,
            wall,
            lambda: 0.0,
            lambda: cast("Any", "keys"),
            lambda: None,
            EngineChoice("python", "in memory"),
            LayoutMemory(folder / "layouts"),
            Descriptors(UNLIMITED, lambda: 0),
            self.by_hand.arranged,
        )
        self.by_hand.on_sources = self.builder.rearrange
        self.by_hand.service().setServiceParent(self.root)
        self.power = Power(config)
        self.root.startService()
        self.factories: dict[str, SiteFactory] = {
            site.name: self.builder.open(site) for site in config.sites
        }
        for listener in self.builder.listeners:
            _ = Deferred.fromCoroutine(listener.ready())
        self.reloader = Reloader(
            self.builder,
            self.sources,
            cast("Any", self.power),
            self.levels.append,
            self._in_force,
        )

    def reload(self, new: Config, *, dry_run: bool = False) -> list[Change]:
        """Return what a reload changed; what refuses it is raised."""
        results: list[Any] = []
        applying = self.reloader.apply(self.config, new, dry_run=dry_run)
        _ = Deferred.fromCoroutine(applying).addBoth(results.append)
        (result,) = results
        if hasattr(result, "raiseException"):
            result.raiseException()
        found: list[Change] = result
        return found

    def _in_force(self, config: Config) -> None:
        self.config = config

    def wall_clock(self) -> UnixTime:
        return UnixTime(self.wall_s)

    @property
    def pools(self) -> dict[str, Pool]:
        return self.sources.sources.pools

    @property
    def nodes(self) -> dict[str, NodeService]:
        return self.sources.sources.nodes

    @property
    def node_sources(self) -> dict[str, NodeSource]:
        return self.sources.sources.node_sources

    def give_work(self, name: str) -> None:
        """Have every open connection to a pool bring its first work."""
        pool = self.pools[name]
        pool.room = 8
        for link in pool.links:
            _ = Deferred.fromCoroutine(link._tasks.cancel_all())  # it dials no more
            link.feed.work = a_work(source=name, session=id(link), extranonce2_size=8)
            link.feed.ready_since = Seconds(self.reactor.seconds())
            pool._on_work("hall-a", link, 0)

    def pass_time(self, seconds: int) -> None:
        for _ in range(seconds):
            self.wall_s += 1
            self.reactor.advance(1)

    def stop(self) -> None:
        _ = Deferred.fromCoroutine(self.root._stop())
        self.pass_time(3)

    def state(self) -> dict[str, Any]:
        """Return all that the configuration decides."""
        sources = self.sources.sources
        return {
            "level": self.levels[-1],
            "power": [(s.power, s.fleet) for s in self.power.config.sites],
            "ports": sorted(self.reactor.open_ports),
            "pools": {n: (p.config, p.home) for n, p in sources.pools.items()},
            "sinks": {n: len(one.sinks) for n, one in sources.sinks.items()},
            "nodes": {n: node.params for n, node in sources.nodes.items()},
            "payouts": {n: s.payout_address for n, s in sources.node_sources.items()},
            "blocks": {
                name: [target.name for target in source.submitter.targets]
                for name, source in sources.node_sources.items()
            },
            "watches": {
                name: watch.node.node_name
                for name, watch in self.sources._watches.items()
            },
            "sites": {name: self._site(name) for name in self.factories},
        }

    def _site(self, name: str) -> Any:
        service, factory = self.builder.services[name], self.factories[name]
        board, context = factory.context.board, factory.context
        ports = {
            key: (
                port.policy.listener,
                port.policy.context.policy,
                port.policy.context.start,
            )
            for key, port in service.ports.open.items()
        }
        routes = [(r.pattern, [s.name for s in r.sources]) for r in board.routes]
        current = self.sources.sources.all
        is_current = all(current[s.name] is s for s in board.routes.sources)
        groups = [
            (board._groups.key_of(group), group.sourcing.names)
            for group in board.groups
        ]
        return (
            ports,
            routes,
            is_current,
            sorted(groups, key=str),
            factory.roster.limits,
            _bounds(context),
            context.parking.returns_per_second,
            (service._hold, board._lifecycle.fail_back),
            sorted(s.name for s in board.slots.sources),
        )


def _bounds(context: SiteContext) -> Any:
    return context.policy, context.start, context.parking.grants_at_once
