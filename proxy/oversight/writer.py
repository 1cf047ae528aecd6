"""Writes the files of the log, and never a second history.

All of it blocks: it is called on a thread, one call at a time.
"""

import sqlite3
from hashlib import sha256
from pathlib import Path

from attrs import define, field, frozen

from protocol.errors import MalformedMessageError
from protocol.tlog.checkpoint import Checkpoint, checkpoint_of
from protocol.tlog.cosignature import verified
from protocol.tlog.note import Note, VerifierKey
from protocol.tlog.tile import WIDTH, Edge, tile_at
from protocol.tlog.tree import EMPTY_ROOT, leaf_hash
from proxy.oversight.folder import CHECKPOINT, LogFolder, LogFolderError
from proxy.oversight.growth import Growth
from proxy.oversight.rows import LogRow, LogRows, rows_of
from proxy.power.journal.published import Published

FLUSHED_AT = 64
"""Full files that are held before they are written: 64 bundles are 10 MB at the most
that is usual."""


class LogForkedError(Exception):
    """What is in the database is not what was signed; the message says from where on.

    Attributes:
        row: Id of the first row that is another or is missing; 0: it is not known.
    """

    def __init__(self, why: str, row: int = 0) -> None:
        super().__init__(why)
        self.row = row


class LogUnreadableError(Exception):
    """The rows or the files could not be read or written just now."""


@frozen
class Prepared:
    """Files are written for it: it may be kept, and then signed.

    Attributes:
        what: To be kept in the database before it is signed.
    """

    point: Checkpoint
    what: Published


