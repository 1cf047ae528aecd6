"""What is ordered for a whole site is done to some of its miners in each turn."""

from collections.abc import Callable
from functools import partial
from typing import Any

import pytest
from twisted.internet.defer import Deferred

from protocol.units import Seconds
from protocol.work.extranonce import Layout
from proxy.admin.events import TOLD_AT_ONCE, News
from proxy.admin.operations import Operations
from proxy.admin.topics import Subscriber, Topics
from proxy.config import FleetConfig
from proxy.config.power import PowerConfig
from proxy.downstream.banning import ban
from proxy.downstream.bans import network_of
from proxy.downstream.miner import Miner
from proxy.downstream.roster import STAGGER
from proxy.power.machines.describer import Describer
from proxy.power.machines.kinds import FleetKind
from proxy.runtime.slices import AT_ONCE
from proxy.supervisor.failsafe import DESCRIBED_AT_ONCE, described
from tests.fakes.board import SeatedMiner
from tests.fakes.crowd import a_crowd, settle
from tests.fakes.hall import Hall

MANY = 3 * AT_ONCE + 10

Order = Callable[[Hall], object]
Question = Callable[[Miner], bool]


def miners_of(hall: Hall) -> list[Miner]:
    return list(hall.connections.roster.miners.values())


def ids_of(hall: Hall) -> list[int]:
    return [miner.id for miner in miners_of(hall)]


def turns_until_done(hall: Hall, count: Callable[[], int]) -> list[int]:
    """Return how many were done in each turn, the one of the order first."""
    done, before = [count()], count()
    while any(call.getTime() <= hall.clock.seconds() for call in hall.clock.calls):
        for call in list(hall.clock.calls):
            if call.getTime() <= hall.clock.seconds():
                hall.clock.calls.remove(call)
                call.called = 1
                call.func(*call.args)
        done.append(count() - before)
        before = count()
    return done


def park_all(hall: Hall) -> None:
    hall.context.parking.park(ids_of(hall))


def test_all_are_parked_and_granted_work_in_slices() -> None:
    hall = a_crowd(MANY)
    park_all(hall)
    done = turns_until_done(hall, lambda: hall.context.parking.parked)
    assert max(done) <= AT_ONCE
    assert sum(done) == MANY

    hall.context.parking.grant(ids_of(hall))
    done = turns_until_done(hall, lambda: MANY - hall.context.parking.parked)
    assert max(done) <= AT_ONCE
    assert sum(done) == MANY


