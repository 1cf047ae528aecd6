"""What a site draws, by the best witness that there is."""

from attrs import evolve

from protocol.units import Seconds, Watts
from proxy.power.control.fleet_evidence import FRESH
from proxy.power.control.step import SiteParams, SiteState, site_at
from proxy.power.journal.effects import Learned
from proxy.power.machines.table import Table

MOST = 0.5
"""Part of the watts that devices must speak for, to be asked in place of the model: the
larger part decides (`learning.TELLING`)."""


def state_at_start(
    table: Table, params: SiteParams, learned: Learned | None, now: Seconds
) -> SiteState:
    """Return the state of a site whose machines draw the most that they may.

    Args:
        table: As a restart found it.
        params: The site's.
        learned: What was learned before; None: nothing.
        now: The moment.
    """
    drawn_w = 0.0
    if table.machines:
        it_w = float(table.fleet.committed_w(now).sum())
        drawn_w = params.estimate.aux.site_watts(it_w)
    state = site_at(now, Watts(drawn_w))
    if learned is None:
        return state
    known = evolve(state.estimate, bias=learned.bias, reference=learned.reference)
    return evolve(state, estimate=known)


def by_model(table: Table, state: SiteState, params: SiteParams, now: Seconds) -> Watts:
    """Return what the site draws at the most by the model and its bias."""
    it_w = state.estimate.bias * float(table.fleet.committed_w(now).sum())
    return params.estimate.aux.site_watts(it_w)


def long_term(
    table: Table, state: SiteState, params: SiteParams, now: Seconds
) -> Watts:
    """Return the same by the long-term bias, which a load that comes lately spares."""
    it_w = state.estimate.reference * float(table.fleet.committed_w(now).sum())
    return params.estimate.aux.site_watts(it_w)


def standby(table: Table, params: SiteParams) -> Watts:
    """Return what the site draws at the most with every machine off, by the model."""
    it_w = params.estimate.bias_high * float(table.fleet.level_w[:, 0].sum())
    return params.estimate.aux.site_watts(it_w)


def drawn(
    table: Table, state: SiteState, params: SiteParams, now: Seconds
) -> tuple[Watts, str]:
    """Return what the site draws, and whose word that is.

    The meter's counts, else the devices' own where they speak for most of the
    watts, else the model's.
    """
    trusted = state.meter.trusted_w if params.meter else None
    if trusted is not None:
        return trusted, "meter"
    committed = table.fleet.committed_w(now)
    spoken_for = total = 0.0
    for machine, watts in zip(table.machines, committed.tolist(), strict=True):
        is_fresh = machine.power_w is not None and now - machine.heard_at < FRESH
        spoken_for += watts if is_fresh else 0.0
        total += (machine.power_w or 0.0) if is_fresh else watts
    if spoken_for > MOST * float(committed.sum()):
        return params.estimate.aux.site_watts(total), "telemetry"
    return by_model(table, state, params, now), "model"
