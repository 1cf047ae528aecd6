"""What a row of a series has, and how rows make a coarser one."""

from collections.abc import Mapping
from enum import Enum
from typing import Any

import numpy as np
from attrs import field, frozen
from numpy.typing import NDArray

Rows = NDArray[np.float32]


class Fold(Enum):
    """What many values make one by; what is not known is left out."""

    MEAN = "mean"
    SUM = "sum"
    MOST = "most"


@frozen
class Columns:
    """Names of values, and how each is folded."""

    folds: Mapping[str, Fold]
    names: tuple[str, ...] = field(init=False)
    _is_sum: Any = field(init=False)
    _is_most: Any = field(init=False)

    def __attrs_post_init__(self) -> None:
        folds = [*self.folds.values()]
        is_sum = np.array([one is Fold.SUM for one in folds])
        is_most = np.array([one is Fold.MOST for one in folds])
        object.__setattr__(self, "names", tuple(self.folds))
        object.__setattr__(self, "_is_sum", is_sum)
        object.__setattr__(self, "_is_most", is_most)

    def fold(self, rows: Rows) -> Rows:
        """Return `rows`, shape (n, columns), as one row of float32."""
        known = ~np.isnan(rows)
        count = known.sum(0)
        total = np.where(known, rows, 0.0).sum(0, dtype=np.float64)
        most = np.where(known, rows, -np.inf).max(0)
        found = np.where(self._is_sum, total, total / np.maximum(count, 1))
        found = np.where(self._is_most, most, found)
        return np.where(count > 0, found, np.nan).astype(np.float32)


def fold_column(values: Rows, many: int, how: Fold) -> NDArray[np.float64]:
    """Return each `many` of `values` in a row as one; their number is a multiple."""
    rows = values.astype(np.float64).reshape(-1, many)
    known = ~np.isnan(rows)
    count = known.sum(1)
    if how is Fold.MOST:
        found = np.where(known, rows, -np.inf).max(1)
    else:
        found = np.where(known, rows, 0.0).sum(1)
        if how is Fold.MEAN:
            found /= np.maximum(count, 1)
    return np.where(count > 0, found, np.nan)


SITE = Columns(
    {
        "power_w": Fold.MEAN,
        "budget_w": Fold.MEAN,
        "cap_hs": Fold.MEAN,
        "hashrate_hs": Fold.MEAN,
        "accepted": Fold.SUM,
        "rejected": Fold.SUM,
        "connected": Fold.MEAN,
        "active": Fold.MEAN,
        "parked": Fold.MEAN,
    }
)
"""Of a site. `hashrate_hs` is that of the last minute; `accepted` and `rejected` count
shares; the others count miners."""

POOL = Columns(
    {
        "accepted": Fold.SUM,
        "rejected": Fold.SUM,
        "lost": Fold.SUM,
        "answers_s": Fold.SUM,
        "slowest_s": Fold.MOST,
        "up": Fold.MEAN,
    }
)
"""Of a pool: shares by what became of them, how long its answers took in all and the
slowest of them, and whether it had work for us (0 or 1)."""

KINDS: Mapping[str, Columns] = {"site": SITE, "pool": POOL}
