"""Signed documents in the controller's database."""

import sqlite3
from collections.abc import Iterable

from proxy.power.orders.documents import DocumentRow, Kept

_SAVE = """INSERT INTO document VALUES (?, ?, ?, ?, ?, ?, ?, ?)
    ON CONFLICT (site, id) DO UPDATE SET
    signatures = excluded.signatures, verdict = excluded.verdict,
    leaf = excluded.leaf, at = excluded.at, until = excluded.until"""


def save_documents(
    db: sqlite3.Connection, site: str, rows: Iterable[DocumentRow], leaf: int
) -> None:
    """Keep documents.

    Args:
        db: In a transaction.
        site: Whose they are.
        rows: What is known of each.
        leaf: Number of the newest event, which tells of those that name none.
    """
    db.executemany(
        _SAVE,
        [
            (
                *(r.id, site, r.body, r.signatures, r.kept.value),
                *(r.leaf or leaf, r.at, r.until),
            )
            for r in rows
        ],
    )


def kept_documents(db: sqlite3.Connection, site: str) -> list[DocumentRow]:
    """Return the documents of a site, in the order in which they were written down."""
    found = db.execute(
        "SELECT id, body, signatures, verdict, at, until, leaf FROM document"
        " WHERE site = ? ORDER BY leaf",
        (site,),
    )
    return [
        DocumentRow(name, body, signatures, Kept(verdict), at, until, leaf)
        for name, body, signatures, verdict, at, until, leaf in found
    ]


def forget_documents(db: sqlite3.Connection, site: str, until: float) -> None:
    """Delete what may be forgotten since a moment, Unix seconds."""
    sql = "DELETE FROM document WHERE site = ? AND until <= ?"
    db.execute(sql, (site, until))
