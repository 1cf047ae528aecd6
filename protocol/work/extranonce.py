"""Who searches where: how the extranonce is cut, and slots held by one miner each."""

from collections import deque
from collections.abc import Iterable

from attrs import define, field, frozen

PROXY_START = 0xE0
"""First byte of all that is kept for proxies below us, an eighth of each space. No slot
of a miner begins with it or a higher one, nor does a group number of miners."""

MAX_DIGITS = 3
"""Of a group's number: 11 million groups, more than a site has."""

_AUTO = {8: (4, 4), 7: (3, 4), 6: (2, 4), 5: (2, 3), 4: (1, 3), 3: (1, 2)}
"""Slot and extranonce2, by the bytes that the smallest source leaves."""

_GENERATIONS = PROXY_START  # that fit a byte beside those of proxies
_PROXY_GENERATIONS = 0x100 - PROXY_START
_CONNECTIONS = 1 << 20  # of one generation: more than a site has spaces


@frozen
class Layout:
    """How the extranonce is cut for the miners of some groups.

    | upstream extranonce1 | padding            | slot       | extranonce2 |
    | the pool             | ours: group number | per miner  | rolled      |

    On one connection to a pool, or one node, padding and slot of a miner are never the
    beginning of another's, so no two search in the same place. Proxies, whose slots are
    shorter, are told from miners by the first byte: `PROXY_START` or higher.

    Attributes:
        slot_bytes: What a miner knows as its extranonce1.
        extranonce2_bytes: What a miner rolls.
        generation: Counts the layouts that a site has used. Each has connections of its
            own to pools, and a padding of its own at nodes.
        is_for_proxies: All of its slots are those of proxies.
    """

    slot_bytes: int
    extranonce2_bytes: int
    generation: int = 0
    is_for_proxies: bool = False

    @property
    def room(self) -> int:
        """Bytes of a pool's extranonce2 that this layout needs at least."""
        return self.slot_bytes + self.extranonce2_bytes

    @property
    def name(self) -> str:
        """As the configuration spells it."""
        return f"{self.slot_bytes}+{self.extranonce2_bytes}"

    @property
    def proxy_slot_bytes(self) -> int:
        """Bytes of a proxy's slot: 65,536 / 8 of them where slots are long.

        Where they are of 2 or 3 B, room is dear: then 1 B, for 32 proxies a space.
        """
        # Sources that leave 5 to 7 B are those with such slots.
        return 1 if self.slot_bytes in {2, 3} else 2

    @property
    def has_proxy_slots(self) -> bool:
        """Some of each space is kept for proxies: slots of 1 B are too few for that."""
        return self.slot_bytes > 1

    @property
    def slots(self) -> range:
        """The slots of one search space."""
        if self.is_for_proxies:
            return _proxy_range(self.slot_bytes)
        if not self.has_proxy_slots:
            return range(1 << 8)
        return range(PROXY_START << 8 * (self.slot_bytes - 1))

    def for_proxies(self, room: int) -> "Layout":
        """Return how proxies cut `room` bytes at this site."""
        rolled = room - self.proxy_slot_bytes
        return Layout(
            self.proxy_slot_bytes, rolled, self.generation, is_for_proxies=True
        )

    def padding_of(self, extranonce2_size: int) -> int:
        """Return the bytes left over in a pool's extranonce2; negative: too small."""
        return extranonce2_size - self.room

    def spaces_of(self, padding_bytes: int) -> int:
        """Return how many search spaces one connection serves with so much padding."""
        # The one byte tells proxies from miners as well: 32 numbers are left of it.
        if padding_bytes == 1 and self.is_for_proxies:
            return _PROXY_GENERATIONS
        # The first of several bytes is the generation's; a single one is the number
        # itself.
        digits = padding_bytes if padding_bytes <= 1 else padding_bytes - 1
        return int(PROXY_START ** min(digits, MAX_DIGITS))

    def connection(self, space: int, padding_bytes: int) -> int:
        """Return which of a pool's connections serves search space number `space`."""
        return self.generation * _CONNECTIONS + space // self.spaces_of(padding_bytes)

    def has_sizes_of(self, other: "Layout") -> bool:
        """Return whether miners of both know the same sizes."""
        return self.name == other.name

    def padding(self, space: int, size: int) -> bytes:
        """Return the `size` bytes of padding of search space number `space`.

        | byte   | content                                               |
        | first  | the number if it is the only one, else the generation; |
        |        | at or above PROXY_START where slots are of proxies     |
        | others | the number, in digits below PROXY_START               |

        The slot of a proxy begins at or above PROXY_START: so all know where it begins.
        """
        if size == 0:
            return b""
        number = space % self.spaces_of(size)
        first = number if size == 1 else self.generation
        most, begin = (
            (_PROXY_GENERATIONS, PROXY_START)
            if self.is_for_proxies
            else (_GENERATIONS, 0)
        )
        return bytes((begin + first % most, *_digits(number, size - 1)))


