"""What operators may see and do, over the parts of a running share process."""

from typing import Annotated

from msgspec import Meta
from twisted.internet.interfaces import IReactorTime

from protocol.units import Seconds, UnixTime
from proxy.admin.alert_operations import AlertOperations
from proxy.admin.bans import BanOperations
from proxy.admin.capture import CaptureOperations
from proxy.admin.cluster import ClusterOperations, cluster_of
from proxy.admin.drain import DrainOperations
from proxy.admin.log import LogOperations
from proxy.admin.machine_places import PlaceOperations
from proxy.admin.miner_pages import MinerPages, parts_of
from proxy.admin.miner_query import MinerPage, MinerQuery, Order, State, refuse_long
from proxy.admin.parking import ParkOperations
from proxy.admin.pool_orders import PoolOperations
from proxy.admin.pool_views import pool_view
from proxy.admin.power import PowerOperations, power_of
from proxy.admin.refused import Refused
from proxy.admin.running import Running
from proxy.admin.source_views import NodeView, PoolView
from proxy.admin.views import (
    BlockCounts,
    ChangeView,
    Done,
    LimitView,
    MinerCounts,
    MinerView,
    ReloadView,
    ShareCounts,
    SiteView,
    StatusView,
)
from proxy.admin.why import REJECTS_SHOWN, WhyView, why_view
from proxy.config import ConfigError
from proxy.downstream.connection import SiteFactory
from proxy.downstream.miner import Miner
from proxy.runtime.slices import Pieces
from proxy.shares.reader import MAX_ROWS, LedgerReader, RecordedBlock, RecordedShare
from proxy.version import VERSION

DAY = 86400.0

MAX_WHY = 5
"""Miners of one worker that are explained; each costs a look through the ledger."""

PIECES_TIME = Seconds(0.002)
"""What the pieces of all pages may take of a turn of the reactor: shares come first."""

Limited = Annotated[int, Meta(ge=1, le=MAX_ROWS)]


