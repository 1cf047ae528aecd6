"""Who searches where: slots of the extranonce, each held by one miner at a time."""

from collections import deque

from attrs import define, field, frozen


@frozen
class Layout:
    """How the extranonce is cut on a site, pinned while miners are connected.

    | upstream extranonce1 | padding | slot       | extranonce2 |
    | the pool             | ours    | per miner  | rolled      |

    Attributes:
        slot_bytes: What a miner knows as its extranonce1.
        extranonce2_bytes: What a miner rolls.
    """

    slot_bytes: int
    extranonce2_bytes: int

    @property
    def room(self) -> int:
        """Bytes of a pool's extranonce2 that this layout needs at least."""
        return self.slot_bytes + self.extranonce2_bytes

    def padding_of(self, extranonce2_size: int) -> int:
        """Return the bytes left over in a pool's extranonce2; negative: too small."""
        return extranonce2_size - self.room


@define
class SlotPool:
    """The slots of one search space: free, held, or waiting for old jobs to retire.

    A slot goes back to the free ones only when no job that its last holder was
    given can be submitted any more, so two live miners never share a space.

    Attributes:
        size: Number of slots; they are numbered from 0.
    """

    size: int
    _held: set[int] = field(factory=set, init=False)
    _waiting: deque[tuple[int, int]] = field(factory=deque, init=False)
    _quarantined: set[int] = field(factory=set, init=False)
    _cursor: int = field(default=0, init=False)

    @property
    def held(self) -> int:
        """Number of slots that are held."""
        return len(self._held)

    @property
    def is_exhausted(self) -> bool:
        """No slot can be had until one is released and out of quarantine."""
        return len(self._held) + len(self._quarantined) >= self.size

    def acquire(self) -> int | None:
        """Take the next free slot, or None if there is none.

        Next-fit: a slot just freed is the last to be taken again.
        """
        if self.is_exhausted:
            return None
        while not self._is_free(self._cursor):
            self._cursor = (self._cursor + 1) % self.size
        slot = self._cursor
        self._cursor = (slot + 1) % self.size
        self._held.add(slot)
        return slot

    def acquire_exactly(self, slot: int) -> bool:
        """Take `slot` if it is free; return whether it was."""
        if not self._is_free(slot):
            return False
        self._held.add(slot)
        return True

    def release(self, slot: int, last_seq: int | None) -> None:
        """Give `slot` back.

        Args:
            slot: One that is held.
            last_seq: The newest job its holder may know; None if it never had one.
                Must not fall from call to call.

        Raises:
            KeyError: The slot is not held.
        """
        self._held.remove(slot)
        if last_seq is not None:
            self._quarantined.add(slot)
            self._waiting.append((last_seq, slot))

    def retire(self, oldest_live_seq: int) -> None:
        """Free the slots whose holders knew only jobs older than `oldest_live_seq`."""
        while self._waiting and self._waiting[0][0] < oldest_live_seq:
            self._quarantined.remove(self._waiting.popleft()[1])

    def _is_free(self, slot: int) -> bool:
        return slot not in self._held and slot not in self._quarantined
