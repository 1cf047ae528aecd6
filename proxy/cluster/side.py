"""A proxy's part in its cluster, put together: its halls, and who may lead."""

import asyncio
from collections.abc import Callable

from attrs import define, evolve, field
from twisted.internet.interfaces import IReactorTime

from protocol.units import Seconds, Watts
from proxy.cluster import order_table, tables
from proxy.cluster.candidate import Candidate
from proxy.cluster.found import Figures, Place
from proxy.cluster.listener import NoticeListener
from proxy.cluster.look import site_view
from proxy.cluster.member import HallNow, Member
from proxy.cluster.orders import Note, SiteOrders, body_of, order_by_hand
from proxy.cluster.outside import Outside
from proxy.cluster.session import DatabaseError, Session
from proxy.cluster.site_signals import SiteSignals, site_signals
from proxy.cluster.tables import GRANT_CHANNEL
from proxy.cluster.views import ClusterView
from proxy.config import Config, SiteConfig
from proxy.config.cluster import ClusterConfig, ClusterSiteConfig
from proxy.config.power import OPERATOR, PowerConfig
from proxy.power.allotment.rows import Times
from proxy.power.control.wall_clock import SteadyClock
from proxy.power.orders.budget import Envelope
from proxy.power.orders.order import Order
from proxy.power.site import SiteControl
from proxy.power.views.hall import hall_view
from proxy.power.views.show import figures
from proxy.runtime.quantities import si
from proxy.version import VERSION

FAILS_SAFE_AFTER = Seconds(35.0)
"""How long a hall goes on as it was when its controller dies: 30 s until the share
process acts by itself (`supervisor.unheard`), and a look of the control law."""