def test_the_last_one_has_its_turn_as_soon_as_the_others_allow() -> None:
    hall = a_crowd(MANY)
    park_all(hall)

    turns = turns_until_done(hall, lambda: hall.context.parking.parked)

    assert len(turns) == -(-MANY // AT_ONCE)


def test_what_was_ordered_last_is_done_to_each() -> None:
    hall = a_crowd(MANY)
    park_all(hall)
    last = ids_of(hall)[-1]
    hall.context.parking.grant([last])
    assert hall.context.parking.may_work(miners_of(hall)[-1])
    settle(hall)

    assert [m.id for m in miners_of(hall) if m.is_granted] == [last]


def test_who_is_to_be_parked_counts_as_parked_for_the_fail_safe() -> None:
    hall = a_crowd(MANY)
    park_all(hall)

    assert not hall.context.parking.may_work(miners_of(hall)[-1])


def test_who_leaves_before_its_turn_is_passed_over() -> None:
    hall = a_crowd(MANY)
    park_all(hall)
    miner = miners_of(hall)[-1]
    hall.connections.unregister(miner)
    settle(hall)

    assert miner.is_granted
    assert hall.context.parking.parked == MANY - 1


def test_a_site_that_closes_parks_nobody_more() -> None:
    hall = a_crowd(MANY)
    park_all(hall)
    hall.connections.close_all()
    settle(hall)

    assert hall.context.parking.parked == AT_ONCE


def test_a_drain_asks_all_in_slices_within_the_half_minute() -> None:
    hall = a_crowd(MANY)
    roster = hall.connections.roster
    roster.random = lambda: 0.0  # all in the same second: the worst case
    asked: set[int] = set()
    for miner in miners_of(hall):
        object.__setattr__(miner, "outbox", Note(partial(asked.add, miner.id)))
    roster.drain(hall.context.now())
    settle(hall)
    hall.clock.advance(STAGGER)
    roster.sweep(hall.context.now())
    done = turns_until_done(hall, lambda: len(asked))

    assert max(done) <= AT_ONCE
    assert len(asked) == MANY


class Note:
    """A way out that tells when the miner is asked to reconnect."""

    fell_behind = False

    def __init__(self, tell: Callable[[], object]) -> None:
        self._tell = tell

    def write(self, data: bytes) -> None:
        if b"client.reconnect" in data:
            self._tell()

    def close(self) -> None:
        pass


def test_a_ban_drops_in_slices() -> None:
    hall = a_crowd(MANY)
    ban(hall.connections, network_of("10.0.0.0/8"), Seconds(60.0), "test")
    done = turns_until_done(hall, lambda: MANY - len(miners_of(hall)))

    assert max(done) <= AT_ONCE
    assert sum(done) == MANY


class Running:
    """As much of a process as its operations need."""

    def __init__(self, hall: Hall) -> None:
        self.factories = {"hall-a": hall.connections}
        self.recorder = hall.recorder
        self.power = None
        self.pools: dict[str, Any] = {}


def operations_of(hall: Hall) -> Operations:
    running: Any = Running(hall)
    return Operations(running)


@pytest.mark.parametrize(("miner", "gone"), [("same", MANY), ("1", 1)])
def test_a_kick_hangs_up_in_slices_and_says_on_how_many(miner: str, gone: int) -> None:
    hall = a_crowd(MANY)
    for one in miners_of(hall):
        one.workers["same"] = None  # type: ignore[index]
    told: list[str] = []
    kicked = Deferred.fromCoroutine(operations_of(hall).kick(miner))
    _ = kicked.addCallback(lambda done: told.append(done.text))
    done = turns_until_done(hall, lambda: MANY - len(miners_of(hall)))

    assert max(done) <= AT_ONCE
    assert sum(done) == gone
    assert told == [f"hung up on {gone}"]


def test_whom_the_fail_safe_parks_is_looked_up_in_slices() -> None:
    hall = a_crowd(2 * DESCRIBED_AT_ONCE + 10)
    power = PowerConfig(budget_w=1e6, fail_safe_w=0)
    describer = Describer.of(power, [FleetConfig(workers="rig*", model="Antminer S9")])
    looked_up: list[int] = []
    whole = describer.kind_of

    def kind_of(worker: str, address: str) -> FleetKind:
        looked_up.append(1)
        return whole(worker, address)

    slow: Any = type("Slow", (), {"kind_of": staticmethod(kind_of)})()
    found: list[int] = []
    described_ = Deferred.fromCoroutine(described(miners_of(hall), slow, hall.clock))
    _ = described_.addCallback(
        lambda those: found.extend(number for number, _ in those)
    )
    done = turns_until_done(hall, lambda: len(looked_up))

    assert max(done) <= DESCRIBED_AT_ONCE
    assert found == ids_of(hall)


def per_worker_hall(workers: int) -> Hall:
    hall = Hall(Layout(4, 4))
    hall.sources[0].per_worker = True
    for number in range(workers):
        SeatedMiner(hall.board, f"rig{number}")
    return hall


def test_news_of_a_block_for_many_groups_are_told_in_slices() -> None:
    hall = per_worker_hall(2 * TOLD_AT_ONCE + 10)
    topics, told = Topics(), list[bytes]()
    topics.subscribe(Subscriber(told.append), ["job"])
    running: Any = Running(hall)
    service = News(running, topics, operations_of(hall)).service(hall.clock)
    service.startService()
    hall.sources[0].post()
    settle(hall)
    told.clear()
    hall.clock.rightNow += 1
    done = turns_until_done(hall, lambda: len(told))

    assert max(done) <= TOLD_AT_ONCE
    assert len(told) == len(hall.board.groups) > 2 * TOLD_AT_ONCE
    hall.clock.rightNow += 1
    settle(hall)
    assert len(told) == len(hall.board.groups)  # each once
