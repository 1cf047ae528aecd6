"""A site's extranonce layout over time: asked for, decided, changed, and reported."""

from collections.abc import Callable

from attrs import define, field
from twisted.internet.interfaces import IReactorTime
from twisted.logger import Logger

from protocol.units import Seconds
from proxy.jobs.feed import Source
from proxy.jobs.pending_miners import PendingMiner, PendingMiners
from proxy.jobs.room_probe import RoomProbe
from proxy.jobs.slot_allocator import SlotAllocator


@define(eq=False, repr=False)
class SiteLayout:
    """Keeps the layout of a site up to date, and miners waiting until there is one.

    Attributes:
        slots: Decides on the layout.
        on_change: Called when the layout is another: groups have to be opened in it.
    """

    _log = Logger()

    site: str
    slots: SlotAllocator
    clock: IReactorTime
    on_change: Callable[[], None]
    _probe: RoomProbe = field(init=False)
    _waiting: PendingMiners = field(init=False)
    _told: dict[str, str] = field(factory=dict, init=False)

    def __attrs_post_init__(self) -> None:
        self._probe = RoomProbe(self.site)
        self._waiting = PendingMiners(self.clock, self._fall_back)

    def start(self) -> None:
        """Begin to ask the sources how much room they leave."""
        self._probe.start(self.slots.sources)
        self.update()

    def change(self, sources: tuple[Source, ...]) -> None:
        """Mind other sources from now on."""
        self.slots.sources = sources
        self._probe.change(sources)
        self.update()

    def stop(self) -> None:
        """Ask no more, and give nobody a slot."""
        self._probe.stop()
        self._waiting.stop()

    @property
    def waits_for(self) -> list[str]:
        """The site's sources while none was reached; empty once one was."""
        if any(source.room is not None for source in self.slots.sources):
            return []
        return [source.name for source in self.slots.sources]

    def is_decided(self) -> bool:
        """Decide now if that is possible; return whether there are slots to give."""
        # A layout that is in use is changed by news of its sources and by the clock,
        # not by each of ten thousand miners that come at once.
        if not self.slots.is_used:
            self.update()
        return self.slots.spaces is not None

    def wait(self, miner: PendingMiner) -> None:
        """Tell `miner` once there are slots, within 10 s."""
        self._waiting.add(miner)

    def stop_waiting(self, miner: PendingMiner) -> None:
        """Tell `miner` nothing more."""
        self._waiting.remove(miner)

    def update(self) -> None:
        """Take note of what is known now; called each second and when something is."""
        if self.slots.update(self._now()):
            self._changed()
        self._report_unused()
        if self.slots.spaces is not None:
            # Not before the layout is decided: until then nobody else holds the source
            # open.
            self._probe.close_known()

    def replan(self) -> bool:
        """Decide anew for newcomers; return whether that changed the layout.

        Miners that hold slots have to reconnect to get one in it.
        """
        has_changed = self.slots.replan()
        if has_changed:
            self._changed()
        return has_changed

    def _fall_back(self) -> None:
        self.slots.fall_back()
        self._changed()

    def _changed(self) -> None:
        layout = self.slots.layout
        self._log.info(
            "site {site}: extranonce layout {layout}{how}",
            site=self.site,
            layout=layout.name if layout else "",
            how=" until a source is reached" if self.slots.is_provisional else "",
        )
        self.on_change()
        # After on_change: groups are open when the first of them looks for one.
        self._waiting.release_all()

    def _report_unused(self) -> None:
        """Log why a source is not used, once, and that it can be used again."""
        for source in self.slots.sources:
            why, before = (
                self.slots.why_not_here(source),
                self._told.get(source.name, ""),
            )
            if why == before:
                continue
            self._told[source.name] = why
            self._tell(source, why)

    def _tell(self, source: Source, why: str) -> None:
        if why:
            self._log.error(
                "site {site}: {source} is not used: it {why}",
                site=self.site,
                source=source.name,
                why=why,
            )
        else:
            self._log.info(
                "site {site}: {source} leaves enough room now and can be used",
                site=self.site,
                source=source.name,
            )

    def _now(self) -> Seconds:
        return Seconds(self.clock.seconds())
