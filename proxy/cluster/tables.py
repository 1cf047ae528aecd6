"""What members and leaders ask of the tables of a cluster, each one transaction."""

from collections.abc import Iterable, Mapping
from typing import Any, LiteralString

from proxy.cluster.found import (
    Figures,
    Found,
    Place,
    grant_of,
    json_text,
    member_of,
    need_row,
)
from proxy.cluster.order_table import MAX_OF_SOURCE, MAX_SITE_ORDERS
from proxy.cluster.session import Connection
from proxy.power.allotment.election import Leader
from proxy.power.allotment.rows import Grant, Row

MAX_MEMBERS = 1000
"""Of a site: 60 halls are 600,000 machines."""

GRANT_CHANNEL = "baseload_grant"
"""Whose grant has changed, as `site/member`: it is read now, not at the next poll."""

_POLL = """
WITH said AS (
    INSERT INTO member AS m (site, name, life, seq, epoch, applied, held_w, floor_w,
        down_s, need, figures, v)
    VALUES (%(site)s, %(name)s, %(life)s, %(seq)s, %(epoch)s, %(applied)s, %(held_w)s,
        %(floor_w)s, %(down_s)s, %(need)s, %(figures)s, %(v)s)
    ON CONFLICT (site, name) DO UPDATE SET life = excluded.life, seq = excluded.seq,
        epoch = excluded.epoch, applied = excluded.applied, held_w = excluded.held_w,
        floor_w = excluded.floor_w, down_s = excluded.down_s, need = excluded.need,
        figures = excluded.figures, v = excluded.v
    WHERE (m.life, m.seq) < (excluded.life, excluded.seq)
)
SELECT epoch, number, watts, "out", life, answers FROM grant_
WHERE site = %(site)s AND name = %(name)s
"""

_WRITE = """
WITH led AS (
    UPDATE leader SET beat = beat + 1
    WHERE site = %(site)s AND epoch = %(epoch)s AND beat = %(beat)s
        AND holder = %(holder)s RETURNING site
), put AS (
    INSERT INTO grant_ (site, name, epoch, number, watts, "out", life, answers)
    SELECT led.site, g.* FROM led, unnest(%(names)s::text[], %(epochs)s::bigint[],
        %(numbers)s::bigint[], %(watts)s::bigint[], %(outs)s::jsonb[],
        %(lives)s::bigint[], %(answers)s::bigint[]) AS g
    ON CONFLICT (site, name) DO UPDATE SET epoch = excluded.epoch,
        number = excluded.number, watts = excluded.watts, "out" = excluded."out",
        life = excluded.life, answers = excluded.answers
)
SELECT count(pg_notify(%(channel)s, changed)) FROM led, unnest(%(changed)s::text[])
    AS changed
"""


async def enlist(connection: Connection, name: str, instance: int) -> int | None:
    """Return the life of a member that starts; None: its instance is another's."""
    await connection.execute(
        "INSERT INTO proxy (id, name) VALUES (%s, %s) ON CONFLICT DO NOTHING",
        (instance, name),
    )
    cursor = await connection.execute(
        "SELECT nextval('life') FROM proxy WHERE id = %s AND name = %s",
        (instance, name),
    )
    found = await cursor.fetchone()
    return None if found is None else int(found[0])


async def poll(
    connection: Connection, place: Place, row: Row, figures: Figures
) -> Grant | None:
    """Say what a member is, and return what it is granted; None: nothing yet."""
    said = {
        "site": place.site,
        "name": place.member,
        "life": row.life,
        "seq": row.seq,
        "epoch": row.epoch,
        "applied": row.applied,
        "held_w": row.held_w,
        "floor_w": row.floor_w,
        "down_s": row.down_s,
        "need": json_text([need_row(need) for need in row.need]),
        "figures": json_text(figures),
        "v": row.version,
    }
    cursor = await connection.execute(_POLL, said)
    found = await cursor.fetchone()
    return None if found is None else grant_of(found)


