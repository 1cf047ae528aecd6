"""A site's power as the proxy that runs has it: its meter's watts, its signals."""

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from proxy.admin.client import AdminError, call
from proxy.admin.listen import answers
from proxy.config import Config, SiteConfig
from proxy.doctor.check import Finding, fail, ok, skipped, warn
from proxy.doctor.plant import Machines
from proxy.doctor.running import TIMEOUT
from proxy.power.machines.describer import FleetRows
from proxy.power.machines.models import Models, find_model, models_with

MOST_OF_NAMEPLATE = 1.5
"""Of the machines' nameplate that a site draws at the most: overclocked, with fans."""

LEAST_OF_NAMEPLATE = 0.2
"""That machines at work draw at the least: no model is lowered further."""


_REMEDIES = {
    "login_refused": "set username and password of their row in [[sites.fleet]]",
    "foreign_pool": "look at their pool slots: what hashes there is not capped here",
    "models_wrong": "set the model of their row, or describe it in [[models]]",
    "absent": "look at their power and network",
    "silent": "look whether they hash, and for whom",
    "hashes_on": "switch them off at the feed if they must stop",
}
"""By an alarm over machines: what to do."""

NAMED = 3
"""Machines of a finding that are named; `alarms` has the others."""


def power(config: Config, machines: Machines) -> Iterator[Finding]:
    """Look at the power of each site that has settings for it."""
    sites = [site for site in config.sites if site.power is not None]
    path = Path(config.proxy.admin.removeprefix("unix:"))
    if not sites:
        return
    if not answers(path):
        yield skipped("power", "no proxy runs: signals and watts are not known")
        return
    try:
        shown = call(path, "power.show", {}, TIMEOUT)
    except AdminError as error:
        yield fail("power", str(error), "see the log for the site controller")
        return
    views = {view["site"]: view for view in shown}
    models = models_with(config.models)
    for site in sites:
        if site.name not in views:
            yield fail(f"power of {site.name}", "the proxy has none", "reload it")
            continue
        yield from signals(site, views[site.name])
        yield from obedience(site, views[site.name])
        yield from watts(site, views[site.name], nameplate(site, machines, models))


def signals(site: SiteConfig, view: Mapping[str, Any]) -> Iterator[Finding]:
    """Look whether each place that orders come from is heard."""
    for signal in view["signals"]:
        name = f"signal {signal['name']} of {site.name}"
        silent, lease = signal["silent_s"], signal["lease_s"]
        held = "" if lease is None else f", of a lease of {lease:g} s"
        if signal["has_lapsed"]:
            seen = "never heard" if silent is None else f"last heard {silent:.0f} s ago"
            remedy = "look at its address, credentials and sender"
            yield fail(name, f"{seen}{held}: the site is at its fail-safe", remedy)
        elif silent is None and lease is not None:
            remedy = "look whether its sender runs, and may reach this machine"
            yield warn(name, f"not heard since the start{held}", remedy)
        elif silent is None:
            yield ok(name, "nothing came yet; it needs no renewal")
        else:
            yield ok(name, f"last heard {silent:.0f} s ago{held}{_said(signal)}")


def obedience(site: SiteConfig, view: Mapping[str, Any]) -> Iterator[Finding]:
    """Tell what the site controller has met with at the site's machines.

    It asks each of them all the time: whether its password is good, its pool slots are
    ours, and its draw is its model's.
    """
    name = f"machines of {site.name}"
    found: dict[str, list[Mapping[str, Any]]] = {}
    for alarm in view["alarms"]:
        if alarm["alarm"] in _REMEDIES:
            found.setdefault(alarm["alarm"], []).append(alarm)
    if not found:
        yield ok(name, "no alarm over a login, a pool slot, a model or obedience")
    for kind, alarms in found.items():
        which = [alarm["machine"] for alarm in alarms if alarm["machine"]]
        more = f" and {len(which) - NAMED} more" if len(which) > NAMED else ""
        who = ", ".join(which[:NAMED]) + more
        cause = f"{kind}: {alarms[0]['cause']}"
        yield warn(name, f"{cause} ({who})" if who else cause, _REMEDIES[kind])


def watts(
    site: SiteConfig, view: Mapping[str, Any], most: float | None
) -> Iterator[Finding]:
    """Look whether the meter's watts can be those of the machines.

    Args:
        site: Whose.
        view: What `power show` says of it.
        most: Watts of all its machines by their nameplate; None: it is not known.
    """
    name, meter = f"watts of {site.name}", view["meter"]
    if meter is None:
        return
    drawn = meter["watts"]
    if drawn is None:
        why = meter["fault"] or "no reading yet"
        yield fail(name, why, "look at the meter; until then power is estimated")
        return
    seen = f"{drawn / 1e3:,.1f} kW by the meter"
    sign = "set sign = -1, or turn the current transformers"
    counts = view["machines"]
    if drawn < 0:
        yield fail(name, f"{seen}: below 0", sign)
    elif most is None:
        yield skipped(name, f"{seen}; no fleet row says what the machines may draw")
    elif drawn > MOST_OF_NAMEPLATE * most + _besides(site):
        remedy = (
            "look at its scale, and for machines that no row of the fleet describes"
        )
        yield fail(name, f"{seen}, {most / 1e3:,.1f} kW by nameplate", remedy)
    elif counts["running"] == counts["total"] and drawn < LEAST_OF_NAMEPLATE * most:
        remedy = "look at its scale, and whether it measures this site"
        yield fail(name, f"{seen}, {most / 1e3:,.1f} kW by nameplate at work", remedy)
    else:
        yield ok(name, f"{seen}, of {most / 1e3:,.1f} kW by nameplate")


def nameplate(site: SiteConfig, machines: Machines, models: Models) -> float | None:
    """Return the watts of the site's machines; None: one is described by no row."""
    rows = FleetRows(site.fleet)
    here = {
        (worker, address) for name, worker, address in machines if name == site.name
    }
    numbers = [rows.find(*one) for one in here]
    return _sum(None if n is None else _watts(site, n, models) for n in numbers)


def _watts(site: SiteConfig, number: int, models: Models) -> float:
    return float(find_model(site.fleet[number].model, models=models).watts)


def _said(signal: Mapping[str, Any]) -> str:
    last = signal.get("last_w")
    return "" if last is None else f": {last / 1e3:,.1f} kW"


def _besides(site: SiteConfig) -> float:
    """Return what the site is said to draw besides its machines, in watts."""
    return 0.0 if site.power is None else site.power.aux_w or 0.0


def _sum(found: Iterable[float | None]) -> float | None:
    total = 0.0
    for one in found:
        if one is None:
            return None
        total += one
    return total or None
