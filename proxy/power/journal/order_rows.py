"""Orders in the controller's database, and when each source was last heard."""

import sqlite3
from collections.abc import Sequence

import msgspec

from protocol.units import UnixTime
from proxy.power.orders.order import Order

_encode = msgspec.json.encode
_decode = msgspec.json.Decoder(Order).decode

_SPOKE = """INSERT INTO spoken VALUES (?, ?, ?) ON CONFLICT (site, source)
    DO UPDATE SET at = max(at, excluded.at)"""
"""Renewals since are not undone."""


def save_orders(db: sqlite3.Connection, site: str, orders: Sequence[Order]) -> None:
    """Write all orders of a site in place of those that there were."""
    db.execute("DELETE FROM site_order WHERE site = ?", (site,))
    db.executemany(
        "INSERT INTO site_order VALUES (?, ?, ?, ?)",
        [(site, o.source, o.seq, _encode(o).decode()) for o in orders],
    )
    heard: dict[str, float] = {}
    for order in orders:
        heard[order.source] = max(order.received_at, heard.get(order.source, 0.0))
    db.executemany(_SPOKE, [(site, source, at) for source, at in heard.items()])


def kept_orders(db: sqlite3.Connection, site: str) -> tuple[Order, ...]:
    """Return the orders of a site."""
    found = db.execute("SELECT body FROM site_order WHERE site = ?", (site,))
    return tuple(_decode(body) for (body,) in found)


def save_spoken(db: sqlite3.Connection, site: str, source: str, at: UnixTime) -> None:
    """Note when a source was heard."""
    db.execute("INSERT OR REPLACE INTO spoken VALUES (?, ?, ?)", (site, source, at))


def kept_spoken(db: sqlite3.Connection, site: str) -> dict[str, UnixTime]:
    """Return when each source of a site was last heard."""
    found = db.execute("SELECT source, at FROM spoken WHERE site = ?", (site,))
    return {source: UnixTime(at) for source, at in found}
