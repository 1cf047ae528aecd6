"""One site under control: what is heard goes in, what is to be done comes out."""

from collections.abc import Iterator, Sequence

import attrs
from attrs import define, field

from protocol.units import Seconds, UnixTime
from proxy.power.actuation.actuate import Actuations
from proxy.power.actuation.admission import Admission
from proxy.power.actuation.held_off import HeldOff
from proxy.power.actuation.polls import Foreign, Polls
from proxy.power.actuation.presence import Presence
from proxy.power.actuation.verify import is_meter_consistent
from proxy.power.control.cap import Cap
from proxy.power.control.estimate_state import CONTROL_PERIOD
from proxy.power.control.evidence_looks import EvidenceLooks
from proxy.power.control.load_alarms import tell
from proxy.power.control.news import SiteNews
from proxy.power.control.site_power import by_model, long_term, state_at_start
from proxy.power.control.step import (
    Moment,
    Sensed,
    SiteParams,
    SiteState,
    act,
    sense,
    taken_over,
)
from proxy.power.control.wall_clock import WallClock
from proxy.power.evidence.checks import ShareChecks
from proxy.power.evidence.energy import EnergyMeter
from proxy.power.evidence.windows import ShareEvidence
from proxy.power.journal.alarms import Alarms
from proxy.power.journal.effects import Call, Effects, Learned
from proxy.power.journal.outbox import SiteOutbox
from proxy.power.link.messages import FleetReport
from proxy.power.machines.holds import Holds
from proxy.power.machines.machine import Machine
from proxy.power.machines.proven import working_share
from proxy.power.machines.table import Table
from proxy.power.orders.budget import Budget
from proxy.power.orders.market import Market
from proxy.power.orders.order import Order
from proxy.power.orders.orders import OrderBook, OrderBookState
from proxy.power.orders.receipt import Receipt
from proxy.power.planner.plan import Plan, Urgency
from proxy.power.planner.reasons import in_words
from proxy.power.ports import NO_LOGIN, DeviceError, DeviceReport, Login

SOON = Seconds(1.0)  # while machines come that were never seen
TAKEOVER = Seconds(60.0)
"""After the start: what the site is found to draw is taken over and no rise."""

ROOM_FOR_NEW = "seen for the first time, and there is room for it"


