"""Our part in a cluster: made where there is one, since psycopg is an extra."""

import asyncio
from collections.abc import Awaitable, Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from twisted.internet.interfaces import IReactorTime

from proxy.config import Config
from proxy.config.cluster import ClusterSiteConfig
from proxy.controller.meter_poll import MeterPoller
from proxy.power.control.wall_clock import SteadyClock
from proxy.power.ports import SignalSource
from proxy.runtime.instance import kept_instance
from proxy.signals.build import meter_of, signals_of

if TYPE_CHECKING:
    from proxy.cluster.side import ClusterSide

    ClusterPart = ClusterSide
else:
    ClusterPart = Any

Note = Callable[[str, str, dict[str, Any]], None]
ClusterMaker = Callable[[Config, Note], "ClusterPart | None"]


def no_cluster(_: Config, __: Note) -> None:
    """Take no part in any: for tests."""


def cluster_part(
    loop: asyncio.AbstractEventLoop,
    clock: IReactorTime,
    wall_clock: SteadyClock,
    config: Config,
    note: Note,
) -> "ClusterPart | None":
    """Return our part in the cluster that the configuration names; None: in none.

    Raises:
        ImportError: psycopg is not installed.
        InstanceFileError: The proxy's number cannot be read.
    """
    if config.cluster is None:
        return None
    from proxy.cluster.outside import Outside  # noqa: PLC0415  (needs an extra)
    from proxy.cluster.side import ClusterSide  # noqa: PLC0415

    instance = config.proxy.instance
    if instance is None:  # the share process has drawn it
        instance = kept_instance(Path(config.proxy.state_dir)) or 0
    return ClusterSide.of(
        config,
        instance,
        loop=loop,
        clock=clock,
        wall_clock=wall_clock,
        note=note,
        outside=Outside(
            partial(_meter, loop, clock),
            partial(_signals, loop, clock, wall_clock),
            Path(config.proxy.state_dir),
        ),
    )


def _signals(
    loop: asyncio.AbstractEventLoop,
    reactor: Any,
    wall_clock: SteadyClock,
    site: ClusterSiteConfig,
    member: str,
) -> list[SignalSource]:
    """Return the signals of a whole site, for one member."""
    power = site.as_power
    return signals_of(site.name, power, reactor, wall_clock, loop, member=member)


def _meter(
    loop: asyncio.AbstractEventLoop, clock: IReactorTime, site: ClusterSiteConfig
) -> Callable[[], Awaitable[float | None]]:
    """Return what asks the meter of a whole site."""
    source = meter_of(site.as_power, loop)
    return _no_meter if source is None else MeterPoller(source, clock).look


async def _no_meter() -> float | None:
    return None
