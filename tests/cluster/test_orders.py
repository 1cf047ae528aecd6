"""Orders of a site that several proxies give and take back at once."""

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from protocol.units import UnixTime, Watts
from proxy.cluster.found import json_text
from proxy.cluster.migrate import migrate
from proxy.cluster.order_table import (
    MAX_OF_SOURCE,
    give_again,
    take_order,
    withdraw,
)
from proxy.cluster.orders import body_of, order_by_hand, order_of
from proxy.cluster.session import Connection, connect
from proxy.cluster.tables import look
from proxy.config.power import OPERATOR
from proxy.power.orders.order import Order
from tests.cluster.postgres import Postgres

Work = Callable[[Connection, Connection], Awaitable[None]]


@pytest.fixture
def two(postgres: Postgres) -> Callable[[Work], None]:
    migrate(postgres.url, ["park"])

    async def run(work: Work) -> None:
        a = await connect(postgres.url, "a", durable=True)
        b = await connect(postgres.url, "b", durable=True)
        await work(a, b)
        await a.close()
        await b.close()

    return lambda work: asyncio.run(run(work))


def by_hand(watts: float, seq: int = 0) -> Order:
    return order_by_hand(
        "park", Watts(watts), seq, UnixTime(1.0), for_s=None, reason=""
    )


async def take(connection: Connection, watts: float) -> int | None:
    async with connection.transaction():
        return await take_order(connection, "park", OPERATOR, body_of(by_hand(watts)))


async def again(connection: Connection, order: Order) -> bool:
    async with connection.transaction():
        return await give_again(connection, "park", OPERATOR, order.seq, body_of(order))


async def clear(connection: Connection) -> int:
    async with connection.transaction():
        return await withdraw(connection, "park", OPERATOR)


async def standing(connection: Connection) -> dict[int, float]:
    async with connection.transaction():
        found = await look(connection, "park")
    assert found is not None
    orders = [order for body in found.orders if (order := order_of(body))]
    return {order.seq: order.watts for order in orders}


def test_orders_given_at_once_all_stand(two: Callable[[Work], None]) -> None:
    async def work(a: Connection, b: Connection) -> None:
        for _ in range(20):
            await asyncio.gather(take(a, 5e5), take(b, 0.0))
        watts = await standing(a)
        assert sorted(watts) == list(range(1, 41))
        assert sorted(watts.values()) == [0.0] * 20 + [5e5] * 20

    two(work)


def test_a_site_that_no_table_has_takes_no_order(two: Callable[[Work], None]) -> None:
    async def work(a: Connection, _: Connection) -> None:
        body = body_of(by_hand(0.0))
        assert await take_order(a, "nowhere", OPERATOR, body) is None

    two(work)


def test_what_was_cleared_since_it_was_given_stays_cleared(
    two: Callable[[Work], None],
) -> None:
    async def work(a: Connection, b: Connection) -> None:
        seq = await take(b, 1e6)
        assert seq is not None
        assert await clear(a) == 1
        assert not await again(b, by_hand(1e6, seq))
        assert await standing(a) == {}
        later = await take(a, 2e6)
        assert later is not None
        assert later > seq

    two(work)


def test_what_a_failover_took_is_given_again(two: Callable[[Work], None]) -> None:
    async def work(a: Connection, b: Connection) -> None:
        await take(a, 3e6)
        seq = await take(b, 1e6)
        assert seq is not None
        await a.execute("DELETE FROM site_order WHERE seq = %s", (seq,))
        await a.execute("UPDATE spoken SET beat = beat - 1")
        assert await again(b, by_hand(1e6, seq))
        assert await standing(a) == {1: 3e6, seq: 1e6}

    two(work)


async def old_way(connection: Connection, watts: float, seq: int) -> None:
    """Give an order as a member of the first release does: numbered by itself."""
    body = json_text(body_of(by_hand(watts, seq)))
    async with connection.transaction():
        await connection.execute(
            "INSERT INTO site_order VALUES (%s, %s, %s, %s) ON CONFLICT DO NOTHING",
            ("park", OPERATOR, seq, body),
        )
        await connection.execute(
            "INSERT INTO spoken VALUES ('park', %s, 1) ON CONFLICT (site, source)"
            " DO UPDATE SET beat = spoken.beat + 1",
            (OPERATOR,),
        )


def test_members_that_number_orders_themselves_lose_none(
    two: Callable[[Work], None],
) -> None:
    async def work(a: Connection, b: Connection) -> None:
        for n in range(10):  # both have looked, both take the same number
            last = max(await standing(a), default=0)
            both = old_way(a, 1e6 + n, last + 1), old_way(b, 2e6 + n, last + 1)
            await asyncio.gather(*both)
        later = await take(a, 5e6)
        watts = await standing(a)
        given = [1e6 + n for n in range(10)] + [2e6 + n for n in range(10)]
        assert sorted(watts.values()) == [*given, 5e6]
        assert later == max(watts)

    two(work)


def test_an_order_that_is_given_twice_the_old_way_is_one(
    two: Callable[[Work], None],
) -> None:
    async def work(a: Connection, b: Connection) -> None:
        await old_way(a, 1e6, 1)
        await old_way(b, 1e6, 1)
        assert await standing(a) == {1: 1e6}

    two(work)


def test_a_long_schedule_hides_no_order_by_hand(two: Callable[[Work], None]) -> None:
    async def work(a: Connection, _: Connection) -> None:
        await take(a, 1e6)
        for seq in (10**12 + n for n in range(MAX_OF_SOURCE + 5)):
            await a.execute(
                "INSERT INTO site_order VALUES (%s, %s, %s, %s)",
                ("park", "schedule", seq, json_text(body_of(by_hand(2e6, seq)))),
            )
        watts = await standing(a)
        assert watts[1] == 1e6
        assert len(watts) == 1 + MAX_OF_SOURCE

    two(work)