@define(eq=False, repr=False)
class SiteControl:
    """Control of one site, without a clock, a socket or a disk.

    Whoever runs it calls `tick` each second, hands in what is heard, and after each
    call does what `drain` returns.

    Attributes:
        foreign: Tells which of a device's pool slots lead elsewhere.
        is_urgent: Something was heard that `tick` should look at now.
        said_of: How each signal stands, for people, by its name.
        market: What a price signal steers by; None: there is none.
    """

    name: str
    params: SiteParams
    orders: OrderBook
    table: Table
    foreign: Foreign
    outbox: SiteOutbox = field(init=False)
    wall: WallClock = field(factory=WallClock, init=False)
    state: SiteState = field(init=False)
    budget: Budget | None = field(default=None, init=False)
    sensed: Sensed | None = field(default=None, init=False)
    cap: Cap | None = field(default=None, init=False)
    alarms: Alarms = field(init=False)
    share_checks: ShareChecks = field(init=False)
    admission: Admission = field(init=False)
    actuations: Actuations = field(init=False)
    polls: Polls = field(init=False)
    presence: Presence = field(init=False)
    energy: EnergyMeter = field(init=False)
    is_urgent: bool = field(default=False, init=False)
    said_of: dict[str, str] = field(factory=dict, init=False)
    market: Market | None = field(default=None, init=False)
    _evidence: EvidenceLooks = field(init=False)
    _news: SiteNews = field(init=False)
    _held_off: HeldOff = field(init=False)
    _chores: Iterator[bool] | None = field(default=None, init=False)
    _began_at: Seconds = field(init=False)
    _acted_at: Seconds = field(init=False)

    def __attrs_post_init__(self) -> None:
        self.outbox = SiteOutbox(self.name)
        self._news = SiteNews(self.outbox)
        self._held_off = HeldOff(self.table, self.outbox)
        self._evidence = EvidenceLooks(self.table)

    def begin(self, now: Seconds, at: UnixTime, learned: Learned | None = None) -> None:
        """Start, once the table and the orders hold what a restart found."""
        self.outbox.at, self._began_at = at, now
        self._acted_at = Seconds(now - CONTROL_PERIOD)
        self.alarms = Alarms(self.outbox.log)
        self.share_checks = ShareChecks(self.table, self.alarms, ShareEvidence(now))
        self.energy = EnergyMeter(self.table, now)
        self.state = state_at_start(self.table, self.params, learned, now)
        table, outbox = self.table, self.outbox
        self.admission = Admission(table, outbox)
        self.actuations = Actuations(table, outbox, self.admission)
        self.polls = Polls(table, self.actuations, outbox, self.alarms, self.foreign)
        self.presence = Presence(
            table, self.admission, self.polls, self.share_checks, outbox
        )
        body = {"machines": len(self.table.machines), "orders": len(self.orders.orders)}
        self.outbox.log("start", "the controller starts", body)

    def drain(self) -> Effects:
        """Return what is to be done since the last call."""
        return self.outbox.drain()

    def take(
        self,
        orders: Sequence[Order],
        now: Seconds,
        at: UnixTime,
        instead_of: str | None = None,
    ) -> Receipt:
        """Take in orders; a taken one is to be acted on at once."""
        self.outbox.at = at
        before = self.orders.orders
        moments = self.wall.moments(now, at)
        receipt = self.orders.take(orders, now, moments, instead_of)
        if not receipt.is_taken:
            self._news.of_untaken(orders, receipt.reason)
        elif self.orders.orders != before:
            self._news.of_orders(orders, before, instead_of)
            self.is_urgent = True
        return receipt

    def withdraw(self, source: str, cause: str, at: UnixTime) -> int:
        """Forget the orders of `source`; return how many there were."""
        self.outbox.at = at
        count = self.orders.withdraw(source)
        if count:
            self._news.of_withdrawn(source, count, cause)
            self.is_urgent = True
        return count

    def take_back(
        self,
        orders: Sequence[Order],
        said: OrderBookState,
        why: str,
        now: Seconds,
        at: UnixTime,
    ) -> bool:
        """Undo what was taken or withdrawn since `said`, unless it lowers the budget.

        Returns whether it does, and so holds, though those who gave the orders are
        told that they were refused.
        """
        self.outbox.at = at
        self._news.of_refused(orders, why)
        return not self.orders.put_back(said, now, self.wall.moments(now, at))

    def report(self, report: FleetReport, now: Seconds, at: UnixTime) -> None:
        """Take in what changed among the site's miners."""
        self.outbox.at = at
        self.presence.report(report, now)

    def hold_off(self, holds: Holds, at: UnixTime) -> None:
        """Hold machines off, as an operator says; it is to be acted on at once."""
        self.outbox.at = at
        self._held_off.begin(holds)
        self.is_urgent |= self._held_off.go_on()

    def forget(self, pattern: str, now: Seconds, at: UnixTime) -> int:
        """Forget absent machines; see `Presence.forget`."""
        self.outbox.at = at
        return self.presence.forget(pattern, now)

    def answered(
        self, call: Call, error: DeviceError | None, now: Seconds, at: UnixTime
    ) -> None:
        """Take in how a command to a device ended; None: acknowledged."""
        self.outbox.at = at
        self.actuations.answered(call, error, now)

    def reported(
        self, key: str, report: DeviceReport | None, now: Seconds, at: UnixTime
    ) -> None:
        """Take in what a device says of itself; None: it does not answer."""
        self.outbox.at = at
        self.polls.reported(key, report, now)

    def login_of(self, address: str) -> Login:
        """Return what the device API at an address is shown."""
        machine = self.table.find(address)
        return NO_LOGIN if machine is None else machine.kind.login

    def tick(self, now: Seconds, at: UnixTime, reading: float | None) -> None:
        """Look at the site and act if it is time to.

        Args:
            now: Of the monotonic clock.
            at: Of the wall clock.
            reading: The meter's watts, NaN if it says so, None if it is silent.
        """
        self.outbox.at = at
        budget = self.orders.budget(now, self.wall.moments(now, at))
        is_new = self._news.of_budget(self.budget, budget)
        self.budget = budget
        self.presence.mind_absent(now)
        sensed = sense(
            self.state,
            self.table.fleet,
            budget,
            reading,
            now=now,
            params=self.params,
            silence=budget.silence,
            evidence=self._evidence.at(now),
        )
        self.state, self.sensed = sensed.state, sensed
        expected = by_model(self.table, self.state, self.params, now)
        self._news.of_stance(sensed)
        usual = long_term(self.table, self.state, self.params, now)
        tell(self.alarms, sensed, usual, now)
        is_metered = is_meter_consistent(sensed.state.meter.trusted_w, expected)
        self.outbox.effects.calls += self.polls.tick(now, is_metered=is_metered)
        self.admission.tick(now, self.actuations.is_under_way)
        self.is_urgent |= is_new or sensed.stance.urgency is not Urgency.NORMAL
        period = SOON if self.table.new else CONTROL_PERIOD
        if self.is_urgent or now - self._acted_at >= period:
            self._act(sensed, budget, now)
        self._chores = self._count(budget, now, at)

    @property
    def is_behind(self) -> bool:
        """There is more to be done at once than was done in one go: `go_on`."""
        parts = (self.actuations, self.polls, self._held_off)
        return self._chores is not None or any(part.is_behind for part in parts)

    def go_on(self, now: Seconds, at: UnixTime) -> None:
        """Do some more of it, commands first."""
        self.outbox.at = at
        if self.actuations.is_behind:
            self.actuations.go_on(now)
        elif self.polls.is_behind:
            self.outbox.effects.calls += self.polls.go_on(now)
        elif self._held_off.is_behind:
            self.is_urgent |= self._held_off.go_on()
        elif self._chores is not None and not next(self._chores, False):
            self._chores = None

    def _count(self, budget: Budget, now: Seconds, at: UnixTime) -> Iterator[bool]:
        """Count shares and energy, and yield True where something else may be."""
        if self.cap is not None:
            hash_hs = self.cap.hash_hs
            yield from self.share_checks.steps(hash_hs, self.state, self.params, now)
        yield True
        self.energy.tick(self.state, self.params, budget.watts, now, at)

    def _act(self, sensed: Sensed, budget: Budget, now: Seconds) -> None:
        elapsed = Seconds(now - self._acted_at)
        self._acted_at, self.is_urgent = now, False
        self.table.age(elapsed)
        new = self.table.adopt(now)
        if now - self._began_at < TAKEOVER and sensed.stance.may_raise:
            sensed = taken_over(sensed, self.params)
        self.presence.note_cold(self.state.looks, self.params.estimate, now)
        working = working_share(self.table.fleet, self.table.machines, now)
        moment = Moment(now, self.outbox.at, elapsed, working)
        action = act(sensed, self.table.fleet, budget, moment, self.params)
        self.state, self.cap = action.state, action.cap
        if action.plan.reason.any():
            self.outbox.log("cap", str(action.cap), attrs.asdict(action.cap))
        self._command(action.plan, new, now)

    def _command(self, plan: Plan, new: list[Machine], now: Seconds) -> None:
        """Tell the machines what the plan wants of them, those going down first."""
        machines, rows = self.table.machines, plan.ordered()
        reasons = plan.reason[rows].tolist()
        told = dict(zip(rows.tolist(), in_words(reasons), strict=True))
        for machine in new:
            told.setdefault(machine.row, ROOM_FOR_NEW)
        self.table.command(plan.level, now, new)
        self.actuations.command_all((machines[r], why) for r, why in told.items())
