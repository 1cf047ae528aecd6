"""What a ledger that was moved aside would have gone on to sum."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

from proxy.runtime.database_file import reading_alone

MAX_SITES = 100

_SUMS = (
    "SELECT site, min(day), max(day), sum(accepted), sum(work) FROM work_day"
    " GROUP BY site ORDER BY site LIMIT ?"
)


def lost_sums(path: Path) -> Iterator[str]:
    """Yield a sentence for each site whose sums are in the damaged file at `path`.

    They are what can still be read, and what had been copied from the log.
    """
    # The file is damaged: whatever SQLite or a cell of it says is part of the answer.
    try:
        with closing(reading_alone(path)) as connection:
            rows = connection.execute(_SUMS, (MAX_SITES,)).fetchall()
        for site, first, last, accepted, work in rows:
            yield (
                f"the sums of site {site}, {_date(first)} to {_date(last)}: at least"
                f" {accepted} accepted shares, work {work:.6g}"
            )
    except (sqlite3.Error, ValueError, TypeError, OverflowError, OSError) as error:
        yield f"the sums of all sites up to now; they cannot be read: {error}"
    else:
        if not rows:
            yield "nothing that was in the sums already"


def _date(day: int) -> str:
    return datetime.fromtimestamp(day * 86400, UTC).date().isoformat()
