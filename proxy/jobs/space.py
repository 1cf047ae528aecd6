"""Search spaces of a site: who holds which slot in which of them."""

from collections.abc import Iterator

from attrs import define, evolve, field, frozen

from protocol.work.extranonce import Layout, SlotPool

WIDE_SLOT_BYTES = 3
"""From here on one space holds every miner that a site can have."""

MAX_SPACES = 4096
"""A million miners at 256 each: more than a site has."""


@define(eq=False, repr=False)
class Space:
    """One search space: miners in it are told apart by their slots.

    Attributes:
        slots: Those of miners.
        proxy_slots: The shorter ones of proxies below us.
    """

    number: int
    slots: SlotPool
    proxy_slots: SlotPool

    def resting(self, *, is_proxy: bool) -> int:
        """Return the number of slots of proxies, or of miners, that wait for a job."""
        return self.slots_for(is_proxy=is_proxy).resting

    def retire(self, oldest_seq: int) -> None:
        """Free slots of whose last holders no job is as new as `oldest_seq`."""
        self.slots.retire(oldest_seq)
        self.proxy_slots.retire(oldest_seq)

    def slots_for(self, *, is_proxy: bool) -> SlotPool:
        """Return the slots of proxies, or those of miners."""
        return self.proxy_slots if is_proxy else self.slots


@frozen
class HeldSlot:
    """A slot in a space, held by one miner for the life of its connection.

    Attributes:
        layout: Of the groups that its holder can be in.
        extranonce1: The slot as the miner knows it.
        is_proxy: Its holder is a proxy below us.
    """

    space: Space
    slot: int
    layout: Layout
    extranonce1: bytes
    is_proxy: bool = False

    @property
    def extranonce2_bytes(self) -> int:
        """Bytes after `extranonce1` that the miner may roll."""
        return self.layout.room - len(self.extranonce1)

    def rolling(self, most: int) -> "HeldSlot":
        """Return the slot of a miner that rolls no more than `most` bytes.

        Zeros after its slot stand for the others.
        """
        unused = max(self.extranonce2_bytes - most, 0)
        return evolve(self, extranonce1=self.extranonce1 + bytes(unused))

    def move(self, space: Space, last_seq: int | None = None) -> "HeldSlot | None":
        """Take the same slot in another space; None if it is held there.

        Args:
            space: Where to.
            last_seq: The newest job that its holder was given, for which its old slot
                rests; None: it had none, and the slot is free at once.
        """
        if space is self.space:
            return self
        # Taken there before it is given back here: at no moment does it hold none.
        if not space.slots_for(is_proxy=self.is_proxy).acquire_exactly(self.slot):
            return None
        self.release(last_seq)
        return HeldSlot(space, self.slot, self.layout, self.extranonce1, self.is_proxy)

    def rests_in(self, space: Space) -> bool:
        """Return whether the same slot of `space` is free but for a newer job."""
        return space.slots_for(is_proxy=self.is_proxy).rests(self.slot)

    def release(self, last_seq: int | None) -> None:
        """Give the slot back; `last_seq` is the newest job its holder was given."""
        self.space.slots_for(is_proxy=self.is_proxy).release(self.slot, last_seq)


@define
class Spaces:
    """The search spaces of one layout, opened as they are needed."""

    layout: Layout
    _spaces: list[Space] = field(factory=list, init=False)
    _vacant: dict[Space, None] = field(factory=dict, init=False)

    def __iter__(self) -> Iterator[Space]:
        return iter(self._spaces)

    @property
    def is_wide(self) -> bool:
        """One space is enough for everybody."""
        return self.layout.slot_bytes >= WIDE_SLOT_BYTES

    @property
    def held(self) -> int:
        """Number of slots that are taken."""
        return sum(space.slots.held + space.proxy_slots.held for space in self._spaces)

    def new_space(self) -> Space | None:
        """Return a new space, or None if there are too many."""
        # Groups may share a space: a slot in it is held by one miner of them all.
        if self.is_wide and self._spaces:
            return self._spaces[0]
        return self._add_space()

    def hold(
        self, room: int | None = None, *, may_open: bool = True
    ) -> HeldSlot | None:
        """Take a slot in the first space with room, or in a new one.

        Args:
            room: For a proxy: how many bytes its slot and what it rolls take.
            may_open: Open a space if there is no slot in any other.
        """
        is_proxy = room is not None
        # The first with room: so the later ones run empty again.
        pools = ((s, s.slots_for(is_proxy=is_proxy)) for s in self._spaces)
        roomy = (space for space, slots in pools if not slots.is_exhausted)
        space = next(roomy, None)
        if space is None and may_open:
            space = self._add_space()
        slot = space.slots_for(is_proxy=is_proxy).acquire() if space else None
        if space is None or slot is None:
            return None
        return self._held_slot(space, slot, room)

    def move_away(self, held: HeldSlot, last_seq: int | None = None) -> HeldSlot | None:
        """Take the same slot in a space that no group is in; None if there is none."""
        for space in self._vacant:
            if (moved := held.move(space, last_seq)) is not None:
                del self._vacant[space]
                return moved
        added = self._add_space()
        return None if added is None else held.move(added, last_seq)

    def vacate(self, space: Space) -> None:
        """Note that no group is in `space` any more."""
        if space.number < len(self._spaces) and self._spaces[space.number] is space:
            self._vacant[space] = None  # else of a former layout

    def occupy(self, space: Space) -> None:
        """Note that a group is in `space`."""
        self._vacant.pop(space, None)

    def _add_space(self) -> Space | None:
        if len(self._spaces) >= MAX_SPACES:
            return None
        proxies = self.layout.for_proxies(self.layout.room)
        space = Space(
            len(self._spaces),
            SlotPool(len(self.layout.slots)),
            SlotPool(len(proxies.slots)),
        )
        self._spaces.append(space)
        return space

    def _held_slot(self, space: Space, slot: int, room: int | None) -> HeldSlot:
        """Return a slot among miners', or a proxy's, which may be in groups of its own.

        Where a proxy needs no more room than miners have, it shares their jobs.
        """
        if room is None:
            name = self.layout.slots[slot].to_bytes(self.layout.slot_bytes, "big")
            return HeldSlot(space, slot, self.layout, name)
        own = self.layout.for_proxies(room)
        name = own.slots[slot].to_bytes(own.slot_bytes, "big")
        layout = self.layout if room == self.layout.room else own
        return HeldSlot(space, slot, layout, name, is_proxy=True)
