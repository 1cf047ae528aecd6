"""`baseload sim plant`: machines with a device API, and the site's meter."""

import sys
from argparse import ArgumentParser, ArgumentTypeError, Namespace
from collections.abc import Callable
from ipaddress import AddressValueError, IPv4Address
from typing import Any
from urllib.parse import urlsplit

import msgspec
from attrs import frozen
from twisted.internet.defer import Deferred

from protocol.units import Seconds
from proxy.power.machines.models import UnknownModelError
from proxy.sim.kinds import Fault, FaultShare, MachineKind, Spread, kind_of
from proxy.sim.nonce_search import DEFAULT_HASH_SCALE
from proxy.sim.plant import Plant, PlantOptions, mixed
from proxy.sim.plant_network import PlantNetwork, PlantStats, PoolAddress, YardOptions
from proxy.sim.site_meter import MeterOptions, MeterTrouble

MAX_POOLS = 3


@frozen
class MeterEvent:
    """A trouble of the meter, from a moment after the start on, and for how long."""

    trouble: MeterTrouble
    after: Seconds
    lasts: Seconds


@frozen
class PlantRun:
    """What `baseload sim plant` was asked for; `duration` None: until stopped."""

    plant: PlantOptions
    network: YardOptions
    events: tuple[MeterEvent, ...]
    every: Seconds
    duration: Seconds | None
    json: bool


def add_arguments(parser: ArgumentParser) -> None:
    """Declare the options of the command on `parser`."""
    _add_machines(parser.add_argument_group("machines").add_argument)
    _add_places(parser.add_argument_group("where").add_argument)
    _add_meter(parser.add_argument_group("meter").add_argument)
    add = parser.add_argument
    add("--every", type=float, default=5.0, metavar="SECONDS", help="between reports")
    add("--for", type=float, dest="duration", metavar="SECONDS")
    add("--json", action="store_true", help="one JSON object a line")


def _add_machines(add: Callable[..., Any]) -> None:
    kinds = ", ".join(fault.value for fault in Fault)
    add("--machines", type=int, default=100)
    add("--kind", action="append", metavar="MODEL[=SHARE]", type=_share_of_a_kind)
    add("--seed", type=int, default=1)
    add("--unit-error", type=float, default=0.04, help="sd of each one's watts")
    add("--fleet-bias", type=float, default=1.03, help="factor on all watts")
    add("--down-s", type=float, help="of a sleep command [each model's own]")
    add("--up-s", type=float, help="of a wake command [each model's own]")
    add("--watchdog-s", type=float, default=125.0, help="hashing after the last job")
    add("--boot-s", type=float, default=60.0)
    add("--idle", action="store_true", help="they wait for a first job")
    add("--day-swing", type=float, default=0.0, help="of watts over 24 hours, a part")
    add(
        "--fault",
        action="append",
        default=[],
        type=_fault,
        metavar="KIND=SHARE",
        help=kinds,
    )
    add("--hash-scale", type=float, default=DEFAULT_HASH_SCALE)


def _add_places(add: Callable[..., Any]) -> None:
    add("--url", action="append", default=[], type=_pool, metavar="stratum+tcp://H:P")
    add("--foreign-url", type=_pool, help="where machines that fail over go")
    workers = "WORKER.0001 and so on; of several kinds WORKER-1.0001, by the kind"
    add("--worker", default="rack-a", help=workers)
    add("--first-address", type=_loopback, default="127.20.0.1")
    add("--api-port", type=int, default=4028)
    add("--connects-per-second", type=float, default=100.0)


def _add_meter(add: Callable[..., Any]) -> None:
    add("--meter", type=_place, metavar="HOST:PORT", help="Modbus TCP [no meter]")
    add("--meter-model", type=int, choices=[203, 213], default=203)
    add("--meter-noise", type=float, default=0.002)
    add("--meter-lag-s", type=float, default=1.0)
    kinds = ", ".join(trouble.value for trouble in MeterTrouble)
    add(
        "--meter-fault",
        action="append",
        default=[],
        type=_meter_event,
        metavar="KIND@AFTER+SECONDS",
        help=kinds,
    )


def options_from(parsed: Namespace) -> PlantRun:
    """Return the options that `add_arguments` declared.

    Raises:
        ValueError: They do not go together.
    """
    shares = parsed.kind or [_share_of_a_kind("Antminer S21")]
    timed = [(_timed(kind, parsed), share) for kind, share in shares]
    plant = PlantOptions(
        kinds=mixed(timed, parsed.machines),
        seed=parsed.seed,
        spread=Spread(
            unit_error=parsed.unit_error,
            fleet_bias=parsed.fleet_bias,
            day_w_share=parsed.day_swing,
        ),
        meter=MeterOptions(parsed.meter_model, parsed.meter_noise, parsed.meter_lag_s),
        faults=tuple(parsed.fault),
        starts_idle=parsed.idle,
    )
    return PlantRun(
        plant=plant,
        network=_network(parsed),
        events=tuple(parsed.meter_fault),
        every=Seconds(parsed.every),
        duration=None if parsed.duration is None else Seconds(parsed.duration),
        json=parsed.json,
    )


