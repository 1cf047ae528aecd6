"""A new job goes out to the biggest hashrate first, of whichever group it is."""

import random
import socket
from functools import partial
from itertools import islice
from typing import Any

import pytest

from protocol.units import Difficulty, Seconds
from protocol.work.extranonce import Layout
from protocol.work.hashrate import HASHES_PER_DIFFICULTY, HashrateMeter
from proxy.downstream.miner import Miner
from proxy.jobs.distributor import CHUNK
from proxy.jobs.members import hashrate_class
from tests.builders import a_job
from tests.fakes.crowd import a_crowd, settle
from tests.fakes.hall import Hall

TERA = 1e12
FLEET = {200.0: 0.3, 104.0: 0.3, 13.5: 0.4}
"""TH/s of an S21, an S19j Pro and an S9, and their shares of a hall that grew."""

NEW_TIP: dict[str, Any] = {"prev_hash": b"\1" * 32}


def a_fleet(count: int) -> list[float]:
    """Return hashrates of machines in the order in which they came, in no order."""
    rates = [rate for rate, part in FLEET.items() for _ in range(round(part * count))]
    random.Random(7).shuffle(rates)  # noqa: S311
    return [rate * TERA for rate in rates]


def weigh(miner: Miner, hashrate: float, now: Seconds) -> None:
    """Let a miner have had shares for that hashrate, for ten minutes."""
    miner.meter = HashrateMeter(Seconds(now - 600.0))
    for second in range(0, 600, 20):
        work = hashrate * 20.0 / HASHES_PER_DIFFICULTY
        miner.meter.add(work, Seconds(now - 600.0 + second))
    miner.weigh(now)


class Order:
    """In what order miners were told of a job."""

    def __init__(self, hall: Hall, rates: list[float]) -> None:
        self.hall = hall
        self.miners = list(hall.connections.roster.miners.values())
        self.rates = dict(zip(self.miners, rates, strict=True))
        self.told: list[Miner] = []
        for miner, rate in self.rates.items():
            weigh(miner, rate, hall.context.now())
            way: Any = miner
            way.outbox.on_job = partial(self.told.append, miner)

    def delay(self, told: list[Miner]) -> float:
        """Return the mean place of a hash, 1 being that of the last miner."""
        work = sum(self.rates[m] * place for place, m in enumerate(told, 1))
        return work / sum(self.rates.values()) / len(told)


@pytest.mark.parametrize("layout", [Layout(4, 4), Layout(1, 3)])
def test_a_hash_waits_six_tenths_as_long_and_the_last_miner_no_longer(
    layout: Layout,
) -> None:
    rates = a_fleet(2560)
    order = Order(a_crowd(2560, layout), rates)
    order.hall.sources[0].post(**NEW_TIP)
    settle(order.hall)

    assert len(order.told) == len(set(order.told)) == 2560
    assert order.delay(order.told) <= 0.6 * order.delay(order.miners)
    classes = [hashrate_class(order.rates[m]) for m in order.told]  # type: ignore[arg-type]
    assert classes == sorted(classes, reverse=True)


def test_a_job_is_handed_out_some_miners_a_turn() -> None:
    order = Order(a_crowd(2 * CHUNK + 8), a_fleet(2 * CHUNK + 8))
    order.hall.sources[0].post(**NEW_TIP)
    at_once = len(order.told)
    settle(order.hall)

    assert at_once == CHUNK
    assert len(order.told) == 2 * CHUNK + 8


def test_a_newer_job_ends_the_round_of_the_older_one_and_reaches_all() -> None:
    order = Order(a_crowd(2 * CHUNK), [TERA] * (2 * CHUNK))
    order.hall.sources[0].post(**NEW_TIP)
    order.hall.sources[0].post(prev_hash=b"\2" * 32)
    settle(order.hall)

    newest = {m.group.current.job.seq for m in order.miners if m.group.current}  # type: ignore[union-attr]
    assert {m.last_seq for m in order.miners} == newest
    assert len(order.told) <= 3 * CHUNK


def test_a_revision_meanwhile_costs_nobody_the_tip() -> None:
    order = Order(a_crowd(2 * CHUNK, Layout(4, 4)), [TERA] * (2 * CHUNK))
    last = order.miners[-1]
    order.hall.sources[0].post(**NEW_TIP)
    assert last not in order.told
    assert last.group is not None
    last.group.posted_at = Seconds(last.group.posted_at - 1)
    last.resend_job()
    settle(order.hall)

    newest = order.hall.board.last_seq
    assert sorted(m.id for m in order.told) == sorted(m.id for m in order.miners)
    assert last.last_seq == newest
    assert {m.last_seq for m in order.miners[:-1]} == {newest - 1}


def test_a_miner_takes_its_place_as_its_shares_come() -> None:
    order = Order(a_crowd(3, Layout(4, 4)), [TERA, TERA, TERA])
    _, middle, _ = order.miners
    weigh(middle, 4 * TERA, order.hall.context.now())
    order.hall.sources[0].post(**NEW_TIP)

    assert order.told[0] is middle


class Wired:
    """Wires of the engine in C that end in one socket, each in a group of its own."""

    def __init__(self, count: int) -> None:
        engine = pytest.importorskip("proxy.engine.engine")
        self.engine = engine.Engine("hall-a")
        self.ours, theirs = socket.socketpair()
        self.ours.setblocking(False)
        self.rows = [
            engine.Wire(self.engine, theirs.dup().detach()) for _ in range(count)
        ]
        theirs.close()
        self.copies = [engine.Jobs() for _ in range(count)]
        for row, copies in zip(self.rows, self.copies, strict=True):
            copies.post(a_job(seen=copies.new_seen()))
            row.join(copies)
            row.set_granted(True)
            row.set_requested(1.0, 0)
            row.add_terms(1, Difficulty(1.0))

    def deliver(self) -> list[int]:
        """Return the numbers of the wires, in the order of their lines."""
        lines = [b"%d\n" % number for number in range(len(self.rows))]
        members: list[Any] = [()] * len(lines)
        rest = self.copies[0].deliver(
            list(zip(self.copies, lines, members, strict=True))
        )
        assert rest == []
        return [int(line) for line in self.ours.recv(65536).splitlines()]

    def close(self) -> None:
        for row in self.rows:
            row.hang_up()
        self.engine.lost()
        self.ours.close()


def test_the_engine_writes_to_the_biggest_first_over_all_groups() -> None:
    wired = Wired(100)
    classes = [random.Random(n).randrange(128) for n in range(100)]  # noqa: S311
    for row, number in zip(wired.rows, classes, strict=True):
        row.set_class(number)
    order = wired.deliver()
    wired.close()

    assert sorted(order) == list(range(100))
    assert [classes[n] for n in order] == sorted(classes, reverse=True)


def test_a_class_that_is_none_is_the_highest_or_lowest() -> None:
    wired = Wired(3)
    for row, number in zip(wired.rows, (0, 4_000_000_000, 5), strict=True):
        row.set_class(number)
    order = wired.deliver()
    wired.close()

    assert order == [1, 2, 0]


def test_a_wire_changes_class_within_its_group() -> None:
    wired = Wired(4)
    for row in wired.rows:
        row.join(wired.copies[0])
    for number, row in zip((3, 9, 1, 3), islice(wired.rows, 4), strict=False):
        row.set_class(number)
        row.set_class(number)
    wired.rows[1].join(None)
    for row in wired.rows:
        row.set_class(7)
    order = wired.deliver()
    wired.close()

    assert order == [0, 0, 0]