async def look(connection: Connection, site: str) -> Found | None:
    """Return all of a site; None: it was never made known (`cluster migrate`)."""
    # one snapshot for all: rows and grants of one moment
    await connection.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
    leader = await _all(
        connection, "SELECT epoch, beat, holder FROM leader WHERE site = %s", site
    )
    if not leader:
        return None
    members = await _all(
        connection,
        "SELECT name, life, seq, epoch, applied, held_w, floor_w, down_s, v, need,"
        " figures FROM member WHERE site = %s ORDER BY name LIMIT %s",
        site,
        MAX_MEMBERS,
    )
    grants = await _all(
        connection,
        'SELECT name, epoch, number, watts, "out", life, answers FROM grant_'
        " WHERE site = %s",
        site,
    )
    orders = await _all(
        connection,
        "SELECT body FROM (SELECT body, row_number() OVER (PARTITION BY source"
        " ORDER BY seq DESC) AS place FROM site_order WHERE site = %s) AS placed"
        " WHERE place <= %s ORDER BY place LIMIT %s",
        site,
        MAX_OF_SOURCE,
        MAX_SITE_ORDERS,
    )
    spoken = await _all(
        connection, "SELECT source, beat FROM spoken WHERE site = %s", site
    )
    read = {row[0]: member_of(row[1:]) for row in members}
    return Found(
        Leader(*leader[0]),
        {name: row for name, (row, _, _) in read.items()},
        {name: figures for name, (_, figures, _) in read.items()},
        {row[0]: grant_of(row[1:]) for row in grants},
        tuple(row[0] for row in orders),
        dict(spoken),
        {name: fault for name, (_, _, fault) in read.items() if fault},
    )


async def take_over(
    connection: Connection, site: str, old: Leader, epoch: int, holder: str
) -> bool:
    """Lead from now on as `epoch`, if nobody has begun to since `old` was read."""
    cursor = await connection.execute(
        "UPDATE leader SET epoch = %s, beat = 0, holder = %s"
        " WHERE site = %s AND epoch = %s AND beat = %s AND holder = %s",
        (epoch, holder, site, old.epoch, old.beat, old.holder),
    )
    return cursor.rowcount == 1


async def lay_down(connection: Connection, site: str, leader: Leader) -> None:
    """Lead no more: others need not wait."""
    await connection.execute(
        "UPDATE leader SET beat = beat + 1, holder = ''"
        " WHERE site = %s AND epoch = %s AND beat = %s AND holder = %s",
        (site, leader.epoch, leader.beat, leader.holder),
    )


async def write(
    connection: Connection,
    site: str,
    leader: Leader,
    grants: Mapping[str, Grant],
    changed: Iterable[str],
) -> bool:
    """Write grants, if `leader` is what stands there; return whether it was."""
    names = list(grants)
    found = [grants[name] for name in names]
    cursor = await connection.execute(
        _WRITE,
        {
            "site": site,
            "epoch": leader.epoch,
            "beat": leader.beat,
            "holder": leader.holder,
            "names": names,
            "epochs": [g.epoch for g in found],
            "numbers": [g.number for g in found],
            "watts": [g.watts for g in found],
            "outs": [json_text(g.out) for g in found],
            "lives": [g.life for g in found],
            "answers": [g.answers for g in found],
            "channel": GRANT_CHANNEL,
            # one more, so that a row tells that the leader's was there
            "changed": [f"{site}/{name}" for name in changed] or [""],
        },
    )
    row = await cursor.fetchone()
    return row is not None and row[0] > 0


async def leave(connection: Connection, name: str) -> int:
    """Forget a member that is known to be off; return at how many sites it was."""
    cursor = await connection.execute("DELETE FROM member WHERE name = %s", (name,))
    await connection.execute("DELETE FROM grant_ WHERE name = %s", (name,))
    return cursor.rowcount


async def _all(
    connection: Connection, sql: LiteralString, *values: object
) -> list[tuple[Any, ...]]:
    cursor = await connection.execute(sql, values)
    return await cursor.fetchall()
