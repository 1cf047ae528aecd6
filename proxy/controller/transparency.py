"""The log for others: published while the controller runs, its faults are alarms."""

from collections.abc import Mapping
from functools import partial
from pathlib import Path

from attrs import evolve
from msgspec import Struct
from twisted.application.service import Service
from twisted.logger import Logger
from typing_extensions import override

from protocol.units import Seconds
from proxy.config.transparency import TransparencyConfig
from proxy.controller.control_loop import SiteLoop
from proxy.oversight.build import publisher_of
from proxy.oversight.generation import begin, check_origin, moved_aside
from proxy.oversight.publisher import Around, LogFault, LogPublisher
from proxy.oversight.witnesses import AskedWitness
from proxy.power.journal.alarms import AlarmName
from proxy.power.journal.chain import Event
from proxy.power.journal.database import STORE_FILE
from proxy.power.journal.effects import Effects
from proxy.power.journal.store import Store, StoreError
from proxy.runtime.one_thread import OneThread
from proxy.runtime.periodic import PeriodicService
from proxy.version import VERSION

Range = tuple[float, float]


class WitnessView(Struct):
    """A witness, and what it last said.

    Attributes:
        size: Leaves that it cosigned last.
        cosigned_at: Unix seconds; 0: never.
        why: Why it did not cosign when it was last asked; empty: it did.
    """

    name: str
    url: str
    size: int
    cosigned_at: float
    why: str


class LogView(Struct):
    """The log at a glance.

    Attributes:
        size: Leaves of the newest signed state; null: nothing was signed yet.
        root: Of it, hexadecimal.
        cosigned_size: Of the newest one that enough cosigned; null: none since the
            start, or nobody has to.
        cosigned_age_s: How old that is, seconds.
        fault: Why somebody must look; empty: all is well.
        is_forked: Nothing more is signed.
        row: From which row on the history is another; 0: not known.
    """

    origin: str
    key: str
    size: int | None
    root: str
    cosigned_size: int | None
    cosigned_age_s: float | None
    fault: str
    is_forked: bool
    row: int
    witnesses: list[WitnessView]


class LogSide(Service):
    """Publishes one log.

    Args:
        settings: Of the log.
        state: The state folder.
        store: Whose rows they are.
        loops: Sites that alarms are told to.
        around: Threads and clocks.

    Raises:
        ValueError: The trust policy cannot be read.
    """

    _log = Logger()

    def __init__(
        self,
        settings: TransparencyConfig,
        state: Path,
        store: Store,
        loops: Mapping[str, SiteLoop],
        around: Around,
    ) -> None:
        self.settings = settings
        self._state = state
        self._store = store
        self._loops = loops
        self._around = evolve(around, run=OneThread(around.run).run)
        self.publisher: LogPublisher = publisher_of(
            settings, state, store, self._around
        )
        every = Seconds(settings.every_s)
        self._ticks = PeriodicService(every, self._tick, around.reactor, cancels=True)
        # Nothing is deleted before it is known how far others have seen it.
        store.spared_after = 0

    @override
    def startService(self) -> None:
        super().startService()
        self._ticks.startService()

    @override
    async def stopService(self) -> None:
        """End it; what is signed stays, and so do the rows that it is followed from.

        Sites still write as they stop: they delete none that the next start needs.
        """
        super().stopService()
        await self._ticks.stopService()
        await self.publisher.stop()

    def view(self) -> LogView:
        """Return the log at a glance."""
        publisher = self.publisher
        served, enough, fault = publisher.served, publisher.cosigned, publisher.fault
        now = self._around.reactor.seconds()
        keys = [] if publisher.begun is None else publisher.begun.signers
        return LogView(
            origin=self.settings.origin,
            key=keys[0].key.text if keys else "",
            size=None if served is None else served.point.size,
            root="" if served is None else served.point.root.hex(),
            cosigned_size=None if enough is None else enough.point.size,
            cosigned_age_s=None if enough is None else now - enough.at,
            fault="" if fault is None else fault.why,
            is_forked=fault is not None and fault.is_forked,
            row=0 if fault is None else fault.row,
            witnesses=[_witness_view(one) for one in publisher.witnesses],
        )

    def note_software(self, config: str, fleets: Mapping[str, Range | None]) -> None:
        """Write down which release runs, and what it was told that others check by.

        Args:
            config: The digest of all of it.
            fleets: Least and most joules a terahash of each site's machines.
        """
        body = {"version": VERSION, "config": config, "fleets": fleets}
        at = self._around.wall_clock()
        event = Event(at, "", "software", f"release {VERSION}", body)
        try:
            self._store.write("", Effects(events=[event]), (), at)
        except StoreError as error:
            self._log.error("{error}", error=error)

    def cosigned(self) -> dict[str, float]:
        """Return when each witness cosigned last, Unix seconds, by its name."""
        asked = self.publisher.witnesses
        return {w.witness.name: w.cosigned_at for w in asked if w.cosigned_at}

    async def new_generation(self) -> None:
        """Begin the log anew, under the origin that the configuration has now.

        Raises:
            GenerationError: That origin was begun before, or the folder stays.
            StoreError: It could not be written down.
        """
        database, origin = self._state / STORE_FILE, self.settings.origin
        await self._around.run(partial(check_origin, database, origin))
        before = await self._around.run(partial(moved_aside, self._state))
        begin(self._store, origin, before, self._around.wall_clock())
        self.publisher.begin_anew()

    async def _tick(self) -> None:
        await self.publisher.publish()
        self._tell(self.publisher.fault)

    def _tell(self, fault: LogFault | None) -> None:
        body = {"row": fault.row} if fault is not None and fault.row else {}
        for name in (AlarmName.LOG_FORKED, AlarmName.LOG_LATE):
            is_forked = name is AlarmName.LOG_FORKED
            is_so = fault is not None and fault.is_forked is is_forked
            for loop in self._loops.values():
                loop.alarm(name, fault.why if is_so and fault else "", body)


def _witness_view(one: AskedWitness) -> WitnessView:
    who = one.witness
    return WitnessView(who.name, who.url, one.size, one.cosigned_at, one.why)
