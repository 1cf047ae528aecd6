"""The files of a copied log."""

import os
import re
from collections.abc import Iterator, Sequence
from pathlib import Path

from attrs import frozen

from protocol.errors import MalformedMessageError
from protocol.tlog.tile import (
    MAX_LEAF_BYTES,
    WIDTH,
    TileId,
    hashes_of,
    leaves_of,
    tile_at,
)
from protocol.tlog.tree import HASH_BYTES
from proxy.regular_file import read_regular

CHECKPOINT = "checkpoint"

_MAX_BUNDLE = WIDTH * (2 + MAX_LEAF_BYTES)
_TILE = re.compile(
    r"tile/(entries|\d{1,2})/((?:x\d{3}/)*)(\d{3})(?:\.p/([1-9]\d{0,2}))?"
)


class MissingFileError(Exception):
    """A file is missing or cannot be read; the message names it."""


@frozen
class LogCopy:
    """A folder with `checkpoint` and `tile/...`.

    Attributes:
        path: Of the folder.
        size: Leaves of its checkpoint.
    """

    path: Path
    size: int

    def leaves(self, number: int) -> list[bytes]:
        """Return the leaves under a tile of level 0.

        Raises:
            MissingFileError: Neither the full bundle nor that of this size is there.
            MalformedMessageError: It is none.
        """
        tile = tile_at(0, number, self.size)
        raw = self._read(TileId(0, number).bundle_path, tile.bundle_path, _MAX_BUNDLE)
        leaves = leaves_of(raw)
        if len(leaves) not in {WIDTH, tile.width}:
            raise MalformedMessageError(f"{len(leaves)} leaves, wanted {tile.width}")
        return leaves[: tile.width]

    def differing(self, tile: TileId, hashes: Sequence[bytes]) -> Iterator[str]:
        """Yield what is wrong with the files of a tile of which these are the hashes.

        Also partial ones of smaller sizes that are still there.
        """
        full = TileId(tile.level, tile.number).path
        yield from self._wrong_tile(tile, full, hashes)
        for width in self._widths(full, tile.width):
            part = TileId(tile.level, tile.number, width)
            if part != tile:
                yield from self._wrong_part(part, hashes[:width])

    def differing_bundles(self, tile: TileId, leaves: Sequence[bytes]) -> Iterator[str]:
        """Yield what is wrong with bundles of smaller sizes that are still there."""
        full = TileId(0, tile.number)
        for width in self._widths(full.bundle_path, tile.width):
            part = TileId(0, tile.number, width)
            try:
                raw = read_regular(self.path / part.bundle_path, _MAX_BUNDLE)
                found = leaves_of(raw)
            except OSError as error:
                yield f"{part.bundle_path}: {error.strerror}"
                continue
            except MalformedMessageError as error:
                yield f"{part.bundle_path}: {error}"
                continue
            if found != list(leaves[:width]):
                yield f"{part.bundle_path} differs from the log"

    def strangers(self) -> Iterator[str]:
        """Yield files that a log of this size does not have."""
        for folder, _, names in os.walk(self.path):
            for name in names:
                path = (Path(folder) / name).relative_to(self.path).as_posix()
                if path != CHECKPOINT and not self._belongs(path):
                    # A name may be of bytes that are no text.
                    yield os.fsencode(path).decode("utf-8", "backslashreplace")

    def _belongs(self, path: str) -> bool:
        found = _TILE.fullmatch(path)
        if found is None:
            return False
        level = 0 if found[1] == "entries" else int(found[1])
        number = int(found[2].replace("x", "").replace("/", "") + found[3])
        width = int(found[4] or WIDTH)
        tile = TileId(level, number, width)
        there = tile_at(level, number, self.size).width
        is_spelled = path in {tile.path, tile.bundle_path}
        return is_spelled and 1 <= width <= there

    def _wrong_tile(
        self, tile: TileId, full: str, hashes: Sequence[bytes]
    ) -> Iterator[str]:
        try:
            raw = self._read(full, tile.path, WIDTH * HASH_BYTES)
        except MissingFileError as error:
            yield str(error)
            return
        # A copy may be of a moment later: the full tile holds what this size has.
        if len(raw) == WIDTH * HASH_BYTES and tile.width < WIDTH:
            raw = raw[: tile.width * HASH_BYTES]
        if raw != b"".join(hashes):
            yield f"{tile.path} differs from the leaves{_where(raw, hashes)}"

    def _wrong_part(self, tile: TileId, hashes: Sequence[bytes]) -> Iterator[str]:
        try:
            raw = read_regular(self.path / tile.path, WIDTH * HASH_BYTES)
        except OSError as error:
            yield f"{tile.path}: {error.strerror}"
            return
        if raw != b"".join(hashes):
            yield f"{tile.path} differs from the log"

    def _widths(self, full: str, below: int) -> Iterator[int]:
        """Yield the widths of the partial files beside a tile, up to its own."""
        try:
            names = [path.name for path in (self.path / f"{full}.p").iterdir()]
        except OSError:
            return
        for name in sorted(names):
            if name.isdigit() and name.isascii() and 1 <= int(name) <= below:
                yield int(name)

    def _read(self, full: str, partial: str, limit: int) -> bytes:
        for name in dict.fromkeys((full, partial)):
            try:
                return read_regular(self.path / name, limit)
            except FileNotFoundError:
                continue
            except OSError as error:
                raise MissingFileError(f"{name}: {error.strerror}") from error
        raise MissingFileError(f"{partial} is missing")


def _where(raw: bytes, hashes: Sequence[bytes]) -> str:
    """Return at which hash a tile begins to differ, in words."""
    try:
        found = hashes_of(raw, len(hashes))
    except MalformedMessageError as error:
        return f": {error}"
    first = next(n for n, one in enumerate(found) if one != hashes[n])
    return f", from hash {first} on"