@define(eq=False, repr=False)
class ClusterSide:
    """What a controller has of its cluster.

    Attributes:
        config: `[cluster]`.
        name: The member's.
        instance: The proxy's.
        note: Puts an event into the logs of the halls.
        outside: What there is beside the database.
        candidates: By site.
        signals: Of whole sites, by site.
        members: By hall.
        drained: Halls that are to want nothing.
    """

    config: ClusterConfig
    name: str
    instance: int
    loop: asyncio.AbstractEventLoop
    clock: IReactorTime
    wall_clock: SteadyClock
    note: Note
    outside: Outside
    candidates: dict[str, Candidate] = field(factory=dict, init=False)
    signals: dict[str, SiteSignals] = field(factory=dict, init=False)
    members: dict[str, Member] = field(factory=dict, init=False)
    drained: frozenset[str] = field(default=frozenset(), init=False)
    _listener: NoticeListener = field(init=False)
    _times: Times = field(init=False)

    @classmethod
    def of(  # noqa: PLR0913
        cls,
        config: Config,
        instance: int,
        *,
        loop: asyncio.AbstractEventLoop,
        clock: IReactorTime,
        wall_clock: SteadyClock,
        note: Note,
        outside: Outside,
    ) -> "ClusterSide | None":
        """Return the part that the configuration gives us; None: none."""
        cluster = config.cluster
        if cluster is None:
            return None
        name = cluster.member or config.proxy.name
        return cls(cluster, name, instance, loop, clock, wall_clock, note, outside)

    def __attrs_post_init__(self) -> None:
        config = self.config
        self._times = Times(
            Seconds(config.poll_s), Seconds(config.ttl_s), Seconds(config.lease_s)
        )
        self._listener = NoticeListener(config.url, self.loop, self._heard)
        for site in config.sites:
            self.candidates[site.name] = self._candidate(site)
            self.signals[site.name] = self._signals(site)

    def start(self) -> None:
        """Begin; members begin with their halls."""
        self._listener.start()
        for candidate in self.candidates.values():
            candidate.start()
        for signals in self.signals.values():
            signals.start()

    async def stop(self) -> None:
        """End, and lead nothing any more."""
        for signals in self.signals.values():
            await signals.stop()
        self._listener.stop()
        for candidate in self.candidates.values():
            await candidate.stop()

    def member_of(self, hall: SiteConfig, power: PowerConfig, of: Config) -> Member:
        """Return the signal that hands a hall its grants; `look` is still to be set."""
        site = str(power.part_of)
        halls = [s for s in of.sites if s.power and s.power.part_of == site]
        name = self.name if len(halls) == 1 else f"{self.name}/{hall.name}"
        member = Member(
            hall.name,
            Place(site, name),
            int(power.unheard_w),
            self._times,
            Session(self.config.url, self.loop, f"member {name}", durable=False),
            self.clock,
            self.wall_clock,
        )
        member.note = self.note
        self.members[hall.name] = member
        return member

    def look_of(self, control: SiteControl, part_of: str) -> Callable[[], HallNow]:
        """Return what tells a hall's member how things stand there."""
        site = self.config.site(part_of)
        digest = "" if site is None else site.digest

        def look() -> HallNow:
            now = Seconds(self.clock.seconds())
            view, shown = hall_view(control, now), figures(control, now)
            said = Figures(
                digest=digest,
                power_w=0.0 if shown is None else shown.power_w,
                budget_w=0.0 if shown is None else shown.budget_w,
                state="" if shown is None else shown.state,
                instance=self.instance,
                release=VERSION,
                is_draining=control.name in self.drained,
                signals=dict(self.signals[part_of].leases),
            )
            down_s = Seconds(view.down_s + FAILS_SAFE_AFTER)
            need = () if said.is_draining else view.need
            return HallNow(view.committed_w, need, down_s, said)

        return look

    # what operators ask

    def views(self) -> list[ClusterView]:
        """Return every site."""
        return [self._view(candidate) for candidate in self.candidates.values()]

    async def set(
        self, site: str, watts: float, for_s: float | None, reason: str
    ) -> str:
        """Order a site to keep to a power; return what rules it then.

        Raises:
            DatabaseError: It may have been taken or not: look, and order it again.
        """
        candidate = self.candidates[site]
        order = order_by_hand(
            site,
            Watts(watts),
            0,
            self.wall_clock(),
            for_s=for_s,
            reason=reason,
        )
        candidate.keep(await self._take(candidate, order))
        candidate.look_soon()
        return f"order of {si(watts, 'W')} taken for {site}: its leader hands it on"

    async def clear(self, site: str) -> int:
        """Take back what operators ordered for a site; return how many orders.

        Raises:
            DatabaseError: Nobody knows whether that was done.
        """
        candidate = self.candidates[site]
        candidate.forget(OPERATOR)
        count = await candidate.session.run(
            lambda c: order_table.withdraw(c, site, OPERATOR)
        )
        candidate.look_soon()
        return count

    async def leave(self, member: str) -> int:
        """Forget a member that is known to be off; return at how many sites it was.

        Raises:
            DatabaseError: Nobody knows whether that was done.
        """
        session = next(iter(self.candidates.values())).session
        return await session.run(lambda c: tables.leave(c, member))

    async def _take(self, candidate: Candidate, order: Order) -> Order:
        site, body = candidate.site.name, body_of(order)
        seq = await candidate.session.run(
            lambda c: order_table.take_order(c, site, order.source, body)
        )
        if seq is None:
            raise DatabaseError(f"{site} is in no table: baseload cluster migrate")
        return evolve(order, seq=seq)

    def _view(self, candidate: Candidate) -> ClusterView:
        mine = [m for m in self.members.values() if m.place.site == candidate.site.name]
        described = self.signals[candidate.site.name].described
        return site_view(candidate, mine, described)

    def _candidate(self, site: ClusterSiteConfig) -> Candidate:
        envelope = Envelope(Watts(site.budget_w), Watts(site.fail_safe_w))
        return Candidate(
            site,
            self.name,
            self._times,
            Session(self.config.url, self.loop, f"candidate {self.name}", durable=True),
            SiteOrders(site.name, envelope, {}, self.wall_clock),
            self.note,
            self.clock,
            self.outside.meter(site),
            may_lead=self.config.may_lead,
        )

    def _signals(self, site: ClusterSiteConfig) -> SiteSignals:
        session = Session(
            self.config.url, self.loop, f"signals {self.name}", durable=True
        )
        found = self.outside.signals(site, self.name)
        path = self.outside.folder / f"orders-of-{site.name}.json"
        candidate = self.candidates[site.name]
        return site_signals(candidate, session, path, found, self.note)

    def _heard(self, channel: str, payload: str) -> None:
        if channel != GRANT_CHANNEL:
            if payload in self.candidates:
                self.candidates[payload].look_soon()
            return
        site, _, name = payload.partition("/")
        for member in self.members.values():
            if member.place == Place(site, name):
                member.poll_soon()
