"""Search spaces of a site: who holds which slot in which of them."""

from attrs import define, field, frozen

from protocol.work.extranonce import Layout, SlotPool

WIDE_SLOT_BYTES = 3
"""From here on one space holds every miner that a site can have."""

MAX_SPACES = 4096
"""A million miners at 256 each: more than a site has."""


@define(eq=False)
class Space:
    """One search space: miners in it are told apart by their slots."""

    number: int
    slots: SlotPool


@frozen
class Seat:
    """A slot in a space, held by one miner for the life of its connection.

    Attributes:
        extranonce1: The slot as the miner knows it.
    """

    space: Space
    slot: int
    extranonce1: bytes


@define
class Spaces:
    """The search spaces of a site, opened as they are needed."""

    layout: Layout
    _spaces: list[Space] = field(factory=list, init=False)

    @property
    def is_wide(self) -> bool:
        """One space is enough for everybody."""
        return self.layout.slot_bytes >= WIDE_SLOT_BYTES

    def new_space(self) -> Space | None:
        """Return a new space, or None if there are too many."""
        if self.is_wide and self._spaces:
            return self._spaces[0]
        if len(self._spaces) >= MAX_SPACES:
            return None
        size = 1 << 8 * self.layout.slot_bytes
        space = Space(len(self._spaces), SlotPool(size))
        self._spaces.append(space)
        return space

    def seat(self) -> Seat | None:
        """Take a slot in the first space with room, or in a new one."""
        roomy = (s for s in self._spaces if not s.slots.is_exhausted)
        space = next(roomy, None) or self.new_space()
        slot = space.slots.acquire() if space else None
        return None if space is None or slot is None else self._seat(space, slot)

    def move(self, seat: Seat, space: Space) -> Seat | None:
        """Take the same slot in another space; None if it is held there.

        For a miner that has had no job yet: its old slot is free at once.
        """
        if space is seat.space:
            return seat
        if not space.slots.acquire_exactly(seat.slot):
            return None
        seat.space.slots.release(seat.slot, None)
        return self._seat(space, seat.slot)

    def retire(self, oldest_live_seq: int) -> None:
        """Free quarantined slots that no live job can collide with."""
        for space in self._spaces:
            space.slots.retire(oldest_live_seq)

    def _seat(self, space: Space, slot: int) -> Seat:
        return Seat(space, slot, slot.to_bytes(self.layout.slot_bytes, "big"))
