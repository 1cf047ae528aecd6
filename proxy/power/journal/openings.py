"""What opens the hidden values of rows: kept beside the log, never in it."""

import sqlite3
from collections.abc import Iterable, Iterator

from attrs import frozen

from proxy.power.journal.chain import Event


@frozen
class KeptOpening:
    """The opening of a value in a row.

    Attributes:
        event: Id of the row.
        text: See `protocol.tlog.disclosure`.
    """

    event: int
    tenant: str
    text: str


def save_openings(db: sqlite3.Connection, first: int, events: Iterable[Event]) -> None:
    """Keep what opens the values of events, within their transaction.

    Args:
        db: In a transaction.
        first: Id of the row of the first event.
        events: In the order of their rows.
    """
    rows = [
        (number, tenant, text)
        for number, event in enumerate(events, first)
        for tenant, text in event.openings
    ]
    if rows:
        db.executemany("INSERT INTO opening VALUES (?, ?, ?)", rows)


def openings_of(db: sqlite3.Connection, tenant: str) -> Iterator[KeptOpening]:
    """Yield what opens the values of one tenant, the oldest first."""
    sql = "SELECT event, tenant, text FROM opening WHERE tenant = ? ORDER BY event"
    for row in db.execute(sql, (tenant,)):
        yield KeptOpening(*row)
