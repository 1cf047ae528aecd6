"""A ring of rows by the time that they are of."""

from collections.abc import Iterator

import numpy as np
from attrs import define, field, frozen
from numpy.typing import NDArray

from proxy.history.columns import Rows

PIECE_ROWS = 60

NEVER = -1
"""The start of a piece that has none."""


@frozen
class Tier:
    """How fine, and how far back.

    Attributes:
        step: Seconds of a row.
        pieces: Of `PIECE_ROWS` rows each; one more than the time asks for, since the
            newest is never full.
    """

    step: int
    pieces: int

    @property
    def rows(self) -> int:
        """How many rows it has."""
        return self.pieces * PIECE_ROWS

    @property
    def reach(self) -> int:
        """Seconds that it has for certain."""
        return (self.pieces - 1) * PIECE_ROWS * self.step


TIERS = (Tier(1, 61), Tier(10, 145), Tier(60, 841))
"""An hour of seconds, a day of ten seconds, 35 days of minutes: 62,820 rows."""

FINEST = TIERS[0]


@frozen
class Piece:
    """Rows as they are kept on disk.

    Attributes:
        step: Of its ring.
        position: In its ring.
        start: Unix time of its first row; `NEVER`: it holds nothing.
        body: Its rows, float32 with the lowest byte first.
    """

    step: int
    position: int
    start: int
    body: bytes


@define(eq=False, repr=False)
class Ring:
    """Rows of one tier; a row that nothing was written to is NaN.

    Attributes:
        dirty: Positions of pieces that were written to since they were last taken.
    """

    tier: Tier
    width: int
    dirty: set[int] = field(factory=set, init=False)
    _starts: NDArray[np.int64] = field(init=False)
    _rows: Rows = field(init=False)

    def __attrs_post_init__(self) -> None:
        self._starts = np.full(self.tier.pieces, NEVER, np.int64)
        # Not filled: pages that no piece has begun in take no memory.
        self._rows = np.empty((self.tier.rows, self.width), np.float32)

    def put(self, at: int, row: Rows) -> None:
        """Write the row of the Unix time `at`, a multiple of the tier's step."""
        number = at // self.tier.step
        position = number // PIECE_ROWS % self.tier.pieces
        start = number // PIECE_ROWS * PIECE_ROWS * self.tier.step
        if self._starts[position] != start:
            first = position * PIECE_ROWS
            self._rows[first : first + PIECE_ROWS] = np.nan
            self._starts[position] = start
        self._rows[number % self.tier.rows] = row
        self.dirty.add(position)

    def rows(self, since: int, count: int) -> Rows:
        """Return `count` rows from `since`, a multiple of the step, on."""
        places, is_known = self.places(since, count)
        return np.where(is_known[:, None], self._rows[places], np.float32(np.nan))

    def places(
        self, since: int, count: int
    ) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
        """Return where rows are, and which of them are of the time asked for."""
        numbers = np.arange(since // self.tier.step, since // self.tier.step + count)
        starts = numbers // PIECE_ROWS * (PIECE_ROWS * self.tier.step)
        places = numbers % self.tier.rows
        return places, self._starts[places // PIECE_ROWS] == starts

    def column(
        self, number: int, places: NDArray[np.int64], is_known: NDArray[np.bool_]
    ) -> Rows:
        """Return one column of the rows at `places`."""
        return np.where(is_known, self._rows[places, number], np.float32(np.nan))

    def forget_from(self, at: int) -> None:
        """Forget rows that were not over at the Unix time `at`."""
        step, span = self.tier.step, PIECE_ROWS * self.tier.step
        last = at - step  # the start of the last row that may stay
        for position in np.flatnonzero(self._starts + span - step > last).tolist():
            start = int(self._starts[position])
            kept = max(0, (last - start) // step + 1)
            first = position * PIECE_ROWS
            self._rows[first + kept : first + PIECE_ROWS] = np.nan
            if not kept:
                self._starts[position] = NEVER
            self.dirty.add(position)

    def newest(self) -> int | None:
        """Return the Unix time of the newest row; None: there is none."""
        for position in np.argsort(-self._starts).tolist():
            start, first = int(self._starts[position]), position * PIECE_ROWS
            if start == NEVER:
                break
            rows = self._rows[first : first + PIECE_ROWS]
            written = np.flatnonzero(~np.isnan(rows).all(1))
            if written.size:
                return start + int(written[-1]) * self.tier.step
        return None

    def take_dirty(self, most: int) -> Iterator[Piece]:
        """Yield some of the pieces that were written to; they are dirty no more.

        The newest first: they change most.
        """
        newest = sorted(self.dirty, key=lambda one: -int(self._starts[one]))
        for position in newest[:most]:
            first = position * PIECE_ROWS
            rows = self._rows[first : first + PIECE_ROWS]
            start = int(self._starts[position])
            body = rows.astype("<f4").tobytes() if start != NEVER else b""
            self.dirty.discard(position)
            yield Piece(self.tier.step, position, start, body)

    def all_is_dirty(self) -> None:
        """Have all that there is taken again."""
        self.dirty.update(np.flatnonzero(self._starts != NEVER).tolist())

    def restore(self, piece: Piece, where: list[int | None]) -> None:
        """Put back a piece of the file; one that does not belong here is left out.

        Args:
            piece: As it was kept.
            where: For each column of the ring, its place in a row of the piece; None:
                it had no such column then.
        """
        is_ours = 0 <= piece.position < self.tier.pieces and not piece.start % (
            PIECE_ROWS * self.tier.step
        )
        number = piece.start // (PIECE_ROWS * self.tier.step)
        if not is_ours or number % self.tier.pieces != piece.position:
            return
        width = len(piece.body) // (4 * PIECE_ROWS)
        if piece.start < 0 or 4 * PIECE_ROWS * width != len(piece.body):
            return
        kept = np.frombuffer(piece.body, "<f4").reshape(PIECE_ROWS, width)
        first = piece.position * PIECE_ROWS
        rows = self._rows[first : first + PIECE_ROWS]
        rows[:] = np.nan
        for column, place in enumerate(where):
            if place is not None and place < width:
                rows[:, column] = kept[:, place]
        self._starts[piece.position] = piece.start
