"""A site's power as operators see it, and what a plan would do."""

import math
from fnmatch import fnmatchcase
from heapq import nsmallest
from itertools import islice

import attrs

from protocol.units import Seconds, Watts
from proxy.power.control.estimate import guard_at
from proxy.power.control.site_power import drawn
from proxy.power.control.step import is_measured
from proxy.power.evidence.windows import Proof
from proxy.power.journal.alarms import Alarm, AlarmName
from proxy.power.link.messages import SiteFigures
from proxy.power.machines.kinds import Mode
from proxy.power.machines.machine import Machine, top_ratio
from proxy.power.machines.share_proof import ShareSum
from proxy.power.orders.order import Order
from proxy.power.planner.plan import grant_within, plan
from proxy.power.planner.reasons import REASONS
from proxy.power.site import SiteControl
from proxy.power.views.at_rest import why_at_rest
from proxy.power.views.market import breakevens, price_view
from proxy.power.views.views import (
    AlarmView,
    HashView,
    MachineCounts,
    MachineView,
    MeterView,
    OrderView,
    PlanView,
    PowerView,
    StepView,
    order_view,
)
from proxy.power.views.voices import signal_views
from proxy.runtime.quantities import si

LOOKS_BACK = Seconds(300.0)
"""Over how long shares are stated: ten windows."""

MAX_HEADLINES = 8
"""Alarms of a site that status names; `power.show` has them all."""

MAX_STEPS = 1000
"""Steps listed in one dry run."""

MAX_ORDERS_SHOWN = 200
"""Of a site, in `power.show`."""

MACHINES_A_PAGE = 1000
"""As much as a line of the link has room for (1 MiB), twice over."""


def figures(site: SiteControl, now: Seconds) -> SiteFigures | None:
    """Return a site's power at a glance, None before its first look."""
    budget, sensed, cap = site.budget, site.sensed, site.cap
    if budget is None or sensed is None or cap is None:
        return None
    power, source = drawn(site.table, site.state, site.params, now)
    return SiteFigures(
        site.name,
        budget.watts,
        cap.hash_hs,
        power,
        source,
        sensed.state.safety.state.value,
        budget.reason,
        [_headline(alarm) for alarm in site.alarms.standing[:MAX_HEADLINES]],
        top_ratio(site.table.machines),
    )


def _headline(alarm: Alarm) -> str:
    return f"{alarm.machine}: {alarm.cause}" if alarm.machine else alarm.cause


def show(site: SiteControl, now: Seconds) -> PowerView | None:
    """Return all there is to see of a site's power, None before its first look."""
    head, budget, cap, sensed = figures(site, now), site.budget, site.cap, site.sensed
    if head is None or budget is None or cap is None or sensed is None:
        return None
    seen, expected = efficiency(site)
    evidence = site.share_checks.evidence
    return PowerView(
        site=site.name,
        budget_w=budget.watts,
        rule=budget.rule.value,
        ruled_by=budget.reason,
        next_change=budget.next_change,
        state=head.state,
        state_reason=sensed.state.safety.reason,
        power_w=head.power_w,
        power_source=head.power_source,
        cap_hs=cap.hash_hs,
        cap=attrs.asdict(cap),
        cap_text=str(cap),
        meter=_meter(site, now),
        orders=_orders(site),
        signals=signal_views(site, now),
        machines=_counts(site, now),
        hashrate=_hashes(evidence.site),
        tenants={n: _hashes(p) for n, p in evidence.tenants.items()},
        strangers=_hashes(evidence.strangers),
        joules_per_terahash=seen,
        expected_joules_per_terahash=expected,
        parked_work=evidence.parked_work,
        unauthorised_work=evidence.unauthorised_work,
        is_hidden_load=sensed.stance.is_hidden_load,
        alarms=_alarms(site, now),
        more_orders=max(0, len(site.orders.orders) - MAX_ORDERS_SHOWN),
        price=price_view(site, now),
    )


def machines(
    site: SiteControl, now: Seconds, workers: str, page: int
) -> list[MachineView]:
    """Return a page of the machines whose worker matches the glob `workers`."""
    found = (m for m in site.table.machines if fnmatchcase(m.worker, workers))
    start = page * MACHINES_A_PAGE
    return [
        _machine(site, m, now) for m in islice(found, start, start + MACHINES_A_PAGE)
    ]


def _machine(site: SiteControl, machine: Machine, now: Seconds) -> MachineView:
    fleet, row = site.table.fleet, machine.row
    return MachineView(
        machine=machine.key,
        worker=machine.worker,
        model=machine.kind.name,
        tenant=machine.kind.tenant,
        held_by=machine.mode.value,
        told_w=float(fleet.target_w[row]),
        power_w=machine.power_w,
        debt_h=float(fleet.debt_h[row]),
        state=_state(site, machine, now),
        hashrate=_hash_view(machine.hashing.shares),
        api=machine.api.value if machine.has_api else None,
        fault=machine.fault,
    )


