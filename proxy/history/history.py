"""The series of all sites and pools."""

from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

import numpy as np
from attrs import define, field, frozen
from twisted.logger import Logger

from proxy.history.columns import KINDS, Columns
from proxy.history.ring import FINEST, TIERS, Piece, Ring, Tier

MAX_SERIES = 64
"""Of each kind: 64 sites take 145 MB, 64 pools 97 MB, once five weeks are full (36 and
24 B for each of 62,820 rows)."""

MAX_PIECES = 512
"""That one save takes of what it could not before, 2 ms of the reactor to copy; a
minute of 64 sites and 64 pools has 384. A file that has gone is whole again, with 4 of
each, after 17 minutes."""

NEWEST_PIECES = 2
"""Of each ring: those that a minute writes to."""

LATEST = 4_102_444_800
"""2100: a clock that says more is wrong."""

SET_BACK_S = 60
"""By so much a clock may be corrected, and is believed at once."""

BELIEVED_AFTER = 600
"""Seconds after which a clock that was set back by more is believed: until then a
machine may have been started with a wrong one, and what it knew is kept."""


class Key(NamedTuple):
    """Whose series it is.

    Attributes:
        kind: One of `columns.KINDS`.
    """

    kind: str
    name: str


@frozen
class Row:
    """What one of them is at a moment; None: it is not known."""

    key: Key
    values: Sequence[float | None]


@define(eq=False, repr=False)
class Series:
    """The rings of a site or a pool, the finest first.

    Attributes:
        written_at: The second of its newest row.
    """

    columns: Columns
    rings: tuple[Ring, ...] = field(init=False)
    written_at: int = field(default=0, init=False)

    def __attrs_post_init__(self) -> None:
        width = len(self.columns.names)
        self.rings = tuple(Ring(tier, width) for tier in TIERS)

    def ring(self, tier: Tier) -> Ring:
        """Return the ring of a tier."""
        return self.rings[TIERS.index(tier)]

    def put(self, at: int, values: Sequence[float | None]) -> None:
        """Write the row of a second."""
        self.rings[0].put(at, np.array(values, np.float32))
        self.written_at = at

    def close(self, last: int, now: int) -> None:
        """Make the coarser rows of `last` that are over `now`."""
        for ring in self.rings[1:]:
            step = ring.tier.step
            start = last // step * step
            if now // step * step == start:
                continue
            rows = self.rings[0].rows(start, step)
            if not np.isnan(rows).all():
                ring.put(start, self.columns.fold(rows))


@define(eq=False, repr=False)
class History:
    """What was, of everything that is or was lately.

    Attributes:
        gone: Whose rows the file still has and memory does not.
    """

    _log = Logger()

    series: dict[Key, Series] = field(factory=dict, init=False)
    gone: set[Key] = field(factory=set, init=False)
    _last: int | None = field(default=None, init=False)
    _doubted: int = field(default=0, init=False)
    _is_full: set[str] = field(factory=set, init=False)

    def record(self, at: float, rows: Iterable[Row]) -> None:
        """Write what all are at the Unix time `at`."""
        now = int(at)
        if not 0 <= now < LATEST or self._is_in_doubt(now):
            return
        last, self._last = self._last, now
        if last is not None and now < last:  # the clock was set back
            self.forget_from(now)
        elif last is not None and now > last:
            for one in self.series.values():
                one.close(last, now)
        for row in rows:
            series = self.series.get(row.key) or self._begin(row.key)
            if series is not None:
                series.put(now, row.values)

    def forget_from(self, at: int) -> None:
        """Forget what was said of the time from `at` on."""
        for one in self.series.values():
            for ring in one.rings:
                ring.forget_from(at)

    def restore(self, key: Key) -> Series | None:
        """Return the series that rows of the file belong to; None: there are too many.

        Its rings are to be filled before the first `record`.
        """
        return self.series.get(key) or self._begin(key)

    def restored(self) -> None:
        """Take note that all that the file has is restored."""
        for one in self.series.values():
            found = [ring.newest() for ring in one.rings]
            one.written_at = max((at for at in found if at is not None), default=0)
        finest = [one.rings[0].newest() for one in self.series.values()]
        self._last = max((at for at in finest if at is not None), default=None)

    def pieces(self) -> Iterator[tuple[Key, Piece]]:
        """Yield what was written to since this was last asked for.

        `MAX_PIECES`, and of each ring the newest: what is left comes next time.
        """
        left = MAX_PIECES
        for key, one in self.series.items():
            for ring in one.rings:
                for piece in ring.take_dirty(max(left, NEWEST_PIECES)):
                    left -= 1
                    yield key, piece

    def all_is_dirty(self) -> None:
        """Have the next `pieces` yield everything: the file has nothing."""
        for one in self.series.values():
            for ring in one.rings:
                ring.all_is_dirty()

    def _is_in_doubt(self, now: int) -> bool:
        """Return whether the clock was set back by much, a moment ago."""
        is_back = self._last is not None and now < self._last - SET_BACK_S
        self._doubted = self._doubted + 1 if is_back else 0
        return 0 < self._doubted < BELIEVED_AFTER

    def _begin(self, key: Key) -> Series | None:
        """Return a new series, in the place of one that is gone if need be."""
        same = [other for other in self.series if other.kind == key.kind]
        if len(same) >= MAX_SERIES and not self._make_room(same):
            if key.kind not in self._is_full:
                self._is_full.add(key.kind)
                self._log.warn(
                    "history is kept of {most} {kind}s, and not of {name}",
                    most=MAX_SERIES,
                    kind=key.kind,
                    name=key.name,
                )
            return None
        self.gone.discard(key)
        found = self.series[key] = Series(KINDS[key.kind])
        return found

    def _make_room(self, those: list[Key]) -> bool:
        """Let go of the one that was written last of all; False: all are in use."""
        oldest = min(those, key=lambda key: self.series[key].written_at)
        if self._last is None:
            return False
        if self.series[oldest].written_at >= self._last - FINEST.reach:
            return False
        del self.series[oldest]
        self.gone.add(oldest)
        return True
