"""Reads all leaves of a log, holds every file against them, hands each leaf on."""

from collections.abc import Callable, Iterable, Sequence
from typing import Protocol

import msgspec
from attrs import define, field, frozen

from protocol.errors import MalformedMessageError
from protocol.tlog.tile import HEIGHT, WIDTH, Edge, TileId, tile_at
from protocol.tlog.tree import leaf_hash
from protocol.unreadable import UNREADABLE
from proxy.verifier.folder import LogCopy, MissingFileError
from proxy.verifier.report import Findings, Moment


class Head(msgspec.Struct, frozen=True, array_like=True):
    """The first line of a leaf."""

    id: int
    at: Moment
    site: str
    kind: str
    cause: str


@frozen
class Leaf:
    """One row of the site's event log.

    Attributes:
        index: Its place in the log, from 0.
        body: JSON.
    """

    index: int
    head: Head
    body: bytes


class Look(Protocol):
    """Looks at leaves of some kinds."""

    @property
    def kinds(self) -> Sequence[str]:
        """Of rows that it looks at."""

    def take(self, leaf: Leaf) -> None:
        """Look at one of these; they come in their order."""

    def end(self) -> None:
        """Say what is to be said once all were seen."""


_decode_head = msgspec.json.Decoder(Head).decode


@define(eq=False, repr=False)
class Reading:
    """One reading of a log.

    Attributes:
        copy: Of the log.
        findings: Where what is wrong goes.
        every: Is given each leaf.
        looks: Are given the leaves of their kinds.
        roots: Sizes at which the root is wanted; it is put there.
        counts: How many leaves of each kind.
        edge: Of what was read.
    """

    copy: LogCopy
    findings: Findings
    every: Callable[[Leaf], None]
    looks: Iterable[Look] = ()
    roots: dict[int, bytes] = field(factory=dict)
    counts: dict[str, int] = field(factory=dict, init=False)
    edge: Edge = field(factory=Edge, init=False)
    _by_kind: dict[str, list[Look]] = field(factory=dict, init=False)
    _size: int = field(default=0, init=False)

    def __attrs_post_init__(self) -> None:
        self.edge.full = self._filled
        for look in self.looks:
            for kind in look.kinds:
                self._by_kind.setdefault(kind, []).append(look)

    def run(self) -> bool:
        """Read all of it; return whether every leaf was there."""
        self._note_root()
        for number in range((self.copy.size + WIDTH - 1) // WIDTH):
            if not self._bundle(number):
                return False
        for level, row in enumerate(self.edge.rows):
            if row:
                number = self._size >> HEIGHT * (level + 1)
                self._hold(tile_at(level, number, self._size), tuple(row))
        for look in self.looks:
            look.end()
        return True

    def _bundle(self, number: int) -> bool:
        tile = tile_at(0, number, self.copy.size)
        try:
            leaves = self.copy.leaves(number)
        except (MissingFileError, MalformedMessageError) as error:
            named = "" if isinstance(error, MissingFileError) else tile.bundle_path
            text = f"{named}: {error}" if named else str(error)
            self.findings.fault(f"{text}: what follows cannot be read", self._size)
            return False
        for text in self.copy.differing_bundles(tile, leaves):
            self.findings.fault(text, self._size)
        for data in leaves:
            self._size += 1
            self.edge.append(leaf_hash(data))
            self._note_root()
            self._hand_on(data)
        return True

    def _note_root(self) -> None:
        if self._size in self.roots:
            self.roots[self._size] = self.edge.root()

    def _hand_on(self, data: bytes) -> None:
        index = self._size - 1
        head, _, body = data.partition(b"\n")
        try:
            leaf = Leaf(index, _decode_head(head), body)
        except UNREADABLE as error:
            self.findings.fault(f"no row of an event log: {error}", index)
            return
        kind = leaf.head.kind
        self.counts[kind] = self.counts.get(kind, 0) + 1
        self.every(leaf)
        for look in self._by_kind.get(kind, ()):
            try:
                look.take(leaf)
            except (*UNREADABLE, OverflowError) as error:
                text = f"a row of kind {kind} that cannot be read: {error}"
                self.findings.fault(text, index, leaf.head.at)

    def _filled(self, level: int, hashes: Sequence[bytes]) -> None:
        number = (self._size >> HEIGHT * (level + 1)) - 1
        self._hold(TileId(level, number), hashes)

    def _hold(self, tile: TileId, hashes: Sequence[bytes]) -> None:
        for text in self.copy.differing(tile, hashes):
            self.findings.fault(text, self._size - 1)
