"""The extranonce layout of a site, by what is known of its sources, and its slots."""

from collections.abc import Callable, Iterable
from typing import Protocol

from attrs import define, evolve, field

from protocol.units import Seconds
from protocol.work.extranonce import Layout, auto_layout
from proxy.jobs.feed import Source
from proxy.jobs.space import HeldSlot, Spaces

SETTLE = Seconds(2.0)
"""Wait for the other sources once one is known: the best may answer last."""

FALL_BACK = Layout(4, 4)
"""If nothing is known and nothing is remembered: most pools leave 8 B."""


def _forget(_layout: Layout) -> None:
    """Remember nothing."""


def _free_none(*, is_proxy: bool) -> None:
    """Free no slot."""
    del is_proxy


class FreeSlots(Protocol):
    """Frees slots that rest."""

    def __call__(self, *, is_proxy: bool) -> None:
        """Free some of proxies, or of miners."""


@define(eq=False, repr=False)
class SlotAllocator:
    """Decides on a site's layout, and gives out its slots.

    The layout follows what is known of the sources while no slot is held. From then on
    it is pinned: miners know their part of it for the life of their connection.

    Attributes:
        sources: Every source of the site, once.
        fixed: The configured layout; None: `auto`.
        recalled: The layout of an earlier run; None: nothing is known of one.
        remember: Keeps a decision for later runs.
        free_slots: Called where no slot is free, before another space is opened.
        spaces: The search spaces of the layout; None while nothing is decided.
        is_provisional: The layout was chosen before any source was known.
    """

    sources: tuple[Source, ...]
    fixed: Layout | None = None
    recalled: Layout | None = None
    remember: Callable[[Layout], None] = _forget
    free_slots: FreeSlots = field(default=_free_none, init=False)
    spaces: Spaces | None = field(default=None, init=False)
    is_provisional: bool = field(default=False, init=False)
    _known_at: Seconds | None = field(default=None, init=False)
    _is_used: bool = field(default=False, init=False)

    @property
    def is_used(self) -> bool:
        """A slot was given out in the layout that there is."""
        return self._is_used

    @property
    def layout(self) -> Layout | None:
        """The layout that slots are given out in; None while nothing is decided."""
        return self.spaces.layout if self.spaces else None

    def update(self, now: Seconds) -> bool:
        """Decide, if enough is known; return whether that changed the layout."""
        rooms = self._rooms()
        if rooms and self._known_at is None:
            self._known_at = now
        if self.is_provisional and self.spaces and auto_layout(rooms.values()):
            self.is_provisional = False
            self.remember(self.spaces.layout)
        wanted = self._wanted(rooms, now)
        if wanted is None or self._has(wanted):
            return False
        # Miners know their sizes for the life of their connection, and most cannot be
        # told others.
        if self.spaces is not None and self.spaces.held:
            return False  # pinned
        self._take(wanted)
        return True

    def fall_back(self) -> None:
        """Decide provisionally: miners have waited for long enough."""
        if self.spaces is None:
            self._take(self.fixed or self.recalled or FALL_BACK)
            self.is_provisional = self.fixed is None

    def replan(self) -> bool:
        """Decide anew for newcomers; return whether that changed the layout.

        Miners that hold slots keep the layout that they know.
        """
        wanted = None if self.fixed else auto_layout(self._rooms().values())
        if wanted is None or self._has(wanted):
            return False
        self._take(wanted)
        return True

    def acquire(
        self, rolled: int = 0, sources: Iterable[Source] = ()
    ) -> HeldSlot | None:
        """Return a free slot, now held; None if there is none.

        Args:
            rolled: Bytes of extranonce2 that the holder needs at least.
            sources: The sources of its route.
        """
        if self.spaces is None:
            return None
        room = self._room_for(self.spaces.layout, rolled, sources)
        # A space more is a connection to each pool more: slots that rest are freed
        # first.
        held = self.spaces.hold(room, may_open=False)
        if held is None:
            self.free_slots(is_proxy=room is not None)
            held = self.spaces.hold(room)
        self._is_used = self._is_used or held is not None
        return held

    def most_extranonce2(self, sources: Iterable[Source]) -> tuple[int, str]:
        """Return the largest extranonce2 of a proxy, and the source that limits it."""
        layout = self.layout or FALL_BACK
        room, name = self._proxy_room(layout, sources)
        if room == layout.room and not layout.has_proxy_slots:
            return layout.extranonce2_bytes, name
        return max(room - layout.proxy_slot_bytes, layout.extranonce2_bytes), name

    def why_not_here(self, source: Source) -> str:
        """Return why the layout does not fit `source`; empty if it does."""
        room, layout = source.room, self.layout
        if room is None or layout is None or room >= layout.room:
            return ""
        return (
            f"leaves {room} B of extranonce2, layout {layout.name} needs {layout.room}"
        )

    def _room_for(
        self, layout: Layout, rolled: int, sources: Iterable[Source]
    ) -> int | None:
        """Return the bytes of slot and extranonce2 together; None: as miners have."""
        # An ordinary miner, or a proxy that is content with as much as one.
        if rolled <= layout.extranonce2_bytes:
            return None
        if layout.has_proxy_slots and rolled <= layout.room - layout.proxy_slot_bytes:
            return layout.room  # its slot is shorter, but its jobs are theirs
        return self._proxy_room(layout, sources)[0]

    def _proxy_room(self, layout: Layout, sources: Iterable[Source]) -> tuple[int, str]:
        """Return the most bytes for slot and extranonce2 of a proxy, and who limits it.

        Every source that the layout fits has to leave them. A node has no connections
        to tell groups apart by, so their number takes bytes of its room.
        """
        left = [
            (max(source.room - source.numbering_bytes, layout.room), source.name)
            for source in sources
            if source.room is not None and source.room >= layout.room
        ]
        return min(left, default=(layout.room, f"layout {layout.name}"))

    def _rooms(self) -> dict[str, int]:
        rooms = ((source.name, source.room) for source in self.sources)
        return {name: room for name, room in rooms if room is not None}

    def _wanted(self, rooms: dict[str, int], now: Seconds) -> Layout | None:
        if self.fixed is not None:
            return self.fixed
        if self._known_at is None:
            return None
        is_all = len(rooms) == len(self.sources)
        if not is_all and now - self._known_at < SETTLE:
            return None
        return auto_layout(rooms.values())

    def _has(self, layout: Layout) -> bool:
        return self.layout is not None and self.layout.has_sizes_of(layout)

    def _take(self, layout: Layout) -> None:
        """Use `layout` from now on, in search spaces that nobody hashed before."""
        # Only if a slot was given out: connections are kept where nobody hashed on
        # them.
        generation = self.layout.generation + self._is_used if self.layout else 0
        self.spaces = Spaces(evolve(layout, generation=generation))
        self._is_used = False
        self.is_provisional = False
        if self._rooms() and self.fixed is None:
            self.remember(layout)
