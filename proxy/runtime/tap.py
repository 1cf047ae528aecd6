"""What a connection says and hears, recorded within a bound until it is fetched."""

from collections import deque
from collections.abc import Callable
from typing import NamedTuple, Protocol

from protocol.units import UnixTime

ROOM_BYTES = 1 << 20
"""Of pieces that wait, as in the engine (`TAP_BYTES` in wire.h)."""


class Piece(NamedTuple):
    """What was read at once, or written at once; of Stratum V2 frames in the clear.

    Attributes:
        at: Unix seconds.
        is_ours: We said it; else the peer did.
        missed: Pieces of the same way before it that nobody fetched in time.
        data: Of the peer in any cuts where it is lines, else one frame; of ours whole
            lines or frames.
    """

    at: float
    is_ours: bool
    missed: int
    data: bytes


class Tap(Protocol):
    """A connection's recording."""

    def fetch(self, most: int, /) -> list[Piece]:
        """Return what was recorded since, and forget it.

        Args:
            most: Bytes after which no more is returned for now.
        """

    def close(self) -> None:
        """Record no more."""


class MemoryTap:
    """Records what a connection in Python notes.

    Args:
        wall_clock: Tells the time of day.
        on_close: Called once it records no more.
    """

    def __init__(
        self, wall_clock: Callable[[], UnixTime], on_close: Callable[[], None]
    ) -> None:
        self._wall_clock = wall_clock
        self._on_close = on_close
        self._pieces: deque[Piece] = deque()
        self._size = 0
        self._missed = [0, 0]

    def note(self, is_ours: bool, data: bytes) -> None:  # noqa: FBT001  (a way, as in `Piece`)
        """Record a piece, or that there was no room for it."""
        if self._size + len(data) > ROOM_BYTES:
            self._missed[is_ours] += 1
            return
        missed, self._missed[is_ours] = self._missed[is_ours], 0
        self._size += len(data)
        self._pieces.append(Piece(self._wall_clock(), is_ours, missed, data))

    def ours(self, data: bytes) -> None:
        """Record what we say."""
        self.note(True, data)

    def fetch(self, most: int, /) -> list[Piece]:
        """Return what was recorded since: see `Tap`."""
        found: list[Piece] = []
        size = 0
        while size < most and self._pieces:
            found.append(self._pieces.popleft())
            size += len(found[-1].data)
        self._size -= size
        return found

    def close(self) -> None:
        """Record no more."""
        self._on_close()
        self._pieces.clear()
