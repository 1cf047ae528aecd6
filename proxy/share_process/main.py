"""Run the share process until it is told to stop."""

import os
import random
import signal
import sys
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from msgspec.structs import replace
from twisted.internet import task
from twisted.internet.defer import Deferred
from twisted.internet.error import CannotListenError
from twisted.internet.task import deferLater
from twisted.logger import Logger, globalLogBeginner, globalLogPublisher

from proxy.admin.events import AlarmObserver
from proxy.admin.refused import Refused
from proxy.config import Config, ConfigError, load_config
from proxy.downstream.fast.choice import NoEngineError
from proxy.downstream.sv2_keys import KeyFileError
from proxy.runtime.collector import calm_collector
from proxy.runtime.database_file import DatabaseFileError
from proxy.runtime.descriptors import RESERVED, raise_limit
from proxy.runtime.hangup import has_terminal, take_hangups
from proxy.runtime.instance import InstanceFileError
from proxy.runtime.log_libraries import take_in_libraries
from proxy.runtime.logs import Log, file_or_stderr, open_log
from proxy.runtime.service_manager import READY, STOPPING, Notifier, notifier_from
from proxy.runtime.shutdown import stop_at_signals
from proxy.runtime.state_lock import StateLockError
from proxy.share_process.build import build
from proxy.share_process.lone import wall_clock
from proxy.share_process.program import Program
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
        wall_clock,
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
        return build(config, reactor, wall_clock, random.random, recover=recover)
    except _REFUSED as error:
        raise ConfigError(str(error)) from error


async def _main(reactor: Any, program: Program, manager: Notifier) -> None:
    await deferLater(reactor, 0)  # react() runs on for ever if we fail before it runs
    stop_at_signals(reactor)
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
