"""The share process, put together: read `build` to know it."""

from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from secrets import token_bytes

from twisted.logger import Logger

from protocol.units import Seconds, UnixTime
from protocol.work.hashrate import HashrateMeter
from proxy.config import Config
from proxy.downstream.fast.choice import EngineChoice, choose_engine
from proxy.runtime.instance import instance_of
from proxy.runtime.ordered_services import OrderedServices
from proxy.runtime.state_lock import StateLock
from proxy.share_process.program import Program, Reactor
from proxy.share_process.sources import build_sources, tell_sizes
from proxy.share_process.sources_service import SourcesService
from proxy.share_process.state_folder import StateService, take_state
from proxy.shares.checkpoint import CheckpointService
from proxy.shares.database import LEDGER_FILE, open_database
from proxy.shares.ledger import SqliteLedger
from proxy.shares.record import Recorder
from proxy.shares.service import LedgerService
from proxy.shares.totals import ProxyTotals, SiteTotals


def build(
    config: Config,
    reactor: Reactor,
    wall_clock: Callable[[], UnixTime],
    random: Callable[[], float],
    *,
    recover: bool = False,
) -> Program:
    """Return the share process that `config` describes, not yet started.

    It has the state folder to itself, from before the first file in it is opened
    until `root` has stopped.

    Args:
        config: All that it is.
        reactor: What it runs on.
        wall_clock: Tells the time of day.
        random: A number from 0 up to 1.
        recover: Move a damaged database aside and begin a new one.

    Raises:
        StateLockError: Another process has the state folder.
        DatabaseFileError: A database in it cannot be used.
        InstanceFileError: The number of the process can be neither read nor kept.
        NoEngineError: The native engine is asked for and was not built.
        PoolUrlError: A pool's url, or its authorities, cannot be used.
    """
    with ExitStack() as undo:
        lock = take_state(config, wall_clock() if recover else None)
        undo.callback(lock.release)
        program = _build(config, reactor, wall_clock, random, lock)
        undo.pop_all()
    return program


def _build(
    config: Config,
    reactor: Reactor,
    wall_clock: Callable[[], UnixTime],
    random: Callable[[], float],
    lock: StateLock,
) -> Program:
    now = Seconds(reactor.seconds())
    path = Path(config.proxy.state_dir) / LEDGER_FILE
    sources = build_sources(config, reactor, random, wall_clock, _instance(config))
    engine = choose_engine(config.proxy.engine, config.proxy.engine_threads)
    ledger = _ledger(config, path, wall_clock)
    _log_choice(engine)  # a start that is refused says why, and nothing else
    sites = {site.name: SiteTotals(HashrateMeter(now)) for site in config.sites}
    totals = ProxyTotals(sites)
    recorder = Recorder(ledger, totals, sources.sinks, reactor)
    for source in sources.all.values():
        source.settle = recorder.settled
    tell_sizes(sources.pools.values(), config, totals, reactor)
    root = OrderedServices()
    sources_service = SourcesService(sources, config, reactor, wall_clock)
    for service in (
        StateService(lock),
        LedgerService(ledger, reactor),
        CheckpointService(path, _alarm, reactor),
        sources_service,
    ):
        service.setServiceParent(root)
    return Program(
        root,
        config,
        reactor,
        sources_service,
        ledger,
        recorder,
        wall_clock,
        random,
        now,
        engine,
    )


def _instance(config: Config) -> int:
    """Return the configured number of the process, else that of its state folder."""
    given = config.proxy.instance
    if given is not None:
        return given
    return instance_of(Path(config.proxy.state_dir), token_bytes)


def _ledger(
    config: Config, path: Path, wall_clock: Callable[[], UnixTime]
) -> SqliteLedger:
    settings = config.proxy.ledger
    return SqliteLedger(
        open_database(path, durability=settings.durability),
        Seconds(settings.keep_shares_s),
        settings.max_bytes,
        wall_clock,
        _alarm,
    )


def _log_choice(engine: EngineChoice) -> None:
    Logger("proxy").info(
        "share engine: {name} ({reason})", name=engine.name, reason=engine.reason
    )


def _alarm(text: str) -> None:
    Logger("proxy.alarm").error("{text}", text=text)
