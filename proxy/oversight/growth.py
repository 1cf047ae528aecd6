"""A log that grows leaf by leaf, and the files that this makes."""

from collections.abc import Iterator, Sequence

from attrs import define, field

from protocol.tlog.tile import HEIGHT, WIDTH, Edge, TileId, bundle, tile_at
from protocol.tlog.tree import leaf_hash


@define(eq=False, repr=False)
class Growth:
    """The unfinished tiles of a log, and what got full since it was last asked.

    Attributes:
        edge: Begins at a multiple of 256 leaves.
        full: Files of tiles that got full: path and bytes.
        filled: These tiles.
    """

    edge: Edge
    full: list[tuple[str, bytes]] = field(factory=list, init=False)
    filled: list[TileId] = field(factory=list, init=False)
    _leaves: list[bytes] = field(factory=list, init=False)
    _size: int = field(init=False)

    def __attrs_post_init__(self) -> None:
        self._size = self.edge.size
        if self._size % WIDTH:
            raise ValueError(f"{self._size} leaves are no whole tiles")
        self.edge.full = self._filled

    @property
    def size(self) -> int:
        """Leaves."""
        return self._size

    def add(self, leaf: bytes) -> None:
        """Add a leaf."""
        self._leaves.append(leaf)
        self._size += 1
        self.edge.append(leaf_hash(leaf))

    def unfinished(self) -> Iterator[tuple[str, bytes]]:
        """Yield the files of the tiles that are not full: path and bytes."""
        if self._leaves:
            tile = tile_at(0, self._size // WIDTH, self._size)
            yield tile.bundle_path, bundle(self._leaves)
        for level, row in enumerate(self.edge.rows):
            if row:
                number = self._size >> HEIGHT * (level + 1)
                yield tile_at(level, number, self._size).path, b"".join(row)

    def forget(self) -> None:
        """Forget what got full: it is written, or was before."""
        self.full.clear()
        self.filled.clear()

    def _filled(self, level: int, hashes: Sequence[bytes]) -> None:
        tile = TileId(level, (self._size >> HEIGHT * (level + 1)) - 1)
        self.filled.append(tile)
        if level == 0:
            self.full.append((tile.bundle_path, bundle(self._leaves)))
            self._leaves.clear()
        self.full.append((tile.path, b"".join(hashes)))
