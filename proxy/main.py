"""Run the share process until it is told to stop."""

import argparse
import random
import sys
import time
from typing import Any, NoReturn

from twisted.internet import task
from twisted.internet.defer import Deferred
from twisted.internet.error import CannotListenError
from twisted.logger import Logger, globalLogBeginner

from protocol.units import UnixTime
from proxy.app import build
from proxy.config import Config
from proxy.logs import observer


def run_fleet(arguments: argparse.Namespace) -> NoReturn:
    """Run simulated ASICs until their time is up or Ctrl-C, then exit."""
    from proxy.sim import command  # noqa: PLC0415  (a run needs no simulator)

    options = command.options_from(arguments)

    async def simulate(reactor: Any) -> None:
        await command.run_fleet(reactor, options)

    task.react(lambda reactor: Deferred.fromCoroutine(simulate(reactor)))


def run(config: Config) -> None:
    """Run until SIGTERM or SIGINT; exit status 1 if a port cannot be had."""
    secrets = config.secrets
    lines, _ = observer(sys.stderr, as_json=config.proxy.log == "json", secrets=secrets)
    globalLogBeginner.beginLoggingTo([lines], redirectStandardIO=False)
    task.react(lambda reactor: Deferred.fromCoroutine(_main(reactor, config)))


async def _main(reactor: Any, config: Config) -> None:
    program = build(config, reactor, _wall_clock, random.random)
    program.root.startService()
    reactor.addSystemEventTrigger("before", "shutdown", program.root.stopService)
    try:
        await program.ready()
    except CannotListenError as error:
        Logger("proxy").critical("{error}", error=error)
        raise SystemExit(1) from error
    Logger("proxy").info("{name} is ready", name=config.proxy.name)
    await Deferred()


def _wall_clock() -> UnixTime:
    return UnixTime(time.time())  # noqa: TID251  (where the clock comes in)
