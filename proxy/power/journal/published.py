"""What of the log was signed for others: how far, and from where it can be followed."""

import sqlite3

from attrs import frozen

from protocol.tlog.tile import Edge


@frozen
class Published:
    """The newest checkpoint of one log.

    Attributes:
        base: Id of the row before leaf 0.
        size: Leaves.
        edge: Of an earlier size, a multiple of 256: rows up to there may be deleted.
    """

    origin: str
    base: int
    size: int
    root: bytes
    edge: Edge

    @property
    def spared_after(self) -> int:
        """Rows up to this id may be deleted."""
        return self.base + self.edge.size


def all_published(db: sqlite3.Connection) -> list[Published]:
    """Return every log that was begun here."""
    found = db.execute("SELECT origin, base, size, root, edge FROM published")
    return [
        Published(origin, base, size, bytes.fromhex(root), Edge.decoded(edge))
        for origin, base, size, root, edge in found
    ]


def save_published(db: sqlite3.Connection, one: Published) -> None:
    """Keep the newest checkpoint of a log, instead of the one before."""
    sql = "INSERT OR REPLACE INTO published VALUES (?, ?, ?, ?, ?)"
    row = (one.origin, one.base, one.size, one.root.hex(), one.edge.encoded())
    db.execute(sql, row)
