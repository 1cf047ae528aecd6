"""What stands in the tables of a cluster, as values."""

from collections.abc import Iterable, Mapping
from math import inf, isfinite
from typing import Annotated, Any, LiteralString

import msgspec
from attrs import field, frozen

from protocol.units import Seconds
from proxy.cluster.session import Connection
from proxy.power.allotment.election import Leader
from proxy.power.allotment.rows import MAX_NEEDS, Grant, Need, Row

MAX_MEMBERS = 1000
"""Of a site: 60 halls are 600,000 machines."""

MAX_SITE_ORDERS = 2000
"""Of a site, of all sources: schedules are the halls' own, operators give few."""

GRANT_CHANNEL = "baseload_grant"
ORDER_CHANNEL = "baseload_order"
"""Whose grant has changed; which site has new orders: by name, so that it is looked at
now and not at the next poll."""

UNKNOWN_DOWN = Seconds(3600.0)
"""How long a member may draw on whose row says no time: as long as none does."""

_Whole = Annotated[int, msgspec.Meta(ge=0)]
_Needs = list[tuple[int, int, _Whole, _Whole]]

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

_NEXT = """
INSERT INTO spoken (site, source, beat)
SELECT site, %(source)s, 1 + coalesce((SELECT max(seq) FROM site_order
    WHERE site = leader.site AND source = %(source)s), 0)
FROM leader WHERE site = %(site)s
ON CONFLICT (site, source) DO UPDATE SET beat = greatest(spoken.beat + 1, excluded.beat)
RETURNING beat
"""
"""Of a source's words, above every one before: the `seq` of its next order."""


@frozen
class Place:
    """Whose row it is."""

    site: str
    member: str


class Figures(msgspec.Struct, frozen=True):
    """What a member says of itself, for people and for the check of its version.

    Attributes:
        digest: Of what its configuration says of the site.
        power_w: What the hall draws, as it knows.
        budget_w: What rules the hall.
        state: Of its control.
        instance: Of its proxy.
        release: Of its proxy.
        is_draining: It wants nothing, and is to be left out.
    """

    digest: str = ""
    power_w: float = 0.0
    budget_w: float = 0.0
    state: str = ""
    instance: int = 0
    release: str = ""
    is_draining: bool = False


@frozen
class Found:
    """All that a candidate looks at, of one moment.

    Attributes:
        faults: Members whose rows say what cannot be, or what this release does not
            know, with what it is; the rest of the row is in `rows`.
    """

    leader: Leader
    rows: Mapping[str, Row]
    figures: Mapping[str, Figures]
    grants: Mapping[str, Grant]
    orders: tuple[Any, ...]
    spoken: Mapping[str, int]
    faults: Mapping[str, str] = field(factory=dict)


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
        "need": _json([_need_row(need) for need in row.need]),
        "figures": _json(figures),
        "v": row.version,
    }
    cursor = await connection.execute(_POLL, said)
    found = await cursor.fetchone()
    return None if found is None else _grant(found)


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
        "SELECT body FROM site_order WHERE site = %s ORDER BY seq DESC LIMIT %s",
        site,
        MAX_SITE_ORDERS,
    )
    spoken = await _all(
        connection, "SELECT source, beat FROM spoken WHERE site = %s", site
    )
    read = {row[0]: _member(row[1:]) for row in members}
    return Found(
        Leader(*leader[0]),
        {name: row for name, (row, _, _) in read.items()},
        {name: figures for name, (_, figures, _) in read.items()},
        {row[0]: _grant(row[1:]) for row in grants},
        tuple(row[0] for row in orders),
        dict(spoken),
        {name: fault for name, (_, _, fault) in read.items() if fault},
    )


async def take_over(
    connection: Connection, site: str, old: Leader, holder: str
) -> bool:
    """Lead from now on, if nobody has begun to since `old` was read."""
    cursor = await connection.execute(
        "UPDATE leader SET epoch = epoch + 1, beat = 0, holder = %s"
        " WHERE site = %s AND epoch = %s AND beat = %s AND holder = %s",
        (holder, site, old.epoch, old.beat, old.holder),
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
            "outs": [_json(g.out) for g in found],
            "lives": [g.life for g in found],
            "answers": [g.answers for g in found],
            "channel": GRANT_CHANNEL,
            # one more, so that a row tells that the leader's was there
            "changed": [f"{site}/{name}" for name in changed] or [""],
        },
    )
    row = await cursor.fetchone()
    return row is not None and row[0] > 0


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
        (site, source, seq, _json({**body, "seq": seq})),
    )
    await _notify(connection, site)
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
        (site, source, seq, _json(body)),
    )
    await _notify(connection, site)
    return True


async def withdraw(connection: Connection, site: str, source: str) -> int:
    """Forget the orders of a source; return how many there were."""
    await connection.execute(_NEXT, {"site": site, "source": source})
    cursor = await connection.execute(
        "DELETE FROM site_order WHERE site = %s AND source = %s", (site, source)
    )
    await _notify(connection, site)
    return cursor.rowcount


async def drop_order(connection: Connection, site: str, source: str, seq: int) -> None:
    """Forget an order that is over."""
    await connection.execute(
        "DELETE FROM site_order WHERE site = %s AND source = %s AND seq = %s",
        (site, source, seq),
    )


async def leave(connection: Connection, name: str) -> int:
    """Forget a member that is known to be off; return at how many sites it was."""
    cursor = await connection.execute("DELETE FROM member WHERE name = %s", (name,))
    await connection.execute("DELETE FROM grant_ WHERE name = %s", (name,))
    return cursor.rowcount


async def _notify(connection: Connection, site: str) -> None:
    await connection.execute("SELECT pg_notify(%s, %s)", (ORDER_CHANNEL, site))


async def _all(
    connection: Connection, sql: LiteralString, *values: object
) -> list[tuple[Any, ...]]:
    cursor = await connection.execute(sql, values)
    return await cursor.fetchall()


def _member(found: tuple[Any, ...]) -> tuple[Row, Figures, str]:
    """Return a member's row and figures, and what is wrong with them, if anything."""
    life, seq, epoch, applied, held_w, floor_w, down_s, version, need, said = found
    need, figures, fault = _said(need, said)
    if floor_w < 0 or not 0 <= down_s < inf:
        fault = f"its row says floor_w = {floor_w}, down_s = {down_s:g}"
    down_s = max(0.0, down_s) if isfinite(down_s) else UNKNOWN_DOWN
    row = Row(
        life,
        seq,
        epoch,
        applied,
        held_w,
        max(0, floor_w),
        Seconds(down_s),
        need,
        version,
    )
    return row, figures, fault


def _said(need: Any, said: Any) -> tuple[tuple[Need, ...], Figures, str]:
    try:
        needs = msgspec.convert(need, _Needs)[:MAX_NEEDS]
        figures = msgspec.convert(said, Figures)
    except msgspec.ValidationError as error:
        return (), Figures(), f"its row cannot be read: {error}"
    return tuple(Need(*one) for one in needs), figures, ""


def _need_row(need: Need) -> tuple[int, int, int, int]:
    return need.priority, need.joules_per_th, need.running_w, need.wanted_w


def _grant(found: tuple[Any, ...]) -> Grant:
    epoch, number, watts, out, life, answers = found
    pairs = tuple((int(n), int(w)) for n, w in out)
    return Grant(epoch, number, watts, pairs, life, answers)


def _json(value: Any) -> str:
    return msgspec.json.encode(value).decode()
