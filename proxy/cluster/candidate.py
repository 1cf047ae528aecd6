"""Who leads a site: each proxy looks once a poll, and takes over who stands still.

One who leads reads, thinks, and writes by compare-and-set: the leader's row must be
as it left it. If it is not, or no answer comes in time, it steps down and waits a
lease anew: what became of a write that was not answered is never guessed.
"""

from collections.abc import Awaitable, Callable
from functools import partial
from math import isnan
from typing import Any

from attrs import define, field
from twisted.internet.interfaces import IReactorTime
from twisted.logger import Logger

from protocol.units import Seconds
from proxy.cluster import order_table, tables
from proxy.cluster.coordinator import Coordinator, Step
from proxy.cluster.found import Found
from proxy.cluster.heard import Heard
from proxy.cluster.orders import Note, SiteOrders, body_of
from proxy.cluster.session import DatabaseError, Session
from proxy.config.cluster import ClusterSiteConfig
from proxy.power.allotment.election import Leader, Watch, is_outdated, next_epoch
from proxy.power.allotment.rows import Times
from proxy.power.orders.budget import Budget
from proxy.power.orders.order import Order
from proxy.runtime.periodic import PeriodicService
from proxy.runtime.tasks import Tasks

SiteMeter = Callable[[], Awaitable[float | None]]
"""Asks the meter of a whole site, within its own deadline; the leader alone does."""


