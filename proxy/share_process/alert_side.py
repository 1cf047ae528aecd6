"""The alarms of a share process, and who is told of them, put together."""

from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

from protocol.units import Seconds, UnixTime
from proxy.admin.conditions import Conditions, is_well
from proxy.admin.operations import Operations
from proxy.admin.running import Running
from proxy.alerts.receivers import Sender
from proxy.alerts.service import Alerts
from proxy.alerts.told_file import TOLD_FILE, ToldFile
from proxy.config.model import ProxyConfig
from proxy.runtime.host_endpoint import Reactor


def alerts_of(
    running: Running,
    settings: ProxyConfig,
    reactor: Reactor,
    wall_clock: Callable[[], UnixTime],
    on_thread: Callable[[Callable[[], Any]], Awaitable[Any]],
) -> Alerts:
    """Return what watches a process and tells, before anybody is to be told.

    `on_thread` runs functions one after the other.
    """
    status = Operations(running).status
    conditions = Conditions(status, lambda: Seconds(reactor.seconds()))
    return Alerts(
        Sender(settings.name, reactor, wall_clock),
        conditions.look,
        lambda: is_well(status()),
        ToldFile(Path(settings.state_dir) / TOLD_FILE, on_thread),
    )