def auto_layout(rooms: Iterable[int]) -> Layout | None:
    """Return the layout for sources that leave so many bytes; None: all leave too few.

    Those that leave less than any layout needs are not used, and do not count.
    """
    usable = [room for room in rooms if room >= min(_AUTO)]
    if not usable:
        return None
    # The smallest decides: a miner keeps its sizes when the source changes.
    return Layout(*_AUTO[min(*usable, max(_AUTO))])


def read_layout(text: str) -> Layout:
    """Return the layout that `text` spells, such as "4+4".

    Raises:
        ValueError: It spells none.
    """
    slot, _, rolled = text.partition("+")
    layout = Layout(int(slot), int(rolled))
    if not (1 <= layout.slot_bytes <= 4 and 1 <= layout.extranonce2_bytes <= 8):  # noqa: PLR2004  (as the configuration has it)
        raise ValueError(f"layout {text!r}")
    return layout


MAX_RESTING = 1 << 16
"""Slots of one search space that rest; beyond it the oldest is free again. Slots of 1
and 2 B are fewer, and those of 3 and 4 B are taken in turn: 14 million others first."""


@define
class SlotPool:
    """The slots of one search space: free, held, or resting until there is a newer job.

    A slot goes back to the free ones only when all jobs that are given out are newer
    than those its last holder knew. Each job is a search space of its own, so no miner
    searches where another has.

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
    def resting(self) -> int:
        """Number of slots that wait for a newer job."""
        return len(self._waiting)

    def rests(self, slot: int) -> bool:
        """Return whether `slot` is free but for a newer job."""
        return slot in self._quarantined

    @property
    def is_exhausted(self) -> bool:
        """No slot can be had until one is released and has rested."""
        return len(self._held) + len(self._quarantined) >= self.size

    def acquire(self) -> int | None:
        """Take the next free slot, or None if there is none.

        Next-fit: a slot just freed is the last to be taken again.
        """
        if self.is_exhausted:
            return None
        # This ends: some slot is neither held nor resting, as is_exhausted has said.
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
        # The oldest is the first whose jobs are over.
        if len(self._waiting) > MAX_RESTING:
            self._quarantined.remove(self._waiting.popleft()[1])

    def retire(self, oldest_seq: int) -> None:
        """Free the slots whose holders knew only jobs older than `oldest_seq`.

        Args:
            oldest_seq: The oldest job that a miner may be given from now on.
        """
        while self._waiting and self._waiting[0][0] < oldest_seq:
            self._quarantined.remove(self._waiting.popleft()[1])

    def _is_free(self, slot: int) -> bool:
        return slot not in self._held and slot not in self._quarantined


def _digits(number: int, size: int) -> list[int]:
    """Return the last `size` digits of `number` to the base PROXY_START."""
    digits = []
    for _ in range(size):
        number, digit = divmod(number, PROXY_START)
        digits.append(digit)
    return digits[::-1]


def _proxy_range(size: int) -> range:
    shift = 8 * (size - 1)
    return range(PROXY_START << shift, 1 << 8 * size)
