"""`baseload sim fleet`: simulated ASICs against any Stratum V1 server."""

import sys
from argparse import ArgumentParser, Namespace
from collections.abc import Callable
from urllib.parse import urlsplit

import msgspec
from attrs import frozen
from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.endpoints import HostnameEndpoint
from twisted.internet.interfaces import IReactorTime, IStreamClientEndpoint

from protocol.units import HashesPerSecond, Seconds, WorkerName
from proxy.sim.dialect import CGMINER, DIALECTS
from proxy.sim.fleet import FleetStats, SimulatedFleet
from proxy.sim.miner import PoolSlot, SimulatedMachine, SimulatedMiner
from proxy.sim.nonce_search import DEFAULT_HASH_SCALE

REPORT_EVERY = Seconds(5.0)
MAX_POOLS = 3

NAMEPLATE_TERAHASHES = {
    "Antminer S9": 13.5,
    "Antminer S19j Pro": 104.0,
    "Antminer S19 XP": 140.0,
    "Antminer S21": 200.0,
    "Antminer S21 XP": 270.0,
    "Whatsminer M50": 118.0,
    "Whatsminer M60S": 186.0,
    "Avalon A1566": 185.0,
    "Bitaxe Gamma": 1.2,
}
"""Nominal TH/s of the models that can be simulated."""


@frozen
class FleetOptions:
    """What `baseload sim fleet` was asked for; `duration` None: until stopped."""

    urls: tuple[str, ...]
    miners: int = 200
    models: tuple[str, ...] = ("Antminer S21",)
    worker: str = "rack-a"
    seed: int = 1
    hash_scale: float = DEFAULT_HASH_SCALE
    duration: Seconds | None = None
    json: bool = False


def add_arguments(parser: ArgumentParser) -> None:
    """Declare the options of the command on `parser`."""
    add = parser.add_argument
    add("--url", action="append", required=True, help="stratum+tcp://host:port")
    add("--miners", type=int, default=200)
    add("--model", action="append", choices=sorted(NAMEPLATE_TERAHASHES))
    add("--worker", default="rack-a", help="workers are WORKER.0001 and so on")
    add("--seed", type=int, default=1)
    add("--hash-scale", type=float, default=DEFAULT_HASH_SCALE)
    add("--for", type=float, dest="duration", metavar="SECONDS")
    add("--json", action="store_true", help="one JSON object a line")


def options_from(parsed: Namespace) -> FleetOptions:
    """Return the options that `add_arguments` declared."""
    return FleetOptions(
        urls=tuple(parsed.url[:MAX_POOLS]),
        miners=parsed.miners,
        models=tuple(parsed.model or ["Antminer S21"]),
        worker=parsed.worker,
        seed=parsed.seed,
        hash_scale=parsed.hash_scale,
        duration=None if parsed.duration is None else Seconds(parsed.duration),
        json=parsed.json,
    )


def build_fleet(reactor: IReactorTime, options: FleetOptions) -> SimulatedFleet:
    """Return the fleet, not yet started.

    Raises:
        ValueError: A URL is not stratum+tcp://host:port.
    """

    def dial(host: str, port: int) -> IStreamClientEndpoint:
        return HostnameEndpoint(reactor, host, port)

    slots = tuple(_slot(url, dial) for url in options.urls)
    machines = [_machine(i, options) for i in range(options.miners)]
    return SimulatedFleet(
        [SimulatedMiner(m, slots, reactor) for m in machines], reactor
    )


async def run_fleet(
    reactor: IReactorTime,
    options: FleetOptions,
    write: Callable[[str], object] = sys.stdout.write,
) -> FleetStats:
    """Run a fleet, reporting every few seconds, and return its last figures.

    They are written last, also when it is cancelled, which ends it early.
    """
    fleet = build_fleet(reactor, options)
    start = reactor.seconds()
    fleet.startService()
    try:
        while (pause := _next_pause(options, reactor.seconds() - start)) > 0:
            await _sleep(reactor, pause)
            write(_report(fleet.stats(), options))
    except CancelledError:
        write(_report(fleet.stats(), options))
    finally:
        fleet.stopService()
    return fleet.stats()


def _next_pause(options: FleetOptions, elapsed: float) -> float:
    if options.duration is None:
        return REPORT_EVERY
    return min(REPORT_EVERY, options.duration - elapsed)


def _report(stats: FleetStats, options: FleetOptions) -> str:
    if options.json:
        return msgspec.json.encode(stats).decode() + "\n"
    return (
        f"{stats.working} of {stats.miners} hashing, {stats.accepted} accepted, "
        f"{stats.rejected} rejected, {stats.kept_up:.0%} of the hashes made\n"
    )


def _sleep(reactor: IReactorTime, pause: float) -> Deferred[None]:
    done: Deferred[None] = Deferred(lambda _: call.cancel())
    call = reactor.callLater(pause, done.callback, None)
    return done


def _machine(index: int, options: FleetOptions) -> SimulatedMachine:
    model = options.models[index % len(options.models)]
    terahashes = NAMEPLATE_TERAHASHES[model]
    return SimulatedMachine(
        WorkerName(f"{options.worker}.{index + 1:04d}"),
        DIALECTS["bitaxe"] if model.startswith("Bitaxe") else CGMINER,
        HashesPerSecond(terahashes * 1e12 * options.hash_scale),
        options.seed * 1_000_003 + index * 7919,
    )


def _slot(url: str, dial: Callable[[str, int], IStreamClientEndpoint]) -> PoolSlot:
    parts = urlsplit(url)
    if parts.scheme != "stratum+tcp" or not parts.hostname or not parts.port:
        raise ValueError(f"{url!r} is not stratum+tcp://host:port")
    return PoolSlot(parts.hostname, parts.port, dial)
