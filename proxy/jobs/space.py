"""Search spaces of a site: who holds which slot in which of them."""

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

    def slots_for(self, *, is_proxy: bool) -> SlotPool:
        """Return the slots of proxies, or those of miners."""
        return self.proxy_slots if is_proxy else self.slots


@frozen
class Seat:
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

    def rolling(self, most: int) -> "Seat":
        """Return the seat of a miner that rolls no more than `most` bytes.

        Zeros after its slot stand for the others.
        """
        unused = max(self.extranonce2_bytes - most, 0)
        return evolve(self, extranonce1=self.extranonce1 + bytes(unused))

    def move(self, space: Space) -> "Seat | None":
        """Take the same slot in another space; None if it is held there.

        For a miner that has had no job yet: its old slot is free at once.
        """
        if space is self.space:
            return self
        if not space.slots_for(is_proxy=self.is_proxy).acquire_exactly(self.slot):
            return None
        self.release(None)
        return Seat(space, self.slot, self.layout, self.extranonce1, self.is_proxy)

    def release(self, last_seq: int | None) -> None:
        """Give the slot back; `last_seq` is the newest job its holder was given."""
        self.space.slots_for(is_proxy=self.is_proxy).release(self.slot, last_seq)


@define
class Spaces:
    """The search spaces of one layout, opened as they are needed."""

    layout: Layout
    _spaces: list[Space] = field(factory=list, init=False)

    @property
    def is_wide(self) -> bool:
        """One space is enough for everybody."""
        return self.layout.slot_bytes >= WIDE_SLOT_BYTES

    @property
    def held(self) -> int:
        """Number of seats that are taken."""
        return sum(space.slots.held + space.proxy_slots.held for space in self._spaces)

    def new_space(self) -> Space | None:
        """Return a new space, or None if there are too many."""
        if self.is_wide and self._spaces:
            return self._spaces[0]
        return self._add_space()

    def seat(self, room: int | None = None) -> Seat | None:
        """Take a slot in the first space with room, or in a new one.

        Args:
            room: For a proxy: how many bytes its slot and what it rolls take.
        """
        is_proxy = room is not None
        pools = ((s, s.slots_for(is_proxy=is_proxy)) for s in self._spaces)
        roomy = (space for space, slots in pools if not slots.is_exhausted)
        space = next(roomy, None) or self._add_space()
        slot = space.slots_for(is_proxy=is_proxy).acquire() if space else None
        if space is None or slot is None:
            return None
        return self._seat(space, slot, room)

    def retire(self, oldest_live_seq: int) -> None:
        """Free quarantined slots that no live job can collide with."""
        for space in self._spaces:
            space.slots.retire(oldest_live_seq)
            space.proxy_slots.retire(oldest_live_seq)

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

    def _seat(self, space: Space, slot: int, room: int | None) -> Seat:
        """Return a seat among miners, or a proxy's, which may be in groups of its own.

        Where a proxy needs no more room than miners have, it shares their jobs.
        """
        if room is None:
            name = self.layout.slots[slot].to_bytes(self.layout.slot_bytes, "big")
            return Seat(space, slot, self.layout, name)
        own = self.layout.for_proxies(room)
        name = own.slots[slot].to_bytes(own.slot_bytes, "big")
        layout = self.layout if room == self.layout.room else own
        return Seat(space, slot, layout, name, is_proxy=True)
