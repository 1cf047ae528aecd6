"""The event log of the controller: rows that each hold the hash of the one before."""

from collections.abc import Iterable
from hashlib import sha256
from typing import Any

import msgspec
from attrs import frozen

FIRST_HASH = bytes(32)
"""What stands before the first event of all."""

MAX_LEAF = 65_000
"""Bytes of a row's columns and body as they are hashed: in bundles of the log they have
a 16-bit length (C2SP tlog-tiles). What is longer is left out, and said to be."""

MAX_CAUSE = 4_000
"""Characters of a cause where it alone would be too long."""

# Whoever checks the log encodes the columns again: the bytes must be the same.
_encode = msgspec.json.Encoder(order="deterministic").encode


@frozen
class Event:
    """Something that happened to a site, and why.

    Attributes:
        at: Unix seconds.
        kind: order, budget, state, cap, command, admission, acknowledgement, read_back,
            verdict, alarm, action (of an operator) and the like.
        cause: What led to it, for people.
        body: The rest, JSON.
        openings: Of values that the body hides: whose they are, and the text that
            opens each. They are kept beside the log.
    """

    at: float
    site: str
    kind: str
    cause: str
    body: dict[str, Any]
    openings: tuple[tuple[str, str], ...] = ()


@frozen
class Row:
    """An event as it is stored.

    Attributes:
        id: Counts up by one.
        text: Its body as the JSON that was hashed.
        hash: Of the row before and this one.
    """

    id: int
    at: float
    site: str
    kind: str
    cause: str
    text: bytes
    hash: bytes


def rows_after(last_id: int, last_hash: bytes, events: Iterable[Event]) -> list[Row]:
    """Return `events` as the rows that follow the row `last_id`."""
    rows: list[Row] = []
    for event in events:
        last_id += 1
        text = _encode(event.body)
        # A float, as the database gives it back: whole seconds would be spelled 1, and
        # then 1.0.
        head = (last_id, float(event.at), event.site, event.kind, event.cause)
        # Before the hash is taken: the log proves that something was left out, and how
        # much.
        if len(text) + len(_encode(head)) > MAX_LEAF:
            text = _encode({"left_out_bytes": len(text)})
            head = (*head[:-1], event.cause[:MAX_CAUSE])
        last_hash = _hash(last_hash, head, text)
        rows.append(Row(*head, text, last_hash))
    return rows


def first_broken(rows: Iterable[Row], last_id: int, last_hash: bytes) -> int | None:
    """Return the id of the first row that does not follow, None if all do.

    Args:
        rows: In the order of their ids.
        last_id: Of the row before the first of them.
        last_hash: Its hash.
    """
    for row in rows:
        # A gap in the ids is a row that was taken out, even if the hashes were mended.
        follows = sha256(last_hash + leaf_of(row)).digest()
        if row.id != last_id + 1 or row.hash != follows:
            return row.id
        last_id, last_hash = row.id, row.hash
    return None


def leaf_of(row: Row) -> bytes:
    """Return what is hashed of a row: its columns as JSON, a line feed, its body.

    The same bytes are its leaf in the log that others can check (`proxy/oversight`).
    """
    return _leaf((row.id, row.at, row.site, row.kind, row.cause), row.text)


def _leaf(head: tuple[object, ...], text: bytes) -> bytes:
    # JSON has no raw line feed, so no two pairs of columns and body make the same
    # bytes.
    return _encode(head) + b"\n" + text


def _hash(before: bytes, head: tuple[object, ...], text: bytes) -> bytes:
    """Return SHA-256 of the hash before and the row's leaf."""
    return sha256(before + _leaf(head, text)).digest()