@define(eq=False, repr=False)
class Candidate:
    """One proxy's part in leading one site.

    Attributes:
        site: As configured.
        me: The member's name.
        orders: The site's.
        found: The last look, None before the first.
        step: The last step as leader, None while another leads.
        meter: Asks the site's meter; None: there is none, or it is silent.
        may_lead: It takes over who stands still.
    """

    _log = Logger()

    site: ClusterSiteConfig
    me: str
    times: Times
    session: Session
    orders: SiteOrders
    note: Note
    clock: IReactorTime
    meter: SiteMeter
    may_lead: bool = field(default=True, kw_only=True)
    found: Found | None = field(default=None, init=False)
    step: Step | None = field(default=None, init=False)
    unknown: bool = field(default=False, init=False)
    _watch: Watch = field(init=False)
    _lead: Coordinator | None = field(default=None, init=False)
    _given: dict[tuple[str, int], Order] = field(factory=dict, init=False)
    _looks: PeriodicService = field(init=False)
    _tasks: Tasks = field(factory=Tasks, init=False)
    _is_looking: bool = field(default=False, init=False)
    _heard: Heard = field(factory=Heard, init=False)
    _answered_at: Seconds | None = field(default=None, init=False)
    _told: dict[str, str] = field(factory=dict, init=False)  # members that are refused

    def __attrs_post_init__(self) -> None:
        self._watch = Watch(self.times)
        poll = self.times.poll
        self._looks = PeriodicService(poll, self._look, self.clock, cancels=True)

    def start(self) -> None:
        """Begin to look."""
        self._looks.startService()

    async def stop(self) -> None:
        """Look no more; if we lead, lay that down, so that nobody waits."""
        if self._looks.running:
            await self._looks.stopService()
        await self._tasks.cancel_all()
        if self._lead is not None:
            mine = self._mine(self._lead)
            try:
                await self.session.run(
                    lambda c: tables.lay_down(c, self.site.name, mine)
                )
            except DatabaseError as error:
                self._log.debug("{error}", error=error)
        self.session.drop()

    def look_soon(self) -> None:
        """Look now: there are new orders, or a member has changed."""
        if self._looks.running and not self._is_looking:
            self._tasks.start("look at the cluster", self._look())

    @property
    def leads(self) -> bool:
        """We do."""
        return self._lead is not None

    @property
    def trim_w(self) -> float:
        """What the site's meter takes off, 0 while another leads."""
        return self._lead.trim_w if self._lead is not None else 0.0

    def budget(self) -> Budget:
        """Return what all halls of the site may draw."""
        return self.orders.budget(self._now())

    def answered_for(self) -> Seconds | None:
        """Return how long ago the database answered; None: not since the start."""
        at = self._answered_at
        return None if at is None else Seconds(self._now() - at)

    def silent_for(self, name: str) -> Seconds:
        """Return for how long nothing new was read of a member."""
        return self._heard.silent_for(name, self._now())

    def is_silent(self, name: str) -> bool:
        """Tell whether so long nothing was read of a member that no grant holds."""
        return self.silent_for(name) >= self.times.gone_after

    def keep(self, order: Order) -> None:
        """Give an order again if the table loses it: a failover took its commit."""
        if len(self._given) >= order_table.MAX_OF_SOURCE:
            self._given.pop(next(iter(self._given)))
        self._given[order.source, order.seq] = order

    def forget(self, source: str) -> None:
        """Give no order of a source again: it was withdrawn."""
        self._given = {k: o for k, o in self._given.items() if k[0] != source}

    async def _look(self) -> None:
        if self._is_looking:
            return
        self._is_looking = True
        try:
            await self._look_once()
        except DatabaseError as error:
            self._watch.missed()
            self._log.debug("{site}: {error}", site=self.site.name, error=error)
        finally:
            self._is_looking = False

    async def _look_once(self) -> None:
        found = await self.session.run(lambda c: tables.look(c, self.site.name))
        now = self._now()
        self.unknown = found is None
        if found is None:
            return
        self.found, self._answered_at = found, now
        self._heard.read(found.rows, now)
        self.orders.read(found.orders, found.spoken, now)
        self.orders.heard_by(found)
        await self._give_again()
        if self._lead is not None:
            await self._go_on(self._lead, found, now)
        elif self._watch.read(found.leader, now) and self.may_lead:
            await self._take_over(found)

    async def _take_over(self, found: Found) -> None:
        self._watch.again()
        old = found.leader
        epoch = next_epoch(old, found.rows.values())
        won = await self.session.run(
            lambda c: tables.take_over(c, self.site.name, old, epoch, self.me)
        )
        if not won:
            return
        now = self._now()
        self._lead = Coordinator.of(self.site, epoch, now, self.times)
        self._say("leader", f"{self.me} leads", {"epoch": epoch, "after": old.holder})

    async def _go_on(self, lead: Coordinator, found: Found, now: Seconds) -> None:
        mine = self._mine(lead)
        if found.leader != mine:
            self._step_down(f"{found.leader.holder or 'another'} leads")
            return
        if is_outdated(lead.term.epoch, found.rows.values()):
            self._step_down("another has led since, and a failover took that")
            return
        metered_w = await self.meter()
        if metered_w is not None and isnan(metered_w):
            metered_w = None
        step = lead.step(found, self.orders.budget(now), metered_w, now)
        try:
            written = await self.session.run(
                lambda c: tables.write(
                    c, self.site.name, mine, step.grants, step.changed
                )
            )
        except DatabaseError as error:
            self._step_down(str(error))
            raise
        if not written:
            self._step_down("another has begun to lead")
            return
        lead.beat += 1
        self.step = step
        self._tell_refused(step)
        for order in self.orders.over(now):
            await self.session.run(
                partial(
                    order_table.drop_order,
                    site=self.site.name,
                    source=order.source,
                    seq=order.seq,
                )
            )

    def _step_down(self, why: str) -> None:
        if self._lead is not None:
            epoch = self._lead.term.epoch
            self._say("leader", f"{self.me} leads no more: {why}", {"epoch": epoch})
        self._lead = self.step = None
        self._watch.again()

    async def _give_again(self) -> None:
        """Put back what we took and the table has lost, not what was withdrawn."""
        if not self._given:
            return
        there = {(order.source, order.seq) for order in self.orders.standing}
        over = {(order.source, order.seq) for order in self.orders.over(self._now())}
        newest: dict[str, int] = {}
        for source, seq in there:
            newest[source] = max(newest.get(source, 0), seq)
        for key, order in list(self._given.items()):
            source, seq = key
            if (
                key in over
                or newest.get(source, 0) > seq
                or (key not in there and not await self._gave_again(order))
            ):
                self._given.pop(key, None)

    async def _gave_again(self, order: Order) -> bool:
        return await self.session.run(
            partial(
                order_table.give_again,
                site=self.site.name,
                source=order.source,
                seq=order.seq,
                body=body_of(order),
            )
        )

    def _tell_refused(self, step: Step) -> None:
        for name, why in step.refused.items():
            if self._told.get(name) != why:
                self._log.error(
                    "{site}: {member} is granted its floor alone: {why}",
                    site=self.site.name,
                    member=name,
                    why=why,
                )
                self.note("member", f"{name} is refused: {why}", {"member": name})
        self._told = dict(step.refused)

    def _say(self, kind: str, cause: str, body: dict[str, Any]) -> None:
        self._log.info("{site}: {cause}", site=self.site.name, cause=cause)
        self.note(kind, cause, {"site": self.site.name, **body})

    def _mine(self, lead: Coordinator) -> Leader:
        return Leader(lead.term.epoch, lead.beat, self.me)

    def _now(self) -> Seconds:
        return Seconds(self.clock.seconds())
