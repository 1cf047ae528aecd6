"""Run the share process until it is told to stop."""

import argparse
import asyncio
import os
import random
import signal
import sqlite3
import sys
import time
from collections.abc import Awaitable, Callable, Coroutine
from functools import partial
from pathlib import Path
from typing import Any, NoReturn

import msgspec
from msgspec.structs import replace
from twisted.internet import asyncioreactor, task
from twisted.internet.defer import Deferred
from twisted.internet.error import CannotListenError
from twisted.internet.task import deferLater
from twisted.internet.threads import deferToThreadPool
from twisted.logger import Logger, globalLogBeginner, globalLogPublisher

from protocol.units import UnixTime
from proxy.admin.events import AlarmObserver
from proxy.admin.refused import Refused
from proxy.config import Config, ConfigError, load_config
from proxy.config.witness import WitnessConfig
from proxy.downstream.fast.choice import NoEngineError
from proxy.downstream.sv2_keys import KeyFileError
from proxy.node.check import NodeReport
from proxy.oversight import witness_server
from proxy.oversight.own_meter import OwnMeter
from proxy.oversight.signing import LogKeyError, Signer
from proxy.runtime.collector import calm_collector
from proxy.runtime.database_file import DatabaseFileError
from proxy.runtime.descriptors import RESERVED, raise_limit
from proxy.runtime.hangup import has_terminal, take_hangups
from proxy.runtime.instance import InstanceFileError
from proxy.runtime.log_libraries import take_in_libraries
from proxy.runtime.logs import Log, file_or_stderr, observer, open_log
from proxy.runtime.one_thread import OneThread
from proxy.runtime.service_manager import READY, STOPPING, Notifier, notifier_from
from proxy.runtime.shutdown import until_shutdown
from proxy.runtime.state_lock import StateLockError
from proxy.share_process.build import build
from proxy.share_process.program import Program
from proxy.share_process.sources import ask_nodes
from proxy.signals.build import meter_source
from proxy.supervisor.service import check_power
from proxy.upstream.address import PoolUrlError

_REFUSED = (
    StateLockError,
    DatabaseFileError,
    InstanceFileError,
    NoEngineError,
    PoolUrlError,
)
"""Why a start is refused, each in a sentence."""


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
        await command.run_regtest(reactor, options, _wall_clock, os.urandom)

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
            settings, reactor, _wall_clock, on_thread, opened
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
    found = OwnMeter(source, folder, reactor, _wall_clock, run)
    found.start()
    return found


def check_nodes(config: Config) -> list[NodeReport]:
    """Return what each node of `config` says, asked at once."""
    reports: list[NodeReport] = []

    async def check(reactor: Any) -> None:
        reports.extend(await ask_nodes(config, reactor))

    try:
        _react(check)
    except SystemExit as end:
        if end.code:
            raise
    return reports


def _react(work: Callable[[Any], Coroutine[Any, Any, None]]) -> NoReturn:
    """Run `work` on the reactor until it ends or a signal ends it, then exit."""

    def start(reactor: Any) -> Deferred[None]:
        reactor.seconds = time.monotonic  # noqa: TID251  (Twisted's can be stepped)
        return Deferred.fromCoroutine(until_shutdown(reactor, lambda: work(reactor)))

    task.react(start)


def run(path: Path, *, recover: bool = False, as_json: bool = False) -> None:
    """Run until SIGTERM or SIGINT; exit status 1 if a port cannot be had.

    Args:
        path: The configuration.
        recover: Move a damaged database aside and begin a new one.
        as_json: Log as JSON, whatever the configuration says.

    Raises:
        ConfigError: The file, or something that it names, cannot be used.
    """

    def reread() -> Config:
        config = _checked(path)
        if not as_json:
            return config
        return replace(config, proxy=replace(config.proxy, log="json"))

    config = reread()
    log = _log_of(config)
    globalLogBeginner.beginLoggingTo([log.observer], redirectStandardIO=False)
    take_in_libraries(globalLogPublisher)
    try:
        _run(config, reread, log, recover=recover)
    finally:
        log.close()


def _log_of(config: Config) -> Log:
    proxy = config.proxy
    try:
        out = file_or_stderr(proxy.log_file, proxy.log_max_bytes, proxy.log_keep)
    except OSError as error:
        raise ConfigError(
            f"{proxy.log_file}: {error.strerror} - at `$.proxy.log_file`"
        ) from error
    return open_log(
        _wall_clock,
        as_json=proxy.log == "json",
        secrets=config.secrets,
        level=proxy.log_level,
        out=out,
    )


def _run(
    config: Config, reread: Callable[[], Config], log: Log, *, recover: bool
) -> None:
    manager = notifier_from(os.environ, os.getpid())
    before, files = raise_limit()
    signal.signal(signal.SIGUSR1, lambda *_: log.reopen())

    def start(reactor: Any) -> Deferred[None]:
        reactor.seconds = time.monotonic  # noqa: TID251  (Twisted's can be stepped)
        program = _built(config, reactor, recover=recover)
        _log_files(before, files)
        program.set_level = log.set_level
        program.reread = partial(_reread, reread, log)
        alarms = AlarmObserver(program.topics.publish, log.redactor)
        globalLogPublisher.addObserver(alarms)
        return Deferred.fromCoroutine(_main(reactor, program, manager))

    task.react(start)


def _reread(reread: Callable[[], Config], log: Log) -> Config:
    config = reread()
    log.redactor.add(config.secrets)  # before anything can speak of them
    return config


def _log_files(before: int, files: int) -> None:
    Logger("proxy").info(
        "{files} files may be open ({before} when we were started), {reserved} of them"
        " are kept from miners",
        files=files,
        before=before,
        reserved=RESERVED,
    )


def _checked(path: Path) -> Config:
    config = load_config(path)
    check_power(config)
    return config


def _built(config: Config, reactor: Any, *, recover: bool) -> Program:
    try:
        return build(config, reactor, _wall_clock, random.random, recover=recover)
    except _REFUSED as error:
        raise ConfigError(str(error)) from error


async def _main(reactor: Any, program: Program, manager: Notifier) -> None:
    await deferLater(reactor, 0)  # react() runs on for ever if we fail before it runs
    if signs := manager.signs_of_life(reactor):
        signs.setServiceParent(program.root)
    program.root.startService()
    at_shutdown = partial(reactor.addSystemEventTrigger, "before", "shutdown")
    at_shutdown(manager.tell, STOPPING)
    at_shutdown(program.root.stopService)
    log, proxy = Logger("proxy"), program.config.proxy
    at_shutdown(partial(log.info, "{name} stops", name=proxy.name))
    take_hangups(reactor, partial(_reload_soon, program), at_terminal=has_terminal())
    try:
        await program.ready()
    except (CannotListenError, KeyFileError) as error:
        log.critical("{error}", error=error)
        if proxy.log_file is not None:  # whoever starts it looks at standard error
            sys.stderr.write(f"baseload: {error}\n")
        raise SystemExit(1) from error
    calm_collector()
    log.info("{name} is ready", name=proxy.name)
    manager.tell(READY)
    await Deferred()


def _reload_soon(program: Program) -> None:
    program.tasks.start("reload", _reload(program))


async def _reload(program: Program) -> None:
    """Do what `baseload reload` does; the log says what came of it."""
    try:
        await program.reload()
    except (Refused, ConfigError) as error:
        Logger("proxy").error("not reloaded: {error}", error=error)


def _wall_clock() -> UnixTime:
    return UnixTime(time.time())  # noqa: TID251  (where the clock comes in)
