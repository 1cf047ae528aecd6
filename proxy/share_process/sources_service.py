"""Pools and nodes as they run: started, looked after, exchanged and stopped."""

from collections.abc import Callable, Iterable

from twisted.application.service import MultiService
from twisted.internet.defer import Deferred, maybeDeferred
from twisted.internet.interfaces import IReactorTime
from twisted.logger import Logger
from typing_extensions import override

from protocol.units import Seconds, UnixTime
from proxy.config import Config
from proxy.jobs.sourcing import LEAVE_WITHIN, ORPHAN_GRACE
from proxy.node.pool_watch import PoolWatch
from proxy.node.service import NodeService
from proxy.node.source import NodeSource
from proxy.runtime.pauses import Pauses
from proxy.runtime.periodic import PeriodicService
from proxy.runtime.tasks import Tasks
from proxy.share_process.sources import SourceChange, Sources
from proxy.upstream.pool import Pool

LEFT_BY_ALL = Seconds(LEAVE_WITHIN + ORPHAN_GRACE + 1.0)
"""From then on no group has a source open that was removed: each has looked."""


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
        self.sources = sources
        self._clock = clock
        self._wall_clock = wall_clock
        self._pauses = Pauses(Seconds(clock.seconds()))
        self._left: dict[Pool | NodeSource, Seconds] = {}
        self._left_nodes: dict[NodeService, Seconds] = {}
        self._tasks = Tasks()
        self._watches: dict[str, PoolWatch] = {}
        self._watch(config)
        looking = PeriodicService(Seconds(1.0), self._look, clock)
        looking.setServiceParent(self)
        for node in sources.nodes.values():
            node.setServiceParent(self)

    @override
    def startService(self) -> None:
        super().startService()
        for source in list(self.sources.node_sources.values())[:1]:
            source.submitter.resume()  # they share the folder, and reach every node

    @override
    async def stopService(self) -> None:
        for source in self._all_node_sources():
            await source.submitter.stop()
        await self.sources.maker.files.stop()
        await super().stopService()
        left = [one for one in self._left if isinstance(one, Pool)]
        for pool in [*self.sources.pools.values(), *left]:
            await Deferred.fromCoroutine(pool.stop())
        await self._tasks.cancel_all()

    def take_on(self, change: SourceChange) -> list[Pool | NodeSource]:
        """Run the sources of `change` from now on; the others while they are left.

        Returns:
            The new ones.
        """
        known = list(self.sources.all.values())
        now = Seconds(self._clock.seconds())
        before = list(self.sources.nodes.values())
        for source in self.sources.take_on(change):
            self._left[source] = now
        nodes = list(self.sources.nodes.values())
        for node in nodes:
            if node not in before:
                node.setServiceParent(self)
        self._left_nodes |= {node: now for node in before if node not in nodes}
        self._watch(change.config)
        return [one for one in self.sources.all.values() if one not in known]

    def _all_node_sources(self) -> Iterable[NodeSource]:
        left = [one for one in self._left if isinstance(one, NodeSource)]
        return [*self.sources.node_sources.values(), *left]

    def _watch(self, config: Config) -> None:
        """Hold the pools against nodes that are to be; those as before go on."""
        sources, known = self.sources, self._watches
        self._watches = {}
        for pool in config.pools:
            if not pool.check_against:
                sources.pools[pool.name].contradicted = ""
                continue
            node, before = sources.nodes[pool.check_against], known.get(pool.name)
            if before is None or before.node is not node:
                before = PoolWatch(pool.name, node, self._wall_clock)
            self._watches[pool.name] = before

    async def _look(self) -> None:
        now = Seconds(self._clock.seconds())
        if self._pauses.must_listen_first(now):
            return
        for pool in self.sources.pools.values():
            pool.check()
        for name, watch in self._watches.items():
            with self._log.failuresHandled("a look at the work of {pool}", pool=name):
                self._compare(self.sources.pools[name], watch, now)
        if self._left or self._left_nodes:
            self._forget_left(now)

    def _compare(self, pool: Pool, watch: PoolWatch, now: Seconds) -> None:
        watch.check(pool.work, now)
        pool.contradicted = watch.found.text if watch.found else ""

    def _forget_left(self, now: Seconds) -> None:
        for source in [s for s, at in self._left.items() if now - at >= LEFT_BY_ALL]:
            del self._left[source]
            self.sources.forget(source)
            self._log.info("{source} is hung up on: removed", source=source.name)
            stop = source.stop if isinstance(source, Pool) else source.submitter.stop
            self._tasks.start(f"leave {source.name}", stop())
        over = [n for n, at in self._left_nodes.items() if now - at >= LEFT_BY_ALL]
        for node in over:
            del self._left_nodes[node]
            self._tasks.start(f"leave {node.node_name}", self._end(node))

    async def _end(self, node: NodeService) -> None:
        await maybeDeferred(node.disownServiceParent)
