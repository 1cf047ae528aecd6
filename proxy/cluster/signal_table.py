"""What signals say of a site, as its tables keep it: each word once, whoever heard it.

Several members may run the same signal. Whoever speaks for a source holds its row of
`spoken` until the word is in: the second finds what the first has said, and if that
means the same, nothing but the beat changes.
"""

from collections.abc import Callable, Iterable
from typing import Any

from attrs import evolve

from protocol.units import UnixTime
from proxy.cluster.found import json_text
from proxy.cluster.order_table import notify
from proxy.cluster.orders import body_of, order_of
from proxy.cluster.session import Connection
from proxy.power.orders.order import Order

Lay = Callable[[tuple[Order, ...]], tuple[Order, ...]]
"""Returns the orders of a source that shall stand, from those that do."""

_SPEAK = """
INSERT INTO spoken AS s (site, source, beat)
SELECT site, %(source)s, 1 FROM leader WHERE site = %(site)s
ON CONFLICT (site, source) DO UPDATE SET beat = s.beat + 1 RETURNING beat
"""


async def speak(connection: Connection, site: str, source: str) -> int | None:
    """Note that a source is there; return its beat, None: there is no such site."""
    cursor = await connection.execute(_SPEAK, {"site": site, "source": source})
    found = await cursor.fetchone()
    return None if found is None else int(found[0])


async def say(connection: Connection, site: str, source: str, lay: Lay) -> int | None:
    """Have a source say something; return its beat, None: there is no such site."""
    beat = await speak(connection, site, source)
    if beat is None:
        return None
    cursor = await connection.execute(
        "SELECT body FROM site_order WHERE site = %s AND source = %s", (site, source)
    )
    read = (order_of(row[0]) for row in await cursor.fetchall())
    standing = {order.seq: order for order in read if order is not None}
    wanted = {order.seq: order for order in lay(tuple(standing.values()))}
    if wanted == standing:
        return beat
    gone = [seq for seq, order in standing.items() if wanted.get(seq) != order]
    new = [order for seq, order in wanted.items() if standing.get(seq) != order]
    await connection.execute(
        "DELETE FROM site_order WHERE site = %s AND source = %s AND seq = ANY(%s)",
        (site, source, gone),
    )
    await _add(connection, site, source, new)
    await notify(connection, site)
    # what numbers orders has raised it: a word is not beyond its source's beat
    cursor = await connection.execute(
        "SELECT beat FROM spoken WHERE site = %s AND source = %s", (site, source)
    )
    found = await cursor.fetchone()
    return beat if found is None else int(found[0])


async def _add(
    connection: Connection, site: str, source: str, orders: list[Order]
) -> None:
    rows: list[tuple[Any, ...]] = [
        (site, source, order.seq, json_text(body_of(order))) for order in orders
    ]
    if rows:
        async with connection.cursor() as cursor:
            await cursor.executemany(
                "INSERT INTO site_order VALUES (%s, %s, %s, %s)", rows
            )


def laid(
    standing: tuple[Order, ...], said: tuple[Order, ...], *, is_all: bool, now: UnixTime
) -> tuple[Order, ...]:
    """Return the orders of a source once it has said more.

    What stands already is not said again. All else was acknowledged, so it rules: it is
    numbered above what stands, where it is not already.

    Args:
        standing: Its orders.
        said: Its word.
        is_all: It means nothing else any more.
        now: What is over by then counts for nothing.
    """
    last = max((order.seq for order in standing), default=-1)
    if is_all:
        there = {_meaning(o, now) for o in standing if not o.has_ended(now)}
        is_same = there == {_meaning(order, now) for order in said}
        return standing if is_same else _numbered(said, last)
    new = [order for order in said if not _stands(order, standing, now)]
    return (*standing, *_numbered(new, last))


def _meaning(order: Order, now: UnixTime) -> tuple[Any, ...]:
    begins = max(order.not_before, now)
    return begins, order.expires, order.watts, order.lease_s, order.revert_w


def _stands(order: Order, standing: tuple[Order, ...], now: UnixTime) -> bool:
    """Tell whether an order is there: by its number, or what it means, and rules so."""
    means = _meaning(order, now)
    return any(
        (one.seq == order.seq and one.watts == order.watts)
        or (_meaning(one, now) == means and not _is_outruled(one, standing))
        for one in standing
    )


def _is_outruled(order: Order, standing: tuple[Order, ...]) -> bool:
    """Tell whether a newer order holds for some of its time."""
    return any(
        one.seq > order.seq
        and (order.expires is None or one.not_before < order.expires)
        and (one.expires is None or order.not_before < one.expires)
        for one in standing
    )


def _numbered(orders: Iterable[Order], last: int) -> tuple[Order, ...]:
    """Return orders with numbers that rise, each above `last`."""
    found: list[Order] = []
    for order in orders:
        last = max(order.seq, last + 1)
        found.append(order if order.seq == last else evolve(order, seq=last))
    return tuple(found)
