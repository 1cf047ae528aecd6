"""A role for each member: what it may write, and what it may not."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import psycopg
import pytest

from protocol.units import Seconds
from proxy.cluster.admit import admit
from proxy.cluster.found import Figures, Place
from proxy.cluster.migrate import MigrateError, migrate
from proxy.cluster.order_table import take_order, withdraw
from proxy.cluster.session import Connection, connect
from proxy.cluster.tables import enlist, leave, look, poll, take_over, write
from proxy.power.allotment.election import Leader
from proxy.power.allotment.rows import Grant, Row
from tests.cluster.postgres import OWNER, Postgres
from tests.cluster.test_days import copy_all, partitions
from tests.cluster.test_ship import add_shares, ledger

ROW = Row(1, 1, 0, -1, 700, 500, Seconds(5.0), ())
NOT_OURS = psycopg.errors.InsufficientPrivilege
Work = Callable[[Connection], Awaitable[Any]]


@pytest.fixture
def admitted(postgres: Postgres) -> Postgres:
    """Return a server whose halls have roles: hall-a may lead, the others follow."""
    migrate(postgres.url, ["plant"])
    with psycopg.connect(postgres.url, autocommit=True) as connection:
        for name in (b"hall-a", b"hall-b", b"a"):
            connection.execute(
                b'DO $$ BEGIN CREATE ROLE "%b" LOGIN;'
                b" EXCEPTION WHEN duplicate_object THEN NULL; END $$" % name
            )
    admit(postgres.url, ["hall-a"], may_lead=True)
    admit(postgres.url, ["hall-b", "a"], may_lead=False)
    return postgres


def as_role(server: Postgres, role: str) -> str:
    return server.url.replace(f"{OWNER}@", f"{role}@")


def done(server: Postgres, role: str, work: Work) -> Any:
    async def run() -> Any:
        connection = await connect(as_role(server, role), role, durable=True)
        try:
            async with connection.transaction():
                return await work(connection)
        finally:
            await connection.close()

    return asyncio.run(run())


def enlisted(name: str, number: int) -> Work:
    return lambda c: enlist(c, name, number)


def said(name: str) -> Work:
    return lambda c: poll(c, Place("plant", name), ROW, Figures())


def test_a_member_says_what_it_is_and_reads_all(admitted: Postgres) -> None:
    for role in ("hall-a", "hall-b"):
        number = sum(role.encode())
        assert done(admitted, role, enlisted(role, number))
        done(admitted, role, said(role))
        done(admitted, role, said(role))
    done(admitted, "hall-b", said("hall-b/south"))

    found = done(admitted, "hall-b", lambda c: look(c, "plant"))
    assert set(found.rows) == {"hall-a", "hall-b", "hall-b/south"}


def test_a_member_does_not_speak_for_another(admitted: Postgres) -> None:
    done(admitted, "hall-a", said("hall-a"))
    for name in ("hall-a", "hall-bb", "hall-c", "hall-a/hall-b"):
        with pytest.raises(NOT_OURS):
            done(admitted, "hall-b", said(name))
    with pytest.raises(NOT_OURS):
        done(admitted, "hall-b", lambda c: enlist(c, "hall-a", 5))


def test_who_follows_hands_out_no_grants_and_forgets_nobody(admitted: Postgres) -> None:
    nobody, me = Leader(0, 0, ""), Leader(1, 0, "hall-a")
    grants = {"hall-b": Grant(1, 1, 9000, ((1, 9000),), 1, 1)}
    refused: list[Work] = [
        lambda c: take_over(c, "plant", nobody, 1, "hall-b"),
        lambda c: write(c, "plant", nobody, grants, ()),
        lambda c: leave(c, "hall-a"),
    ]
    for work in refused:
        with pytest.raises(NOT_OURS):
            done(admitted, "hall-b", work)

    assert done(
        admitted, "hall-a", lambda c: take_over(c, "plant", nobody, 1, "hall-a")
    )
    assert done(admitted, "hall-a", lambda c: write(c, "plant", me, grants, ()))
    done(admitted, "hall-b", said("hall-b"))
    assert done(admitted, "hall-a", lambda c: leave(c, "hall-b")) == 1


def test_each_member_orders_and_takes_back(admitted: Postgres) -> None:
    body = {"watts": 1.0}
    for role in ("hall-a", "hall-b"):
        assert done(admitted, role, lambda c: take_order(c, "plant", "operator", body))
    assert done(admitted, "hall-b", lambda c: withdraw(c, "plant", "operator")) == 2


def test_a_member_copies_its_ledger_and_moves_its_own_mark_alone(
    admitted: Postgres, folder: Path
) -> None:
    db = ledger(folder)
    add_shares(db, 5, time.time())
    copy_all(as_role(admitted, "a"), folder)
    db.close()

    assert sum(partitions(admitted.url).values()) == 5
    as_other = as_role(admitted, "hall-b")
    with psycopg.connect(as_other, options="-c search_path=baseload") as connection:
        moved = connection.execute("UPDATE shipped SET last_id = 0")
        assert moved.rowcount == 0


def test_a_role_that_is_not_there_is_named_and_none_is_admitted(
    admitted: Postgres,
) -> None:
    with pytest.raises(MigrateError, match="nobody-here"):
        admit(admitted.url, ["hall-b", "nobody-here"], may_lead=True)
    with pytest.raises(NOT_OURS):
        done(admitted, "hall-b", lambda c: leave(c, "hall-a"))
