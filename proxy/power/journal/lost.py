"""What a controller's database that was moved aside would have been asked for."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

from proxy.runtime.database_file import reading_alone


def lost_records(path: Path) -> Iterator[str]:
    """Yield what is in the damaged file at `path`, as far as it can be read."""
    for table, what in (
        ("site_order", "orders: give those that are to hold again"),
        ("machine", "machines, as they were last told to run or not"),
        ("energy_hour", "hours of energy: statements of months past lack them"),
        ("event", "events: a new log begins, with a first hash of its own"),
    ):
        try:
            with closing(reading_alone(path)) as db:
                (number,) = db.execute(f"SELECT count(*) FROM {table}").fetchone()  # noqa: S608  (names from above)
            yield f"{number} {what}"
        except sqlite3.Error as error:
            yield f"{what}; how many cannot be read: {error}"