async def run_plant(
    reactor: Any, run: PlantRun, write: Callable[[str], object] = sys.stdout.write
) -> PlantStats:
    """Run a plant, reporting now and then, and return its last figures.

    Raises:
        CannotListenError: A port is taken.
    """
    start = Seconds(reactor.seconds())
    network = PlantNetwork(Plant(run.plant, start), run.network, reactor)
    network.startService()
    calls = [
        call for event in run.events for call in _schedule(reactor, network, event)
    ]
    try:
        while (pause := _next_pause(run, reactor.seconds() - start)) > 0:
            await _sleep(reactor, pause)
            write(_report(network.stats(), as_json=run.json))
    finally:
        for call in calls:
            if call.active():
                call.cancel()
        await network.stopService()
    return network.stats()


def _schedule(reactor: Any, network: PlantNetwork, event: MeterEvent) -> list[Any]:
    def become(trouble: MeterTrouble | None) -> None:
        network.plant.meter.trouble = trouble

    begin, end = event.after, event.after + event.lasts
    return [
        reactor.callLater(begin, become, event.trouble),
        reactor.callLater(end, become, None),
    ]


def _next_pause(run: PlantRun, elapsed: float) -> float:
    if run.duration is None:
        return run.every
    return min(run.every, run.duration - elapsed)


def _sleep(reactor: Any, pause: float) -> Deferred[None]:
    done: Deferred[None] = Deferred(lambda _: call.cancel())
    call = reactor.callLater(pause, done.callback, None)
    return done


def _report(stats: PlantStats, *, as_json: bool) -> str:
    if as_json:
        return msgspec.json.encode(stats).decode() + "\n"
    shown = "none" if stats.meter_w is None else f"{stats.meter_w / 1e3:.1f} kW"
    return (
        f"{stats.power_w / 1e3:.1f} kW (meter {shown}), {stats.hashing} of "
        f"{stats.machines} hashing, {stats.asleep} asleep, "
        f"{stats.commands} commands obeyed\n"
    )


def _network(parsed: Namespace) -> YardOptions:
    host, port = parsed.meter or ("127.0.0.1", None)
    return YardOptions(
        first_address=parsed.first_address,
        api_port=parsed.api_port,
        meter_host=host,
        meter_port=port,
        pools=tuple(parsed.url[:MAX_POOLS]),
        foreign=parsed.foreign_url,
        worker=parsed.worker,
        hash_scale=parsed.hash_scale,
        connects_per_second=parsed.connects_per_second,
    )


def _timed(kind: MachineKind, parsed: Namespace) -> MachineKind:
    return kind_of(
        kind.model.name,
        down=parsed.down_s,
        up=parsed.up_s,
        watchdog=parsed.watchdog_s,
        boot=parsed.boot_s,
    )


def _share_of_a_kind(text: str) -> tuple[MachineKind, float]:
    name, _, share = text.partition("=")
    try:
        return kind_of(name), float(share or 1.0)
    except (UnknownModelError, ValueError) as error:
        raise ArgumentTypeError(str(error)) from error


def _fault(text: str) -> FaultShare:
    name, _, share = text.partition("=")
    try:
        found = FaultShare(Fault(name), float(share))
    except ValueError as error:
        raise ArgumentTypeError(f"{text!r}: wanted KIND=SHARE: {error}") from error
    if not 0 <= found.share <= 1:
        raise ArgumentTypeError(f"{text!r}: wanted a share from 0 to 1")
    return found


def _meter_event(text: str) -> MeterEvent:
    name, _, times = text.partition("@")
    after, _, lasts = times.partition("+")
    try:
        return MeterEvent(
            MeterTrouble(name), Seconds(float(after)), Seconds(float(lasts))
        )
    except ValueError as error:
        raise ArgumentTypeError(f"{text!r}: wanted KIND@AFTER+SECONDS") from error


def _place(text: str) -> tuple[str, int]:
    host, _, port = text.rpartition(":")
    if not host or not port.isdecimal():
        raise ArgumentTypeError(f"{text!r} is not HOST:PORT")
    return host, int(port)


def _loopback(text: str) -> str:
    try:
        if IPv4Address(text).is_loopback:
            return text
    except AddressValueError:
        pass
    raise ArgumentTypeError(f"{text!r} is not within 127.0.0.0/8")


def _pool(text: str) -> PoolAddress:
    parts = urlsplit(text)
    if parts.scheme != "stratum+tcp" or not parts.hostname or not parts.port:
        raise ArgumentTypeError(f"{text!r} is not stratum+tcp://host:port")
    return PoolAddress(parts.hostname, parts.port)
