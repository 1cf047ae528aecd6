"""Orders of a site as its table keeps them: each once, numbered where they are kept.

The row of `spoken` is locked by whoever gives, takes back or gives again: two proxies
that order at once wait for each other.
"""

from collections.abc import Mapping
from typing import Any

from proxy.cluster.found import json_text
from proxy.cluster.session import Connection

MAX_OF_SOURCE = 500
"""Orders of one source of a site: a quarter of an hour each for five days. All of them
are read by every candidate each second."""

MAX_SITE_ORDERS = 10_000
"""Of a site, of all sources, the newest of each first: 16 signals and operators."""

ORDER_CHANNEL = "baseload_order"
"""Which site has new orders: it is looked at now and not at the next poll."""

_NEXT = """
INSERT INTO spoken (site, source, beat)
SELECT site, %(source)s, 1 + coalesce((SELECT max(seq) FROM site_order
    WHERE site = leader.site AND source = %(source)s), 0)
FROM leader WHERE site = %(site)s
ON CONFLICT (site, source) DO UPDATE SET beat = greatest(spoken.beat + 1, excluded.beat)
RETURNING beat
"""
"""Of a source's words, above every one before: the `seq` of its next order."""


async def take_order(
    connection: Connection, site: str, source: str, body: Mapping[str, Any]
) -> int | None:
    """Keep a new order, and return the `seq` it has from now on; None: no such site.

    Whoever gives another at the same time waits for this one in `spoken`.
    """
    cursor = await connection.execute(_NEXT, {"site": site, "source": source})
    found = await cursor.fetchone()
    if found is None:
        return None
    seq = int(found[0])
    await connection.execute(
        "INSERT INTO site_order VALUES (%s, %s, %s, %s)",
        (site, source, seq, json_text({**body, "seq": seq})),
    )
    await notify(connection, site)
    return seq


async def give_again(
    connection: Connection, site: str, source: str, seq: int, body: Mapping[str, Any]
) -> bool:
    """Keep an order that was lost; False: its source has been heard since.

    A failover that takes an order takes its beat with it; a withdrawal adds one.
    """
    cursor = await connection.execute(
        "INSERT INTO spoken VALUES (%s, %s, %s) ON CONFLICT (site, source)"
        " DO UPDATE SET beat = excluded.beat WHERE spoken.beat < excluded.beat",
        (site, source, seq),
    )
    if not cursor.rowcount:
        return False
    await connection.execute(
        "INSERT INTO site_order VALUES (%s, %s, %s, %s) ON CONFLICT DO NOTHING",
        (site, source, seq, json_text(body)),
    )
    await notify(connection, site)
    return True


async def withdraw(connection: Connection, site: str, source: str) -> int:
    """Forget the orders of a source; return how many there were."""
    await connection.execute(_NEXT, {"site": site, "source": source})
    cursor = await connection.execute(
        "DELETE FROM site_order WHERE site = %s AND source = %s", (site, source)
    )
    await notify(connection, site)
    return cursor.rowcount


async def drop_order(connection: Connection, site: str, source: str, seq: int) -> None:
    """Forget an order that is over."""
    await connection.execute(
        "DELETE FROM site_order WHERE site = %s AND source = %s AND seq = %s",
        (site, source, seq),
    )


async def notify(connection: Connection, site: str) -> None:
    """Have whoever leads look at the orders of a site."""
    await connection.execute("SELECT pg_notify(%s, %s)", (ORDER_CHANNEL, site))
