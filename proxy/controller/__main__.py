"""The controller's process: `python -m proxy.controller`, started by the share process.

It speaks over the socket that it finds as file descriptor 3, and ends with it.
"""

import asyncio
import logging
import signal
import socket
import time
from contextlib import ExitStack
from functools import partial
from typing import Any

from twisted.internet import asyncioreactor
from twisted.internet.defer import Deferred
from twisted.internet.threads import deferToThreadPool
from twisted.logger import globalLogBeginner, globalLogPublisher

from protocol.units import UnixTime
from proxy.config import Config
from proxy.controller.adapters import AdapterMaker
from proxy.controller.cluster_part import cluster_part
from proxy.controller.program import Controller
from proxy.power.control.wall_clock import SteadyClock
from proxy.runtime.child import CHILD_FD
from proxy.runtime.collector import calm_collector
from proxy.runtime.log_libraries import take_in_libraries
from proxy.runtime.logs import file_or_stderr, open_log
from proxy.runtime.tasks import Tasks


def main() -> None:
    """Run until the link is closed."""
    logging.getLogger("pymodbus.logging").setLevel(logging.CRITICAL)  # it raises, too
    loop = asyncio.new_event_loop()
    asyncio.set_event_loop(loop)  # before the reactor, or awaits hang
    asyncioreactor.install(loop)
    from twisted.internet import reactor  # noqa: PLC0415, TID251  (just installed)

    running: Any = reactor
    running.seconds = time.monotonic  # noqa: TID251  (Twisted's own can be stepped)
    with ExitStack() as at_exit:
        _run(loop, running, at_exit)


def _run(loop: asyncio.AbstractEventLoop, running: Any, at_exit: ExitStack) -> None:
    tasks = Tasks()
    wall_clock = SteadyClock(_wall_clock, running.seconds)
    controller = Controller(
        running,
        wall_clock,
        AdapterMaker(loop, running, wall_clock).adapters_of,
        begin_logging=partial(_begin_logging, at_exit),
        leave=lambda: tasks.start("leave", _leave(controller, running)),
        run=partial(deferToThreadPool, running, running.getThreadPool()),
        cluster_of=partial(cluster_part, loop, running, wall_clock),
    )
    running.callWhenRunning(_open, running, controller)
    calm_collector()
    running.run()


def _open(reactor: Any, controller: Controller) -> None:
    """Take the link. Signals are for the share process, which then closes it.

    Whoever sends them to the whole group would else end this process twice.
    """
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGUSR1):
        signal.signal(number, signal.SIG_IGN)
    reactor.addSystemEventTrigger(
        "before",
        "shutdown",
        lambda: Deferred.fromCoroutine(controller.stop()),
    )
    reactor.adoptStreamConnection(CHILD_FD, socket.AF_UNIX, controller.factory)


async def _leave(controller: Controller, reactor: Any) -> None:
    await controller.stop()
    reactor.stop()


def _begin_logging(at_exit: ExitStack, config: Config) -> None:
    proxy = config.proxy
    log = open_log(
        _wall_clock,
        as_json=proxy.log == "json",
        secrets=config.secrets,
        level=proxy.log_level,
        out=file_or_stderr(proxy.log_file, proxy.log_max_bytes, proxy.log_keep),
    )
    at_exit.callback(log.close)
    globalLogBeginner.beginLoggingTo([log.observer], redirectStandardIO=False)
    take_in_libraries(globalLogPublisher)


def _wall_clock() -> UnixTime:
    return UnixTime(time.time())  # noqa: TID251  (where the clock comes in)


if __name__ == "__main__":
    main()