class Operations:
    """The methods of the admin socket."""

    def __init__(self, running: Running, reader: LedgerReader | None = None) -> None:
        self._running = running
        self._reader = reader
        self.power = PowerOperations(lambda: running.power)
        self.log = LogOperations(lambda: running.power)
        self.cluster = ClusterOperations(lambda: running.power)
        self.pool = PoolOperations(running)
        drains = DrainOperations(running, self._now)
        self.drain, self.undrain = drains.drain, drains.undrain
        self._pages = MinerPages(
            lambda: running.factories, self._now, Pieces(self._clock, PIECES_TIME).turn
        )
        bans = BanOperations(lambda: running.factories, self._now, self._pages.turn)
        self.ban, self.unban, self.bans = bans.ban, bans.unban, bans.bans
        parking = ParkOperations(running, self._pages.turn)
        self.capture = CaptureOperations(running, self._named, self._clock)
        self.park, self.unpark = parking.park, parking.unpark
        self.places = PlaceOperations(running, self._pages.page).places
        alerts = AlertOperations(lambda: running.alerts)
        self.alarms, self.test_alert = alerts.alarms, alerts.test_alert

    def status(self) -> StatusView:
        """Return the whole process at a glance."""
        totals = self._running.recorder.totals
        return StatusView(
            version=VERSION,
            name=self._running.config.proxy.name,
            state=self._state(),
            waits_for=self._waits_for(),
            uptime_s=self._now() - self._running.started_at,
            engine=self._running.engine.name,
            ledger=self._running.ledger.state,
            ledger_reason=self._running.ledger.reason,
            unrecorded=self._running.ledger.unrecorded,
            kept_since=self._running.ledger.reach,
            sites=self.sites(),
            pools=self.pool_views(),
            nodes=self.nodes(),
            blocks=BlockCounts(
                totals.blocks_found, totals.blocks_accepted, totals.blocks_unlisted
            ),
            limits=[LimitView.of(limit) for limit in self._running.limits.all()],
            by_hand=self._running.by_hand.views(),
            cluster=cluster_of(self._running.power, self._running.shipped),
        )

    def sites(self) -> list[SiteView]:
        """Return every site."""
        return [
            self._site(name, factory)
            for name, factory in self._running.factories.items()
        ]

    async def pools(self) -> list[PoolView]:
        """Return every pool, with its verdicts beside ours for the last 24 hours."""
        views = self.pool_views()
        if self._reader is not None and views:
            now = self._running.wall_clock()
            rows = await self._reader.reconcile(UnixTime(now - DAY), UnixTime(now + 1))
            for view in views:
                view.hours = [row for row in rows if row.pool == view.name]
        return views

    def pool_views(self) -> list[PoolView]:
        """Return every pool as it is now."""
        pools = self._running.pools.values()
        return [pool_view(pool, self._running, self._now()) for pool in pools]

    def nodes(self) -> list[NodeView]:
        """Return every node."""
        running = self._running
        return [
            NodeView.of(
                node,
                running.node_sources[name],
                running.instance,
                running.by_hand.view_of(name),
            )
            for name, node in running.nodes.items()
        ]

    async def miners(
        self,
        filter: str = "*",  # noqa: A002  (its name on the wire)
        page: int = 0,
    ) -> list[MinerView]:
        """Return a page of the miners whose worker matches the glob."""
        refuse_long(filter)
        return await self._pages.page(filter, page)

    async def miner_page(  # noqa: PLR0913  (parameters on the wire)
        self,
        *,
        filter: str = "*",  # noqa: A002
        page: int = 0,
        text: str = "",
        state: State | None = None,
        site: str | None = None,
        sort: Order | None = None,
    ) -> MinerPage:
        """Return a page of the miners that are asked for, and how many there are."""
        refuse_long(filter, text)
        if site is not None and site not in self._running.factories:
            raise Refused(f"no site {site!r}: see `baseload sites`")
        return await MinerQuery(filter, text, state, site, sort).run(self._pages, page)

    async def why(self, miner: str) -> list[WhyView]:
        """Return why a miner, by id or by worker, is as it is."""
        views = []
        for name, one in await self._named(miner):
            ruled_by = power_of(self._running.power, name)["ruled_by"]
            worker = next(iter(one.workers), None)
            rejects = await self._rejects(worker)
            views.append(why_view(name, one, ruled_by, rejects, self._now()))
        if not views:
            raise Refused(f"no miner {miner!r}: see `baseload miners`")
        return views

    async def blocks(self, limit: Limited = 20) -> list[RecordedBlock]:
        """Return the newest blocks in the ledger, the newest first."""
        return [] if self._reader is None else await self._reader.recent_blocks(limit)

    async def kick(self, miner: str) -> Done:
        """Hang up on miners, by id or by worker."""
        gone = 0
        for factory in self._running.factories.values():
            for some in parts_of(factory):
                those = [m for m in some if str(m.id) == miner or miner in m.workers]
                gone += len(those)
                factory.errands.run(
                    those, lambda m: m.drop("kicked by an operator"), "kicking"
                )
                await self._pages.turn()
        if not gone:
            raise Refused(f"no miner {miner!r}: see `baseload miners`")
        return Done(True, f"hung up on {gone}")

    async def reload(
        self,
        dry_run: bool = False,  # noqa: FBT001, FBT002  (a parameter on the wire)
    ) -> ReloadView:
        """Read the configuration again and take it on, or say what that would do."""
        try:
            found = await self._running.reload(dry_run=dry_run)
        except ConfigError as error:
            raise Refused(str(error)) from error
        keys = ", ".join(change.key for change in found) or "nothing new"
        how = "would be in force: " if dry_run else "now in force: "
        changes = [ChangeView(one.key, one.kind, one.what) for one in found]
        return ReloadView(not dry_run, how + keys, changes)

    async def places_of(self, name: str) -> list[tuple[str, str]]:
        """Return site and worker of the miners of an id or a worker."""
        found = [
            (site, str(worker))
            for site, one in await self._named(name)
            for worker in one.workers
            if worker == name or str(one.id) == name
        ]
        return list(dict.fromkeys(found))

    async def _named(self, name: str) -> list[tuple[str, Miner]]:
        """Return miners of an id or a worker, each with its site's name."""
        found: list[tuple[str, Miner]] = []
        for site, factory in self._running.factories.items():
            for some in parts_of(factory):
                those = [m for m in some if str(m.id) == name or name in m.workers]
                found += [(site, one) for one in those]
                await self._pages.turn()
        return found[:MAX_WHY]

    async def _rejects(self, worker: str | None) -> list[RecordedShare]:
        if self._reader is None or worker is None:
            return []
        return await self._reader.recent_rejects(worker, REJECTS_SHOWN)

    def _state(self) -> str:
        factories = self._running.factories.values()
        if factories and all(factory.roster.is_draining for factory in factories):
            return "draining"
        is_open = len(factories) == len(self._running.config.sites)
        return "running" if is_open and not self._waits_for() else "starting"

    def _waits_for(self) -> list[str]:
        factories = self._running.factories.values()
        names = [
            name
            for factory in factories
            for name in factory.context.board.layout.waits_for
        ]
        return list(dict.fromkeys(names))

    @property
    def _clock(self) -> IReactorTime:
        return self._running.recorder.clock

    def _now(self) -> Seconds:
        return Seconds(self._clock.seconds())

    def _site(self, name: str, factory: SiteFactory) -> SiteView:
        totals = self._running.recorder.totals.sites[name]
        parking, connected = factory.context.parking, len(factory.roster.miners)
        active = min(factory.roster.active, connected - parking.parked)
        return SiteView(
            name=name,
            **power_of(self._running.power, name),
            hashrate_hs=totals.meter.rates(self._now()),
            miners=MinerCounts(connected, active, parking.parked),
            shares=ShareCounts(
                totals.accepted,
                dict(totals.rejected),
                dict(totals.lost),
                parking.tally.parked_work,
                parking.tally.unauthorised_work,
                dict(parking.rejected),
            ),
            source=factory.context.board.source_name,
            slow_readers=factory.slow_readers,
            tls_failures=factory.tls_failures.count,
            draining=factory.roster.is_draining,
        )
