"""What operators hold by hand until they end it, kept in the state folder."""

from collections.abc import Callable, Collection, Iterable, Sequence
from fnmatch import fnmatchcase
from pathlib import Path

import msgspec
from attrs import define, field
from twisted.internet.interfaces import IReactorTime
from twisted.logger import Logger

from protocol.units import Seconds, UnixTime
from proxy.admin.kept import Drain, Hold, How, Kept, SourceOrder, read_kept
from proxy.admin.source_views import HeldView
from proxy.runtime.periodic import PeriodicService
from proxy.runtime.whole_file import write_whole


@define(eq=False, repr=False)
class ByHand:
    """Owner of what is held by hand.

    Attributes:
        on_sources: Called when sources are to be used in another order.
        on_parked: Called when other machines are to be parked.
    """

    _log = Logger()

    path: Path
    wall_clock: Callable[[], UnixTime]
    clock: IReactorTime
    on_sources: Callable[[], None] = field(default=lambda: None, init=False)
    on_parked: Callable[[], None] = field(default=lambda: None, init=False)
    _kept: Kept = field(factory=Kept, init=False)
    _ends: dict[str, float] = field(factory=dict, init=False)
    """By source, when its order ends by the clock that nobody sets."""

    def __attrs_post_init__(self) -> None:
        self._read()
        self._note_ends()
        self._end_over()
        for held in self.views():
            self._log.warn("still in force: {held}", held=held.text)

    def _note_ends(self) -> None:
        """Count what is left of each order, which is no more than all of it.

        The wall clock may be behind at the start of a small board, and be set later.
        """
        now, at = self.wall_clock(), self.clock.seconds()
        for name, one in self._kept.sources.items():
            if one.until is not None:
                self._ends[name] = at + min(one.until - now, one.until - one.since)

    def _read(self) -> None:
        try:
            data = self.path.read_bytes()
        except FileNotFoundError:
            return
        except OSError as error:
            self._set_aside(str(error))
            return
        self._kept, fault = read_kept(data, self.wall_clock())
        if fault:
            self._set_aside(fault)
            self._keep()

    def _set_aside(self, fault: str) -> None:
        """Keep a file that cannot be read: the next that is written is another."""
        aside = self.path.with_suffix(".damaged")
        try:
            self.path.replace(aside)
            where = f"it is {aside.name} now"
        except OSError as error:
            where = f"it cannot be set aside: {error}"
        self._log.error(
            "{path} is damaged: {fault}; {count} of what was held by hand could be read"
            " and is in force, look for more in it: {where}",
            path=str(self.path),
            fault=fault,
            count=self._kept.count,
            where=where,
        )

    def of_source(self, name: str) -> SourceOrder | None:
        """Return what is held of a source."""
        return self._kept.sources.get(name)

    def arranged(self, names: Sequence[str]) -> tuple[str, ...]:
        """Return which of a route's sources are used, best first."""
        orders = self._kept.sources
        first = [n for n in orders if n in names and orders[n].how == "preferred"]
        rest = [n for n in names if n not in orders]
        return (*reversed(first), *rest)

    def hold_source(self, name: str, how: How, for_s: Seconds | None) -> str:
        """Use a source so, for a time or until that is ended.

        Returns:
            Why a restart would forget it; empty if it is kept.
        """
        now = self.wall_clock()
        until = None if for_s is None else now + for_s
        self._ends.pop(name, None)
        if for_s is not None:
            self._ends[name] = self.clock.seconds() + for_s
        self._kept.sources.pop(name, None)
        self._kept.sources[name] = SourceOrder(how, now, until)
        return self._sources_changed()

    def release_source(self, name: str) -> str:
        """Use a source as the configuration says; returns as `hold_source` does."""
        self._kept.sources.pop(name, None)
        self._ends.pop(name, None)
        return self._sources_changed()

    @property
    def parked(self) -> list[str]:
        """What is parked, in the order in which it was."""
        return [hold.machines for hold in self._kept.parked]

    def named(self, machines: str) -> list[str]:
        """Return what is parked by this name, and by those that it is a glob of."""
        return [p for p in self.parked if p == machines or fnmatchcase(p, machines)]

    def park(self, machines: str) -> str:
        """Park machines until they are unparked; returns as `hold_source` does."""
        self._kept.parked.append(Hold(machines, self.wall_clock()))
        return self._parked_changed()

    def unpark(self, machines: Collection[str]) -> str:
        """End holds; returns as `hold_source` does."""
        kept = self._kept.parked
        self._kept.parked = [one for one in kept if one.machines not in machines]
        return self._parked_changed()

    @property
    def drained(self) -> list[str]:
        """Sites that are drained."""
        return [one.site for one in self._kept.drained]

    def drain(self, sites: Iterable[str]) -> str:
        """Note that sites are drained until that is ended; returns as `hold_source`."""
        now = self.wall_clock()
        new = [Drain(site, now) for site in sites if site not in self.drained]
        self._kept.drained += new
        return self._keep()

    def undrain(self, sites: Collection[str]) -> str:
        """Note that sites are drained no more; returns as `hold_source` does."""
        kept = self._kept.drained
        self._kept.drained = [one for one in kept if one.site not in sites]
        return self._keep()

    def service(self) -> PeriodicService:
        """Return what looks every second for what is over."""
        return PeriodicService(Seconds(1.0), self._look, self.clock)

    async def _look(self) -> None:
        if self._end_over():
            self._sources_changed()

    def _end_over(self) -> bool:
        """End what is over; return whether anything is."""
        now, orders = self.clock.seconds(), self._kept.sources
        over = [name for name, end in self._ends.items() if end <= now]
        for name in over:
            del self._ends[name]
            self._log.info(
                "source {name} is {how} by hand no more: its time is over",
                name=name,
                how=orders.pop(name).how,
            )
        return bool(over)

    def views(self) -> list[HeldView]:
        """Return all that is held."""
        sources = [self.view_of(name) for name in self._kept.sources]
        parked = [
            HeldView("machine", one.machines, "parked", one.since)
            for one in self._kept.parked
        ]
        drained = [
            HeldView("site", one.site, "drained", one.since)
            for one in self._kept.drained
        ]
        return [*filter(None, sources), *parked, *drained]

    def view_of(self, name: str) -> HeldView | None:
        """Return what is held of a source, as operators see it."""
        one = self._kept.sources.get(name)
        if one is None:
            return None
        end = self._ends.get(name)
        left = None if end is None else max(0.0, end - self.clock.seconds())
        return HeldView("source", name, one.how, one.since, left)

    def _sources_changed(self) -> str:
        why = self._keep()
        self.on_sources()
        return why

    def _parked_changed(self) -> str:
        why = self._keep()
        self.on_parked()
        return why

    def _keep(self) -> str:
        try:
            write_whole(self.path, msgspec.json.encode(self._kept))
        except OSError as error:
            self._log.error(
                "{path} cannot be written, a restart forgets what is held by hand:"
                " {error}",
                path=str(self.path),
                error=error,
            )
            return str(error)
        return ""
