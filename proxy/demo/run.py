"""`baseload demo`: run its services for a while, and show what they do."""

import errno
import shutil
import sys
from pathlib import Path
from tempfile import mkdtemp
from typing import Any

from twisted.internet import task
from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.defer import TimeoutError as DeadlineError
from twisted.internet.error import CannotListenError
from twisted.internet.task import deferLater
from twisted.logger import Logger, globalLogBeginner

from protocol.units import Seconds
from proxy.demo.output import (
    DemoEvent,
    Moment,
    Output,
    OutputClosedError,
    event_of,
    open_output,
)
from proxy.demo.services import Demo, DemoOptions
from proxy.runtime.logs import observer
from proxy.runtime.shutdown import until_shutdown

STOP_SECONDS = Seconds(10.0)
"""What has not stopped after so long is left to the end of the process."""

TRIES = 3
"""Starts, each with other ports."""


def run(options: DemoOptions) -> None:
    """Run the demo until its time is up, or Ctrl-C; exit status 0 for both."""
    lines, _ = observer(sys.stderr, as_json=False, secrets=(), level=options.level)
    globalLogBeginner.beginLoggingTo([lines], redirectStandardIO=False)
    task.react(lambda reactor: Deferred.fromCoroutine(_main(reactor, options)))


async def _main(reactor: Any, options: DemoOptions) -> None:
    try:
        await until_shutdown(reactor, lambda: _demo(reactor, options))
    except OutputClosedError as error:
        raise SystemExit(1) from error
    except CannotListenError as error:
        sys.stderr.write(f"baseload: {error}\n")
        raise SystemExit(1) from error


async def _demo(reactor: Any, options: DemoOptions) -> None:
    began = reactor.seconds()
    for tries_left in reversed(range(TRIES)):
        output = open_output(options.output)
        try:
            summary = await _once(reactor, options, output, began)
        except CannotListenError as error:
            if not tries_left or not _is_taken(error):
                raise
        else:
            output.end(summary)
            return


async def _once(
    reactor: Any, options: DemoOptions, output: Output, began: float
) -> DemoEvent:
    """Run one demo to its end; return what became of it."""
    folder = Path(mkdtemp(prefix="baseload-demo-"))
    demo = Demo(reactor, options, folder)
    try:
        await _show(demo, output, began)
    except CancelledError:
        pass  # Ctrl-C ends a demo as well as its time does
    finally:
        status, ran = demo.status(), Seconds(reactor.seconds() - began)
        output.close()
        await _stop(demo)
        shutil.rmtree(folder, ignore_errors=True)
    return event_of("summary", ran, status)


def _is_taken(error: CannotListenError) -> bool:
    return getattr(error.socketError, "errno", None) == errno.EADDRINUSE


async def _show(demo: Demo, output: Output, began: float) -> None:
    await demo.start()
    reactor, left = demo.reactor, output.every
    while left > 0:
        status = demo.status()
        if status is not None:
            look = await demo.look(status, is_whole=output.is_whole)
            at = Seconds(reactor.seconds() - began)
            output.show(Moment(at, status, look, demo.scene, demo.way))
        if demo.options.for_s is not None:
            at = Seconds(reactor.seconds() - began)
            left = Seconds(min(output.every, demo.options.for_s - at))
        await deferLater(reactor, max(left, 0.0))


async def _stop(demo: Demo) -> None:
    stopping = Deferred.fromCoroutine(demo.stop())
    try:
        await stopping.addTimeout(STOP_SECONDS, demo.reactor)
    except DeadlineError:
        Logger("proxy").critical("not stopped after {s} s", s=STOP_SECONDS)
