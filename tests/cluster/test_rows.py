"""What a candidate makes of members' rows that say what it does not know."""

import asyncio

import pytest
from psycopg.errors import CheckViolation

from protocol.units import Seconds
from proxy.cluster.found import UNKNOWN_DOWN, Figures, Found, Place
from proxy.cluster.migrate import migrate
from proxy.cluster.session import connect
from proxy.cluster.tables import look, poll
from proxy.power.allotment.rows import Need, Row
from tests.cluster.postgres import Postgres

NEED = (Need(1, 20, 0, 4000),)


def looked(postgres: Postgres, change: str) -> Found:
    """Return a look at two members, the row of one of which was changed."""
    migrate(postgres.url, ["park"])

    async def run() -> Found | None:
        connection = await connect(postgres.url, "a", durable=True)
        for name in ("good", "odd"):
            row = Row(1, 1, 0, -1, 700, 500, Seconds(5.0), NEED)
            await poll(connection, Place("park", name), row, Figures(state="normal"))
        # as tables of before had none, and those of others may have none
        await connection.execute("ALTER TABLE member DROP CONSTRAINT member_is")
        await connection.execute(
            b"UPDATE member SET %s WHERE name = 'odd'" % change.encode()
        )
        async with connection.transaction():
            found = await look(connection, "park")
        await connection.close()
        return found

    found = asyncio.run(run())
    assert found is not None
    assert found.rows["good"].need == NEED
    assert found.figures["good"].state == "normal"
    assert "good" not in found.faults
    return found


@pytest.mark.parametrize(
    "change",
    [
        "need = '[[1, 20, 0, 4000, 5]]', v = 2",
        "need = '[[1, 20, 0]]'",
        "need = '[[1, 20, 0, -4000]]'",
        "need = '{}'",
        "need = 'null'",
        "figures = '[]'",
        """figures = '{"power_w": "many"}'""",
    ],
)
def test_a_row_that_cannot_be_read_is_that_members_alone(
    postgres: Postgres, change: str
) -> None:
    found = looked(postgres, change)

    assert "cannot be read" in found.faults["odd"]
    assert found.rows["odd"].need == ()
    assert (found.rows["odd"].held_w, found.rows["odd"].floor_w) == (700, 500)


@pytest.mark.parametrize(
    ("change", "floor_w", "down_s"),
    [
        ("floor_w = -1000000", 0, 5.0),
        ("down_s = 'NaN'", 500, UNKNOWN_DOWN),
        ("down_s = 'Infinity'", 500, UNKNOWN_DOWN),
        ("down_s = '-Infinity'", 500, UNKNOWN_DOWN),
        ("down_s = -60", 500, 0.0),
    ],
)
def test_a_floor_and_a_time_that_cannot_be_are_none(
    postgres: Postgres, change: str, floor_w: int, down_s: float
) -> None:
    found = looked(postgres, change)

    assert "floor_w" in found.faults["odd"]
    assert (found.rows["odd"].floor_w, found.rows["odd"].down_s) == (floor_w, down_s)


@pytest.mark.parametrize(
    ("table", "column", "value"),
    [
        ("member", "floor_w", "-1"),
        ("member", "held_w", "-1"),
        ("member", "down_s", "'NaN'"),
        ("member", "down_s", "-1"),
        ("member", "need", "'{}'"),
        ("member", "need", "to_jsonb(array_fill(1, ARRAY[40000]))"),
        ("member", "figures", "'[]'"),
        ("member", "v", "0"),
        ("leader", "epoch", "-1"),
    ],
)
def test_the_tables_take_no_row_that_no_release_writes(
    postgres: Postgres, table: str, column: str, value: str
) -> None:
    migrate(postgres.url, ["park"])

    async def run() -> None:
        connection = await connect(postgres.url, "a", durable=True)
        row = Row(1, 1, 0, -1, 700, 500, Seconds(5.0), NEED)
        await poll(connection, Place("park", "a"), row, Figures())
        change = f"UPDATE {table} SET {column} = {value}"  # noqa: S608
        with pytest.raises(CheckViolation):
            await connection.execute(change.encode())
        await connection.close()

    asyncio.run(run())
