"""Our part in a cluster: made where there is one, since psycopg is an extra."""

import asyncio
from collections.abc import Awaitable, Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from twisted.internet.interfaces import IReactorTime

from proxy.config import Config
from proxy.config.cluster import ClusterSiteConfig
from proxy.config.power import PowerConfig
from proxy.controller.meter_poll import MeterPoller
from proxy.power.control.wall_clock import SteadyClock
from proxy.runtime.instance import kept_instance
from proxy.signals.build import meter_of

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
    from proxy.cluster.side import ClusterSide  # noqa: PLC0415  (needs an extra)

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
        meters=partial(_meter, loop, clock),
    )


def _meter(
    loop: asyncio.AbstractEventLoop, clock: IReactorTime, site: ClusterSiteConfig
) -> Callable[[], Awaitable[float | None]]:
    """Return what asks the meter of a whole site."""
    power = PowerConfig(
        budget_w=site.budget_w, fail_safe_w=site.fail_safe_w, meter=site.meter
    )
    source = meter_of(power, loop)
    return _no_meter if source is None else MeterPoller(source, clock).look


async def _no_meter() -> float | None:
    return None
