"""Tiles: how a log lies in files, and the edge of it that is not full yet.

A tile has up to 256 hashes of one level, a bundle the leaves under a tile of level 0,
each with its length before it as 16 bits, big-endian. Spec: c2sp.org/tlog-tiles.
"""

import struct
from collections.abc import Callable, Iterator, Sequence

from attrs import define, field, frozen

from protocol.errors import MalformedMessageError
from protocol.tlog.tree import HASH_BYTES, complete_root, folded, peaks

WIDTH = 256
HEIGHT = 8
"""Levels of the tree that a tile spans: 2**HEIGHT is WIDTH."""

MAX_LEAF_BYTES = 0xFFFF
"""A bundle's entries have a 16-bit length."""

ENTRIES = "entries"
"""Stands for the level in the path of a bundle."""

_LENGTH = struct.Struct(">H")


@frozen
class TileId:
    """Which tile, and how much of it.

    Attributes:
        level: 0: of leaf hashes; each level above spans 256 times as many leaves.
        number: From the left.
        width: Hashes, 1 to 256.
    """

    level: int
    number: int
    width: int = WIDTH

    @property
    def path(self) -> str:
        """Where it lies below the log's folder."""
        return _path(str(self.level), self.number, self.width)

    @property
    def bundle_path(self) -> str:
        """Where the bundle of a tile of level 0 lies."""
        return _path(ENTRIES, self.number, self.width)


def _path(level: str, number: int, width: int) -> str:
    name = f"{number % 1000:03d}"
    while number := number // 1000:
        name = f"x{number % 1000:03d}/{name}"
    partial = f".p/{width}" if width < WIDTH else ""
    return f"tile/{level}/{name}{partial}"


def tile_at(level: int, number: int, size: int) -> TileId:
    """Return a tile as wide as a log of `size` leaves has it; width 0: it has none."""
    there = (size >> HEIGHT * level) - number * WIDTH
    return TileId(level, number, max(0, min(WIDTH, there)))


def tiles_between(old: int, size: int) -> Iterator[TileId]:
    """Yield the tiles that are new or wider since the log had `old` leaves."""
    level = 0
    while (after := size >> HEIGHT * level) > 0:
        before = old >> HEIGHT * level
        for number in range(before // WIDTH, (after - 1) // WIDTH + 1):
            tile = tile_at(level, number, size)
            if number * WIDTH + tile.width > before:
                yield tile
        level += 1


def bundle(leaves: Sequence[bytes]) -> bytes:
    """Return leaves as a bundle has them.

    Raises:
        ValueError: One is longer than a bundle can say.
    """
    for leaf in leaves:
        if len(leaf) > MAX_LEAF_BYTES:
            raise ValueError(f"a leaf of {len(leaf)} B, at most {MAX_LEAF_BYTES}")
    return b"".join(_LENGTH.pack(len(leaf)) + leaf for leaf in leaves)


def leaves_of(raw: bytes) -> list[bytes]:
    """Return the leaves of a bundle.

    Raises:
        MalformedMessageError: It ends within one, or has more than a bundle may.
    """
    found: list[bytes] = []
    at, end = 0, len(raw)
    while at < end:
        if at + _LENGTH.size > end or len(found) == WIDTH:
            raise MalformedMessageError("a bundle that is cut off or too long")
        (length,) = _LENGTH.unpack_from(raw, at)
        at += _LENGTH.size
        if at + length > end:
            raise MalformedMessageError("a bundle that ends within a leaf")
        found.append(raw[at : at + length])
        at += length
    return found


def hashes_of(raw: bytes, width: int) -> list[bytes]:
    """Return the hashes of a tile.

    Raises:
        MalformedMessageError: It has not as many as its name says.
    """
    if len(raw) != width * HASH_BYTES:
        wanted = width * HASH_BYTES
        raise MalformedMessageError(f"a tile of {len(raw)} B, wanted {wanted}")
    return [raw[i : i + HASH_BYTES] for i in range(0, len(raw), HASH_BYTES)]


@define(eq=False, repr=False)
class Edge:
    """The unfinished tiles of a log, one a level: all that its growth needs.

    Attributes:
        rows: The hashes of each, the leaves' first; 255 at the most.
        full: Is told each tile that gets full: level and hashes, the leaves' first.
    """

    rows: list[list[bytes]] = field(factory=list)
    full: Callable[[int, Sequence[bytes]], None] | None = None

    @property
    def size(self) -> int:
        """Leaves of the log."""
        return sum(len(row) << HEIGHT * level for level, row in enumerate(self.rows))

    def root(self) -> bytes:
        """Return the root of the log."""
        return folded([p for row in reversed(self.rows) for p in peaks(row)])

    def append(self, leaf: bytes) -> None:
        """Add the hash of a leaf; what is full goes up as one hash."""
        level, hash_ = 0, leaf
        while True:
            if level == len(self.rows):
                self.rows.append([])
            row = self.rows[level]
            row.append(hash_)
            if len(row) < WIDTH:
                return
            if self.full is not None:
                self.full(level, tuple(row))
            hash_ = complete_root(row)
            row.clear()
            level += 1

    def copy(self) -> "Edge":
        """Return one that grows on its own."""
        return Edge([list(row) for row in self.rows])

    def encoded(self) -> bytes:
        """Return it as bytes: of each level how many hashes (u16, big-endian), them."""
        return b"".join(_LENGTH.pack(len(r)) + b"".join(r) for r in self.rows)

    @classmethod
    def decoded(cls, raw: bytes) -> "Edge":
        """Read what `encoded` returned.

        Raises:
            MalformedMessageError: It did not.
        """
        rows, at = [], 0
        while at < len(raw):
            count = int.from_bytes(raw[at : at + _LENGTH.size], "big")
            at += _LENGTH.size
            end = at + count * HASH_BYTES
            if count >= WIDTH:
                raise MalformedMessageError("an edge whose tile is full")
            rows.append(hashes_of(raw[at:end], count))
            at = end
        return cls(rows)
