"""What a restart finds of a site in the controller's database."""

import sqlite3
from collections.abc import Mapping

from attrs import frozen

from protocol.units import UnixTime, Watts
from proxy.power.journal.effects import Learned
from proxy.power.journal.machine_rows import found_limits, kept_machines
from proxy.power.journal.order_rows import kept_orders, kept_spoken
from proxy.power.machines.machine import Saved
from proxy.power.orders.order import Order

_NEWEST = """SELECT coalesce(max(at), 0) FROM (
    SELECT * FROM (SELECT at FROM event ORDER BY id DESC LIMIT 1)
    UNION ALL SELECT max(at) FROM spoken UNION ALL SELECT max(at) FROM machine
    UNION ALL SELECT max(json_extract(body, '$.received_at')) FROM site_order)"""


@frozen
class Kept:
    """All that a restart finds of a site."""

    orders: tuple[Order, ...]
    silent_for: Mapping[str, float]
    machines: tuple[Saved, ...]
    limits: Mapping[str, Watts]
    learned: Learned | None


def kept(
    db: sqlite3.Connection, site: str, at: UnixTime, latest: UnixTime | None
) -> Kept:
    """Return what a restart finds of `site`; see `Store.kept`."""
    sql = "SELECT bias, reference FROM learned WHERE site = ?"
    learned = db.execute(sql, (site,)).fetchone()
    spoken = kept_spoken(db, site)
    return Kept(
        kept_orders(db, site),
        {source: (latest or at) - then for source, then in spoken.items()},
        kept_machines(db, site, at),
        found_limits(db, site),
        Learned(*learned) if learned else None,
    )


def newest_at(db: sqlite3.Connection) -> UnixTime:
    """Return the latest moment at which anything was written; 0: nothing was."""
    return UnixTime(db.execute(_NEWEST).fetchone()[0])
