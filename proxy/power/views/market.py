"""What a price makes of a site: its models, what they earn, what the others draw."""

from collections import defaultdict

import numpy as np

from protocol.units import HashesPerSecond, Seconds, Watts
from proxy.power.control.site_power import drawn
from proxy.power.orders.market import Market, ModelGroup, breakeven, earned
from proxy.power.site import SiteControl
from proxy.power.views.views import ModelPriceView, PriceView

LOOKS_BACK = Seconds(300.0)
"""Over how long shares are stated, as `show`."""


def models(site: SiteControl) -> list[ModelGroup]:
    """Return the machines of a site by model, the most efficient model first.

    Those that no fleet row describes earn nothing that is known: they are the last.
    """
    fleet = site.table.fleet
    full_w, full_h = fleet.full_w, fleet.level_h[fleet.rows, fleet.top]
    groups: list[ModelGroup] = []
    for name, rows in _rows_by_model(site).items():
        is_known = site.table.machines[rows[0]].kind.is_known
        groups.append(
            ModelGroup(
                name,
                len(rows),
                Watts(float(full_w[rows].mean())),
                HashesPerSecond(float(full_h[rows].mean()) if is_known else 0.0),
                int(np.count_nonzero(fleet.level[rows])),
            )
        )
    return sorted(groups, key=lambda group: -group.hash_hs / group.watts)


def needs_w(site: SiteControl, runs: frozenset[str]) -> Watts:
    """Return the watts under which machines of some models run, and no others.

    With what the others draw at rest, what cooling and network do, and the room that
    is kept under every budget: at the most one machine more fits into that.
    """
    fleet, estimate, params = site.table.fleet, site.state.estimate, site.params
    watts = np.where(fleet.responsive, fleet.level_w[:, 0], fleet.full_w)
    for name, rows in _rows_by_model(site).items():
        if name in runs:
            watts[rows] = fleet.full_w[rows]
    aux = params.estimate.aux
    needed = aux.site_watts(estimate.bias * float(watts.sum()))
    largest = float(fleet.full_w.max(initial=0.0)) if runs else 0.0
    part = params.estimate.guard.unmeasured
    return Watts(max(needed + largest, needed / (1.0 - part)))


def price_view(site: SiteControl, now: Seconds) -> PriceView | None:
    """Return what a price makes of a site; None: it has no price signal."""
    market = site.market
    if market is None:
        return None
    groups = models(site)
    power_w, _ = drawn(site.table, site.state, site.params, now)
    proven = site.share_checks.evidence.site.over(LOOKS_BACK).hash_hs
    cost, hashprice = market.cost, market.hashprice
    return PriceView(
        source=market.source,
        currency=market.currency,
        price=market.price,
        adders=market.adders,
        cost=cost,
        hashprice=hashprice,
        worth=market.worth,
        until=market.until,
        known_until=market.known_until,
        earned_h=None if hashprice is None else earned(proven, hashprice),
        paid_h=None if cost is None else cost * power_w / 1e6,
        saved_h=_saved(groups, market),
        models=[
            ModelPriceView(
                g.model,
                g.count,
                g.running,
                None if hashprice is None else breakeven(g.hash_hs, g.watts, hashprice),
                g.model in market.shed,
            )
            for g in groups
        ],
    )


def breakevens(site: SiteControl) -> dict[str, float]:
    """Return the breakeven of each model, a MWh; empty: hashprice is not known."""
    market = site.market
    if market is None or market.hashprice is None:
        return {}
    worth = market.hashprice
    return {g.model: breakeven(g.hash_hs, g.watts, worth) for g in models(site)}


def _saved(groups: list[ModelGroup], market: Market) -> float | None:
    """Return what the machines that rest would cost more than they earned, an hour."""
    if market.cost is None or market.hashprice is None:
        return None
    return sum(
        (g.count - g.running)
        * (market.cost * g.watts / 1e6 - earned(g.hash_hs, market.hashprice))
        for g in groups
        if g.model in market.shed
    )


def _rows_by_model(site: SiteControl) -> dict[str, list[int]]:
    rows: dict[str, list[int]] = defaultdict(list)
    for row, machine in enumerate(site.table.machines):
        rows[machine.kind.name].append(row)
    return rows
