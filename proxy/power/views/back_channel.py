"""What those who give orders read back of a site, in whatever protocol."""

from typing import Any

import numpy as np

from protocol.setpoint.points import Points
from protocol.units import Seconds, UnixTime
from proxy.power.control.site_power import drawn
from proxy.power.journal.alarms import AlarmName
from proxy.power.machines.fleet import Fleet
from proxy.power.orders.receipt import InForce
from proxy.power.site import SiteControl
from proxy.power.views.show import LOOKS_BACK, efficiency
from proxy.power.views.voices import lease_left, voice_of


def points(site: SiteControl, source: str, now: Seconds) -> Points:
    """Return the list of points of a site for who gives it orders as `source`."""
    voice = voice_of(site, source, now)
    newest = None if voice is None else voice.newest
    last, left = None if newest is None else newest.seq, lease_left(site, voice)
    budget, sensed, cap = site.budget, site.sensed, site.cap
    if budget is None or sensed is None:
        return Points(lease_left_s=left, last_order=last)
    fleet = site.table.fleet
    power, _ = drawn(site.table, site.state, site.params, now)
    raisable = fleet.responsive & ~fleet.held
    more = float((fleet.full_w - fleet.target_w)[raisable].sum())
    return Points(
        power_w=power,
        budget_w=budget.watts,
        cap_hs=None if cap is None else cap.hash_hs,
        available_down_10s_w=_sheddable(fleet, Seconds(10.0)),
        available_down_60s_w=_sheddable(fleet, Seconds(60.0)),
        available_up_w=max(0.0, min(more, budget.watts - power)),
        hashrate_hs=site.share_checks.evidence.site.over(LOOKS_BACK).hash_hs,
        energy_wh=site.energy.total_wh,
        joules_per_terahash=efficiency(site)[0],
        machines_told=len(fleet),
        machines_running=int(np.count_nonzero(fleet.level)),
        machines_obeying=int(np.count_nonzero(fleet.responsive)),
        lease_left_s=left,
        state=sensed.state.safety.state.value,
        last_order=last,
        alarms=tuple(dict.fromkeys(a.name.value for a in site.alarms.standing)),
    )


def in_force(site: SiteControl) -> InForce:
    """Return what rules a site, whoever said it."""
    orders, budget = tuple(site.orders.orders), site.budget
    if budget is None:
        return InForce(orders=orders)
    return InForce(budget.watts, budget.reason, budget.next_change, orders)


def note_refused(
    site: SiteControl, word: dict[str, Any], why: str, at: UnixTime
) -> None:
    """Put into the event log that a signal's word was not taken."""
    site.outbox.at = at
    site.outbox.log("refused", why, word)


def note_clock(
    site: SiteControl, source: str, skew_s: Seconds | None, now: Seconds, at: UnixTime
) -> None:
    """Raise or end the alarm that the clock of `source` differs from ours."""
    site.outbox.at = at
    name = AlarmName.CLOCK
    if skew_s is None:
        site.alarms.lapses(name, now)
        return
    where = "ahead of" if skew_s > 0 else "behind"
    why = f"the clock of {source} is {abs(skew_s):.0f} s {where} ours"
    site.alarms.holds(name, why, {"source": source, "skew_s": skew_s}, now)


def _sheddable(fleet: Fleet, within: Seconds) -> float:
    """Return the watts that machines which obey can be rid of within a time."""
    quick = fleet.responsive & (fleet.t_down <= within)
    return float((fleet.target_w - fleet.level_w[:, 0])[quick].sum())
