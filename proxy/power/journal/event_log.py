"""The rows of the log in the controller's database."""

import sqlite3

from proxy.power.journal.chain import Row

TRIM = 1000
"""Rows that one transaction deletes at most: a few ms, and more than it adds."""

EVENTS = "SELECT id, at, site, kind, cause, body, hash FROM event"

MINUTES = ("meter", "shares")
"""Kinds of rows that are for who verifies the log, and no event of people's."""

Edge = tuple[int, bytes]
"""A row's id and hash."""


def append(db: sqlite3.Connection, rows: list[Row]) -> None:
    """Add rows to the log."""
    db.executemany(
        "INSERT INTO event VALUES (?, ?, ?, ?, ?, ?, ?)",
        [
            (r.id, r.at, r.site, r.kind, r.cause, r.text.decode(), r.hash.hex())
            for r in rows
        ],
    )


def trimmed(db: sqlite3.Connection, wanted: int, anchor: Edge) -> Edge:
    """Delete some of the events up to an id; return where the rest begins.

    Args:
        db: In a transaction.
        wanted: Id of the newest event that may go.
        anchor: Where the log begins.
    """
    upto = min(wanted, anchor[0] + TRIM)
    if upto <= anchor[0]:
        return anchor
    found = edge(db, "SELECT id, hash FROM event WHERE id = ?", (upto,))
    if found is None:
        return anchor
    db.execute("DELETE FROM event WHERE id <= ?", (upto,))
    db.execute("DELETE FROM anchor")
    db.execute("INSERT INTO anchor VALUES (?, ?)", (upto, found[1].hex()))
    return found


def row_of(found: tuple[int, float, str, str, str, str, str]) -> Row:
    """Return a row as `EVENTS` selects it."""
    number, at, site, kind, cause, body, digest = found
    return Row(number, at, site, kind, cause, body.encode(), bytes.fromhex(digest))


def edge(
    db: sqlite3.Connection, sql: str, values: tuple[object, ...] = ()
) -> Edge | None:
    """Return the id and hash that `sql` selects; None: there are none."""
    found = db.execute(sql, values).fetchone()
    return None if found is None else (int(found[0]), bytes.fromhex(found[1]))