def _state(site: SiteControl, machine: Machine, now: Seconds) -> str:
    is_running = site.table.level_of(machine) > 0
    claims = {
        "unresponsive": not machine.is_responsive,
        "absent": machine.is_absent(now),
        "hashes on": not is_running and machine.hashing.hashes_on,
        "silent": is_running and machine.hashing.has_stopped,
        "held": machine.is_held and not is_running,
        "under way": site.actuations.is_under_way(machine),
        "running": is_running,
    }
    return next((name for name, is_true in claims.items() if is_true), "stopped")


def dry_run(site: SiteControl, watts: Watts, now: Seconds) -> PlanView | None:
    """Return what would be done now under a budget of `watts`; nothing is."""
    fleet, estimate, params = site.table.fleet, site.state.estimate, site.params
    if site.cap is None:
        return None
    budget, aux = min(watts, site.orders.envelope.budget_w), params.estimate.aux
    is_seen = is_measured(site.state.meter, now, params)
    guard = guard_at(estimate, fleet, budget, params.estimate, is_measured=is_seen)
    allowed = aux.it_watts(budget * (1.0 - guard))
    grant = grant_within(allowed, aux.it_watts(budget), budget, estimate.bias)
    planned = plan(grant, fleet, now, params.plan)
    worth = breakevens(site)
    steps = [
        StepView(
            machine=site.table.machines[c.row].key,
            worker=site.table.machines[c.row].worker,
            model=site.table.machines[c.row].kind.name,
            before_w=float(fleet.level_w[c.row, c.before]),
            after_w=float(fleet.level_w[c.row, c.after]),
            hash_hs=float(
                fleet.level_h[c.row, c.after] - fleet.level_h[c.row, c.before]
            ),
            reason=REASONS[c.reason],
            breakeven=worth.get(site.table.machines[c.row].kind.name),
        )
        for c in islice(planned.commands(), MAX_STEPS)
    ]
    return PlanView(
        site=site.name,
        budget_w=budget,
        cap_hs=fleet.hashes_at(planned.level),
        watts=Watts(planned.watts - float(fleet.target_w.sum())),
        hash_hs=planned.hashrate_change,
        steps=steps,
        more=len(planned.rows) - len(steps),
        fail_safe_w=params.fail_safe_w,
        resting=int((planned.level == 0).sum()),
        note=why_at_rest(fleet, params.plan, now) if not steps else "",
    )


def consequence(would: PlanView | None, ordered: Watts) -> str:
    """Return what an order does to the machines, as the end of a sentence."""
    if would is None:
        return ""
    above = ""
    if ordered > would.budget_w:
        above = f"; no more than the contract's {si(would.budget_w, 'W')} is drawn"
    count = len(would.steps) + would.more
    if not count:
        return f", no machine changes{above}"
    takes = "takes" if would.hash_hs <= 0 else "gives"
    machines = "1 machine" if count == 1 else f"{count:,} machines"
    return f", it {takes} {machines} and {si(abs(would.hash_hs), 'H/s')}{above}"


def _meter(site: SiteControl, now: Seconds) -> MeterView | None:
    if site.params.meter is None:
        return None
    meter = site.state.meter
    fault = None if meter.fault is None else meter.fault.value
    return MeterView(meter.watts, fault, meter.lost_for(now))


def _orders(site: SiteControl) -> list[OrderView]:
    return [
        order_view(order)
        for order in nsmallest(MAX_ORDERS_SHOWN, site.orders.orders, key=_rank)
    ]


def _rank(order: Order) -> float:
    """Order those without an end first, the newest ahead; then who ends sooner."""
    return -order.received_at if order.expires is None else order.expires


def _counts(site: SiteControl, now: Seconds) -> MachineCounts:
    machines = site.table.machines
    return MachineCounts(
        total=len(machines),
        connected=sum(bool(m.miners) for m in machines),
        running=int((site.table.fleet.level > 0).sum()),
        unknown=sum(not m.kind.is_known for m in machines),
        unresponsive=sum(not m.is_responsive for m in machines),
        parked_only=sum(m.mode is Mode.PARKED for m in machines),
        absent=sum(m.is_absent(now) for m in machines),
        under_way=len(site.actuations),
        silent=site.alarms.machines(AlarmName.SILENT),
        hashing_on=site.alarms.machines(AlarmName.HASHES_ON),
    )


def _hashes(proof: Proof) -> HashView:
    return _hash_view(proof.over(LOOKS_BACK))


def _hash_view(total: ShareSum) -> HashView:
    low, high = total.interval()
    return HashView(total.hash_hs, low, high, total.shares)


def efficiency(site: SiteControl) -> tuple[float | None, float | None]:
    """Return J/TH as shares and watts show it, None if they tell nothing; by model."""
    fleet = site.table.fleet
    model_hs = fleet.hashes_at(fleet.level)
    model_w = site.state.estimate.reference * float(fleet.target_w.sum())
    expected = model_w / model_hs * 1e12 if model_hs > 0 else None
    looks = site.share_checks.balances.looks
    seen = looks[-1].at_most.observed if looks else math.inf
    return (seen if math.isfinite(seen) else None), expected


def _alarms(site: SiteControl, now: Seconds) -> list[AlarmView]:
    return [
        AlarmView(a.name.value, a.machine, a.cause, now - a.since, a.body)
        for a in site.alarms.standing
    ]