@define(eq=False, repr=False)
class LogWriter:
    """Follows one log from the database into its folder.

    Attributes:
        database: The controller's.
        folder: Where the files go.
        origin: Of the log.
        keys: Of the log: what its own checkpoint is verified with.
        max_rows: That the database keeps: what is older goes once it is published.
    """

    database: Path
    folder: LogFolder
    origin: str
    keys: tuple[VerifierKey, ...]
    max_rows: int
    _growth: Growth | None = field(default=None, init=False)
    _base: int = field(default=0, init=False)
    _last: tuple[int, bytes] = field(default=(0, b""), init=False)
    _signed: Checkpoint | None = field(default=None, init=False)
    _kept: Edge = field(factory=Edge, init=False)
    _written: frozenset[str] = field(default=frozenset(), init=False)

    def prepare(self, spared: int) -> Prepared:
        """Write the files of all rows that are there; return what may be signed.

        Args:
            spared: Leaves that are cosigned: their rows may go if there are too many.

        Raises:
            LogForkedError: The rows are not those that were signed before.
            LogUnreadableError: Try again.
        """
        try:
            with rows_of(self.database) as rows:
                if self._growth is None:
                    self._begin(rows)
                growth = self._go_on(rows, spared)
            # Not while it looks: until that is over the write-ahead log of the database
            # cannot begin anew, and each order has to make it longer.
            return self._written_out(growth)
        except (sqlite3.Error, OSError, LogFolderError, ValueError) as error:
            self._growth = None  # what was read and not written is read again
            raise LogUnreadableError(str(error)) from error
        except MalformedMessageError as error:
            raise LogUnreadableError(str(error)) from error

    def serve(self, note: Note) -> None:
        """Make a signed checkpoint the log's, and drop what it replaces.

        Raises:
            LogForkedError: Another one was put there meanwhile.
            LogUnreadableError: Try again.
        """
        point = checkpoint_of(note.text)
        try:
            self._check_served(point)
            self.folder.write(CHECKPOINT, note.raw)
            self.folder.sync()
        except (OSError, LogFolderError) as error:
            raise LogUnreadableError(str(error)) from error
        self._signed = point
        for tile in self._growth.filled if self._growth else ():
            self.folder.drop_partial(tile)
        if self._growth is not None:
            self._growth.forget()

    def hash_at(self, size: int, level: int, index: int) -> bytes:
        """Return a hash for a proof. See `LogFolder.hash_at`."""
        return self.folder.hash_at(size, level, index)

    def _begin(self, rows: LogRows) -> None:
        """Follow the rows from where they are kept, and look whether they are ours."""
        found = rows.published()
        known = found.get(self.origin)
        if known is None and found:
            others = ", ".join(sorted(found))
            raise LogForkedError(
                f"this database has the log {others}: {self.origin} is begun by"
                " `baseload log new-generation`"
            )
        served = self._served()
        if known is None:
            known = Published(self.origin, rows.anchor()[0], 0, EMPTY_ROOT, Edge())
            if served is not None and served.size:
                raise LogForkedError(
                    f"{self.folder.path} has {served.size} leaves of {self.origin},"
                    " the database knows of none: a backup from before was restored",
                    1,
                )
        points = [Checkpoint(self.origin, known.size, known.root)]
        points += [] if served is None else [served]
        points.sort(key=lambda point: point.size)
        # What is in the folder by its own word is not written again.
        written = 0 if served is None else served.size
        self._growth = self._followed(rows, known, list(points), written)
        self._signed = points[-1]
        self._written = frozenset()

    def _served(self) -> Checkpoint | None:
        """Return the checkpoint in the folder, if it is ours."""
        note = self.folder.checkpoint()
        if note is None:
            return None
        try:
            point = checkpoint_of(note.text)
            is_signed = bool(verified(note, self.keys))
        except MalformedMessageError as error:
            raise LogForkedError(f"{self.folder.path / CHECKPOINT}: {error}") from error
        if point.origin != self.origin or not is_signed:
            raise LogForkedError(
                f"{self.folder.path / CHECKPOINT} is of {point.origin}, or of another"
                " key: `baseload log new-generation` moves it aside"
            )
        return point

    def _followed(
        self, rows: LogRows, known: Published, due: list[Checkpoint], written: int
    ) -> Growth:
        """Return the tree of the rows, held against each checkpoint in `due`."""
        growth = Growth(known.edge.copy())
        first = known.base + growth.size
        last = rows.edge_at(first)
        if last is None:
            raise LogForkedError(f"row {first} and those after it are gone", first)
        self._base, self._last, self._kept = known.base, last, known.edge.copy()
        due = [point for point in due if point.size >= growth.size]
        self._hold(growth, due)
        for row in rows.after(first):
            if not due:
                break
            self._take(growth, row)
            if growth.size <= written:
                growth.forget()
            self._flush(growth)
            self._hold(growth, due)
        if due:
            gone = self._last[0] + 1
            raise LogForkedError(
                f"{due[0].size} leaves were signed, the database has {growth.size}:"
                f" row {gone} is missing. An older copy of it was restored, or rows"
                " were deleted",
                gone,
            )
        return growth

    def _hold(self, growth: Growth, due: list[Checkpoint]) -> None:
        while due and growth.size == due[0].size:
            if growth.edge.root() != due[0].root:
                row = self._first_other(growth.size)
                raise LogForkedError(
                    f"the database has another history than was signed up to leaf"
                    f" {growth.size}" + (f", from row {row} on" if row else ""),
                    row,
                )
            del due[0]

    def _first_other(self, size: int) -> int:
        """Return the first row whose leaf is not in the folder's tiles; 0: unknown."""
        at = self._kept.size
        first = self._base + at
        try:
            with rows_of(self.database) as rows:
                hashes: list[bytes] = []
                for row in rows.after(first):
                    if at >= size:
                        break
                    if at % WIDTH == 0:
                        hashes = self.folder.tile(tile_at(0, at // WIDTH, size))
                    if leaf_hash(row.leaf) != hashes[at % WIDTH]:
                        return row.id
                    at += 1
        except (LogFolderError, IndexError):
            return 0
        return 0

    def _go_on(self, rows: LogRows, spared: int) -> Growth:
        """Return the tree, with the rows that came since the last look."""
        growth = self._growth
        if growth is None or self._signed is None:
            raise LogUnreadableError("it was not begun")
        if rows.edge_at(self._last[0]) != self._last:
            number = self._last[0]
            raise LogForkedError(
                f"row {number} is another than it was, or is gone", number
            )
        for row in rows.after(self._last[0]):
            self._take(growth, row)
            self._flush(growth)
        self._spare(rows, min(spared, rows.last()[0] - self._base - self.max_rows))
        return growth

    def _written_out(self, growth: Growth) -> Prepared:
        """Write what is new of the tree; return what may be signed."""
        unfinished = dict(growth.unfinished())
        # A tile's width is in its name: what has the name has the same hashes.
        new = [(n, data) for n, data in unfinished.items() if n not in self._written]
        self._write([*growth.full, *new])
        growth.full.clear()
        self._written = frozenset(unfinished)
        point = Checkpoint(self.origin, growth.size, growth.edge.root())
        self.folder.sync()
        what = Published(
            self.origin, self._base, point.size, point.root, self._kept.copy()
        )
        return Prepared(point, what)

    def _take(self, growth: Growth, row: LogRow) -> None:
        number, before = self._last
        if row.id != number + 1 or sha256(before + row.leaf).digest() != row.hash:
            raise LogForkedError(f"row {row.id} does not follow row {number}", row.id)
        growth.add(row.leaf)
        self._last = row.id, row.hash

    def _flush(self, growth: Growth) -> None:
        if len(growth.full) >= FLUSHED_AT:
            self._write(growth.full)
            growth.full.clear()

    def _write(self, files: list[tuple[str, bytes]]) -> None:
        for name, data in files:
            self.folder.write(name, data)

    def _spare(self, rows: LogRows, wanted: int) -> None:
        """Let the edge that is kept follow, so that rows before it may go."""
        end = wanted // WIDTH * WIDTH
        size = self._kept.size
        if end <= size:
            return
        for row in rows.after(self._base + size):
            if size == end:
                return
            self._kept.append(leaf_hash(row.leaf))
            size += 1

    def _check_served(self, point: Checkpoint) -> None:
        """Refuse to put a checkpoint beside another that was served meanwhile."""
        served = self._served()
        if self._signed is None or served is None:
            return
        if served.size > point.size or (
            served.size == point.size and served.root != point.root
        ):
            raise LogForkedError(
                f"{self.folder.path / CHECKPOINT} has {served.size} leaves: somebody"
                " else signs this log"
            )
