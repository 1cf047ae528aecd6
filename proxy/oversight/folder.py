"""The folder of a log: `checkpoint`, `tile/L/N[.p/W]`, `tile/entries/N[.p/W]`.

Static files, for anybody to copy and to serve. Spec: c2sp.org/tlog-tiles.
"""

import os
import shutil
from contextlib import suppress
from pathlib import Path

from attrs import define, field

from protocol.errors import MalformedMessageError
from protocol.tlog.note import MAX_NOTE_BYTES, Note, note_of
from protocol.tlog.tile import HEIGHT, WIDTH, TileId, hashes_of, leaves_of, tile_at
from protocol.tlog.tree import HASH_BYTES, complete_root
from proxy.runtime.whole_file import sync_folder

LOG_FOLDER = "log"
"""In `state_dir`."""

CHECKPOINT = "checkpoint"

_FOLDER_MODE = 0o755
_FILE_MODE = 0o644
"""For others to read."""


class LogFolderError(Exception):
    """A file of the log is missing or not what it should be; the message names it."""


@define(eq=False, repr=False)
class LogFolder:
    """Reads and writes the files of one log."""

    path: Path
    _unsynced: set[Path] = field(factory=set, init=False)

    def write(self, name: str, data: bytes) -> None:
        """Write a file whole; its name is on disk after `sync`.

        Raises:
            OSError: It could not be written.
        """
        path = self.path / name
        if not path.parent.is_dir():
            self._make(path.parent)
        part = path.with_name(path.name + ".part")
        part.unlink(missing_ok=True)  # of one that was killed
        handle = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, _FILE_MODE)
        with os.fdopen(handle, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(handle)
        part.replace(path)
        self._unsynced.add(path.parent)

    def sync(self) -> None:
        """Have the names of all that was written on disk."""
        for folder in self._unsynced:
            sync_folder(folder)
        self._unsynced.clear()

    def checkpoint(self) -> Note | None:
        """Return the checkpoint; None: there is none.

        Raises:
            LogFolderError: It cannot be read.
        """
        path = self.path / CHECKPOINT
        try:
            with path.open("rb") as file:
                return note_of(file.read(MAX_NOTE_BYTES + 1))
        except FileNotFoundError:
            return None
        except (OSError, MalformedMessageError) as error:
            raise LogFolderError(f"{path}: {error}") from error

    def tile(self, tile: TileId) -> list[bytes]:
        """Return the hashes of a tile, cut from the full one where that is there.

        Raises:
            LogFolderError: It is not there, or is none.
        """
        full = TileId(tile.level, tile.number)
        raw = self._read(full.path, tile.path, WIDTH * HASH_BYTES)
        is_full = len(raw) == WIDTH * HASH_BYTES
        try:
            found = hashes_of(raw, WIDTH if is_full else tile.width)
        except MalformedMessageError as error:
            raise LogFolderError(f"{self.path / tile.path}: {error}") from error
        return found[: tile.width]

    def bundle(self, tile: TileId) -> list[bytes]:
        """Return the leaves under a tile of level 0.

        Raises:
            LogFolderError: It is not there, or is none.
        """
        full = TileId(0, tile.number)
        raw = self._read(full.bundle_path, tile.bundle_path, WIDTH * (2 + 0xFFFF))
        where = self.path / tile.bundle_path
        try:
            leaves = leaves_of(raw)
        except MalformedMessageError as error:
            raise LogFolderError(f"{where}: {error}") from error
        if len(leaves) not in {WIDTH, tile.width}:
            raise LogFolderError(f"{where}: {len(leaves)} leaves")
        return leaves[: tile.width]

    def hash_at(self, size: int, level: int, index: int) -> bytes:
        """Return the root of a complete subtree, as `tree.HashAt` wants it.

        Args:
            size: Of the log.
            level: Of the subtree.
            index: Likewise.

        Raises:
            LogFolderError: A tile is not there, or is none.
        """
        tile_level = level // HEIGHT
        inner = level - tile_level * HEIGHT
        begin = index << inner
        number = begin // WIDTH
        hashes = self.tile(tile_at(tile_level, number, size))
        begin -= number * WIDTH
        return complete_root(hashes[begin : begin + (1 << inner)])

    def drop_partial(self, tile: TileId) -> None:
        """Delete the partial files of a tile that is full now."""
        full = TileId(tile.level, tile.number)
        names = [full.path] if tile.level else [full.path, full.bundle_path]
        for name in names:
            if (self.path / name).exists():
                with suppress(OSError):
                    shutil.rmtree(self.path / f"{name}.p")

    def _make(self, folder: Path) -> None:
        missing = [folder]
        while not missing[-1].parent.is_dir():
            missing.append(missing[-1].parent)
        for one in reversed(missing):
            one.mkdir(_FOLDER_MODE, exist_ok=True)
            self._unsynced.add(one.parent)

    def _read(self, full: str, partial: str, limit: int) -> bytes:
        for name in dict.fromkeys((full, partial)):
            try:
                with (self.path / name).open("rb") as file:
                    return file.read(limit + 1)
            except FileNotFoundError:
                continue
            except OSError as error:
                raise LogFolderError(f"{self.path / name}: {error}") from error
        raise LogFolderError(f"{self.path / partial} is missing")
