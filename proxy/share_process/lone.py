"""Run what is no share process until it is told to stop: simulators, node, witness.

Each takes the reactor for itself, and ends the process with it.
"""

import argparse
import asyncio
import os
import sqlite3
import sys
import time
from collections.abc import Awaitable, Callable, Coroutine
from functools import partial
from pathlib import Path
from typing import Any, NoReturn

import msgspec
from twisted.internet import asyncioreactor, task
from twisted.internet.defer import Deferred
from twisted.internet.error import CannotListenError
from twisted.internet.threads import deferToThreadPool
from twisted.logger import globalLogBeginner

from protocol.units import UnixTime
from proxy.config import Config
from proxy.config.witness import WitnessConfig
from proxy.node.check import NodeReport
from proxy.oversight import witness_server
from proxy.oversight.own_meter import OwnMeter
from proxy.oversight.signing import LogKeyError, Signer
from proxy.runtime.logs import observer
from proxy.runtime.one_thread import OneThread
from proxy.runtime.shutdown import signals_kept, until_shutdown
from proxy.share_process.sources import ask_nodes
from proxy.signals.build import meter_source


def wall_clock() -> UnixTime:
    """Return the time of day."""
    return UnixTime(time.time())  # noqa: TID251  (where the clock comes in)


def run_fleet(arguments: argparse.Namespace) -> NoReturn:
    """Run simulated ASICs until their time is up or Ctrl-C, then exit."""
    from proxy.sim import command  # noqa: PLC0415  (a run needs no simulator)

    options = command.options_from(arguments)

    async def simulate(reactor: Any) -> None:
        await command.run_fleet(reactor, options)

    _react(simulate)


def run_plant(arguments: argparse.Namespace) -> NoReturn:
    """Run a simulated plant until its time is up or Ctrl-C, then exit."""
    from proxy.sim import plant_command as command  # noqa: PLC0415

    options = command.options_from(arguments)

    async def simulate(reactor: Any) -> None:
        await command.run_plant(reactor, options)

    _react(simulate)


def run_regtest(arguments: argparse.Namespace) -> NoReturn:
    """Run an embedded regtest node until Ctrl-C, then exit."""
    from proxy.regtest import command  # noqa: PLC0415

    lines, _ = observer(sys.stderr, as_json=False, secrets=(), level="warn")
    globalLogBeginner.beginLoggingTo([lines], redirectStandardIO=False)
    options = command.options_from(arguments)

    async def serve(reactor: Any) -> None:
        await command.run_regtest(reactor, options, wall_clock, os.urandom)

    _react(serve)


def run_witness(settings: WitnessConfig, *, as_json: bool) -> NoReturn:
    """Cosign logs of others until Ctrl-C or SIGTERM, then exit."""
    lines, _ = observer(sys.stderr, as_json=as_json, secrets=(), level="warn")
    globalLogBeginner.beginLoggingTo([lines], redirectStandardIO=False)

    def opened(where: str, signer: Signer) -> None:
        told = {"vkey": signer.key.text, "listens_on": where}
        text = f"{signer.key.text}\nlistens on {where}\n"
        line = msgspec.json.encode(told).decode() + "\n"
        sys.stdout.write(line if as_json else text)
        sys.stdout.flush()

    loop = asyncio.new_event_loop()
    if settings.meter is not None:  # its library is of asyncio
        asyncioreactor.install(loop)

    async def serve(reactor: Any) -> None:
        on_thread = partial(deferToThreadPool, reactor, reactor.getThreadPool())
        running = await witness_server.serve(
            settings, reactor, wall_clock, on_thread, opened
        )
        meter = _own_meter(settings, loop, reactor, on_thread)
        try:
            await Deferred()
        finally:
            if meter is not None:
                await meter.stop()
            await running.stop()

    async def watched(reactor: Any) -> None:
        try:
            await serve(reactor)
        except (LogKeyError, CannotListenError, sqlite3.Error, OSError) as error:
            sys.stderr.write(f"baseload: {error}\n")
            raise SystemExit(1) from error

    _react(watched)


def _own_meter(
    settings: WitnessConfig,
    loop: asyncio.AbstractEventLoop,
    reactor: Any,
    on_thread: Callable[[Callable[[], Any]], Awaitable[Any]],
) -> OwnMeter | None:
    """Return the meter that a witness reads, started; None: it reads none."""
    if settings.meter is None:
        return None
    source, folder = meter_source(settings.meter, loop), Path(settings.state)
    run = OneThread(on_thread).run
    found = OwnMeter(source, folder, reactor, wall_clock, run)
    found.start()
    return found


def check_nodes(config: Config) -> list[NodeReport]:
    """Return what each node of `config` says, asked at once.

    Raises:
        KeyboardInterrupt: A signal came first.
    """
    reports: list[NodeReport] = []

    async def check(reactor: Any) -> None:
        reports.extend(await ask_nodes(config, reactor))

    try:
        with signals_kept():
            _react(check)
    except SystemExit as end:
        if end.code:
            raise
    if len(reports) < len(config.nodes):
        raise KeyboardInterrupt
    return reports


def _react(work: Callable[[Any], Coroutine[Any, Any, None]]) -> NoReturn:
    """Run `work` on the reactor until it ends or a signal ends it, then exit."""

    def start(reactor: Any) -> Deferred[None]:
        reactor.seconds = time.monotonic  # noqa: TID251  (Twisted's can be stepped)
        return Deferred.fromCoroutine(until_shutdown(reactor, lambda: work(reactor)))

    task.react(start)
