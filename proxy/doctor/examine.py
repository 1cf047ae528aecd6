"""All checks of a configuration, at once."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import partial

from proxy.config import Config
from proxy.doctor import (
    documents,
    host,
    log,
    plant,
    power,
    running,
    shared,
    state,
    stratum,
    utility,
)
from proxy.doctor.check import Check, Finding, Round, fail, ok, warn
from proxy.node.check import NodeReport

AskNodes = Callable[[Config], Iterable[NodeReport]]


def examine(
    config: Config,
    ask_nodes: AskNodes,
    wall_clock: Callable[[], float],
    patience: float = 1.0,
) -> list[Finding]:
    """Return what was found.

    Args:
        config: Sound.
        ask_nodes: Returns what its nodes say; called on this thread.
        wall_clock: Returns Unix seconds.
        patience: Times as long as each check is usually waited for.
    """
    tips: dict[str, str] = {}
    begun = Round(list(_checks(config, wall_clock, patience, tips)), patience)
    reports = list(ask_nodes(config)) if config.nodes else []
    return [*begun.findings(), *_nodes(reports), *_tips(tips, reports)]


def _checks(
    config: Config,
    wall_clock: Callable[[], float],
    patience: float,
    tips: dict[str, str],
) -> Iterator[Check]:
    machines = state.known_machines(config)
    count = len(machines) or None
    yield Check("installation", partial(host.installed, config))
    yield Check("open files", partial(host.open_files, count))
    yield Check("kernel", host.kernel)
    yield Check("memory", partial(host.memory, count))
    yield Check("clock", host.clock)
    yield Check("state folder", partial(state.folder, config))
    yield Check("databases", partial(state.databases, config))
    yield Check("proxy", partial(running.running, config), 2 * running.TIMEOUT)
    yield Check("log", partial(log.log, config, wall_clock), 10.0)
    look = partial(power.power, config, machines)
    yield Check("power", look, 2 * running.TIMEOUT)
    look = partial(documents.documents, config, wall_clock)
    yield Check("documents", look, 2 * running.TIMEOUT)
    if config.cluster is not None:
        yield Check("cluster", partial(shared.cluster, config), shared.WITHIN_S)
    for pool in config.pools:
        look = partial(stratum.pool, pool, wall_clock, patience, tips)
        yield Check(f"pool {pool.name}", look, stratum.WITHIN_S)
    for site in config.sites:
        yield Check(f"meter of {site.name}", partial(plant.meter, site))
        if site.power is not None and site.power.trip_input is not None:
            look = partial(plant.contact, site.name, site.power.trip_input)
            yield Check(f"trip input of {site.name}", look)
        for signal in site.power.signals if site.power is not None else ():
            if signal.kind == "openadr3":
                name = f"utility of {site.name}, {signal.source}"
                look = partial(utility.utility, site.name, signal, wall_clock)
                yield Check(name, look, 2 * utility.WITHIN_S + 1.0)
        look = partial(plant.devices, site, machines, wall_clock)
        yield Check(f"devices of {site.name}", look, 10.0)


def _nodes(reports: Iterable[NodeReport]) -> Iterator[Finding]:
    for report in reports:
        name = f"node {report.name}"
        if report.ok:
            seen = f"{report.version} on {report.chain}, height {report.height}"
            yield ok(name, f"{seen}, {report.text}")
        else:
            yield fail(name, report.text, "mend it, or what [[nodes]] says of it")


def _tips(tips: Mapping[str, str], reports: Iterable[NodeReport]) -> Iterator[Finding]:
    """Hold the blocks that pools build on against those of our nodes."""
    known = {report.name: report.tip for report in reports if report.ok and report.tip}
    for pool, tip in tips.items():
        name = f"tip of {pool}"
        if tip in known.values():
            yield ok(name, f"its job builds on our nodes' newest block, {tip[-16:]}")
        elif known:
            ours = ", ".join(f"{node} has {of[-16:]}" for node, of in known.items())
            remedy = "look again: if no block has just come, one is stuck or of a fork"
            yield warn(name, f"its job builds on {tip[-16:]}, {ours}", remedy)
