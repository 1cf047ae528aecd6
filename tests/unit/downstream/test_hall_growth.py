"""What a second costs a hall, and what it costs to hold it out, by counted work."""

from collections.abc import Callable
from itertools import pairwise

import pytest

from protocol.units import Seconds
from protocol.work.extranonce import Layout
from proxy.downstream.roster import (
    ACTIVE_FOR,
    LOOKED_AT_ONCE,
    SILENT_FOR,
    SUBSCRIBE_WITHIN,
)
from proxy.runtime.slices import AT_ONCE
from tests.builders import a_job
from tests.fakes.crowd import a_crowd, a_miner, a_stranger, settle
from tests.fakes.hall import Hall
from tests.growth import TWICE, growth, instructions

HOLD = Seconds(600.0)
LAYOUTS = [Layout(4, 4), Layout(1, 3), Layout(2, 3)]


def lose_source(hall: Hall) -> None:
    hall.sources[0].lose()
    hall.connections.hold(HOLD)
    hall.clock.advance(HOLD)


@pytest.mark.parametrize("layout", LAYOUTS)
def test_holding_costs_the_same_for_any_number_while_there_is_a_source(
    layout: Layout,
) -> None:
    few, many = a_crowd(10, layout), a_crowd(1000, layout)

    assert instructions(lambda: many.connections.hold(HOLD)) == (
        instructions(lambda: few.connections.hold(HOLD))
    )


def test_holding_costs_the_same_for_any_number_once_all_are_held_out() -> None:
    def held_out(count: int) -> Callable[[], None]:
        hall = a_crowd(count)
        lose_source(hall)
        hall.connections.hold(HOLD)
        settle(hall)
        return lambda: hall.connections.hold(HOLD)

    assert instructions(held_out(1000)) == instructions(held_out(10))


def test_all_are_held_out_and_brought_back_in_slices() -> None:
    hall = a_crowd(2 * AT_ONCE + 10)
    miners = list(hall.connections.roster.miners.values())
    lose_source(hall)
    hall.connections.hold(HOLD)
    at_once = sum(miner.is_held_out for miner in miners)
    settle(hall)
    assert at_once <= AT_ONCE
    assert all(miner.is_held_out for miner in miners)

    hall.sources[0].post()
    hall.connections.hold(HOLD)
    at_once = sum(not miner.is_held_out for miner in miners)
    settle(hall)
    assert at_once <= AT_ONCE
    assert all(miner.is_granted for miner in miners)


def test_holding_out_costs_twice_as_much_for_twice_as_many() -> None:
    def to_hold_out(count: int) -> Callable[[], None]:
        hall = a_crowd(count)
        lose_source(hall)

        def hold() -> None:
            hall.connections.hold(HOLD)
            settle(hall)

        return hold

    assert growth(to_hold_out, 300) <= TWICE


def test_who_joins_while_the_others_are_held_out_is_held_out_too() -> None:
    hall = a_crowd(3)
    lose_source(hall)
    hall.connections.hold(HOLD)
    newcomer = a_miner(hall, "newcomer")
    assert newcomer.is_held_out

    hall.sources[0].post()
    hall.connections.hold(HOLD)

    assert newcomer.is_granted
    assert newcomer.outbox.lines > 0  # type: ignore[attr-defined]


def test_a_source_that_comes_and_goes_holds_nobody_out_before_the_time() -> None:
    hall = a_crowd(3)
    miners = hall.connections.roster.miners.values()
    lose_source(hall)
    hall.sources[0].post()
    hall.sources[0].lose()
    hall.connections.hold(HOLD)
    assert not any(miner.is_held_out for miner in miners)

    hall.clock.advance(HOLD)
    hall.connections.hold(HOLD)
    assert all(miner.is_held_out for miner in miners)


def test_who_waits_to_return_stays_out_when_the_source_goes_again() -> None:
    hall = a_crowd(3)
    miners = hall.connections.roster.miners.values()
    hall.context.parking.returns_per_second = 1.0
    lose_source(hall)
    hall.connections.hold(HOLD)
    hall.sources[0].post()
    hall.connections.hold(HOLD)
    lose_source(hall)
    hall.connections.hold(HOLD)

    hall.context.parking.let_return(Seconds(10.0))

    assert all(miner.is_held_out for miner in miners)


def reporting(count: int) -> Hall:
    """Return a hall all of whose miners were told of."""
    hall = a_crowd(count)
    list(hall.context.parking.reports("hall-a", is_whole=True))
    return hall


def test_a_report_costs_the_same_for_any_number_while_nothing_happens() -> None:
    def report(hall: Hall) -> int:
        parking = hall.context.parking
        return instructions(lambda: list(parking.reports("hall-a", is_whole=False)))

    assert report(reporting(1000)) == report(reporting(10))


def test_a_whole_report_costs_twice_as_much_for_twice_as_many() -> None:
    def whole(count: int) -> Callable[[], object]:
        parking = a_crowd(count).context.parking
        return lambda: list(parking.reports("hall-a", is_whole=True))

    assert growth(whole, 300) <= TWICE


def test_who_comes_and_goes_while_nobody_is_told_is_not_kept() -> None:
    hall = reporting(3)
    parking = hall.context.parking
    parking.end_reports()
    for number in range(100):
        miner = a_miner(hall, f"brief{number}")
        hall.connections.unregister(miner)

    whole, rest = parking.reports("hall-a", is_whole=True)

    assert whole.is_whole
    assert len(rest.joined) == 3
    assert rest.left == []


def test_a_difficulty_that_changed_is_reported_once() -> None:
    hall = reporting(3)
    miner = next(iter(hall.connections.roster.miners.values()))
    miner.vardiff.restart_at(miner.difficulty * 4, hall.context.now())  # type: ignore[arg-type]
    miner.assign(a_job(seq=hall.board.last_seq + 1, ceiling=1.0), b"")

    (report,) = hall.context.parking.reports("hall-a", is_whole=False)

    assert report.difficulty == [(miner.id, miner.difficulty)]
    assert list(hall.context.parking.reports("hall-a", is_whole=False)) == []


def sweep(hall: Hall) -> Callable[[], None]:
    return lambda: hall.connections.roster.sweep(hall.context.now())


def test_a_sweep_looks_at_no_more_of_three_times_as_many() -> None:
    few, many = a_crowd(LOOKED_AT_ONCE), a_crowd(3 * LOOKED_AT_ONCE)

    assert instructions(sweep(many)) < 1.1 * instructions(sweep(few))


def test_each_miner_is_looked_at_in_its_turn() -> None:
    hall = a_crowd(2 * LOOKED_AT_ONCE + 10)
    hall.clock.advance(SILENT_FOR)
    left = [len(hall.connections.roster.miners)]
    for _ in range(3):
        sweep(hall)()
        left.append(len(hall.connections.roster.miners))

    assert all(before - now <= LOOKED_AT_ONCE for before, now in pairwise(left))
    assert left[-1] == 0


def test_strangers_are_dropped_in_time_however_many_miners_there_are() -> None:
    hall = a_crowd(2 * LOOKED_AT_ONCE + 10)
    strangers = [a_stranger(hall) for _ in range(10)]
    hall.clock.advance(SUBSCRIBE_WITHIN)
    sweep(hall)()

    miners = hall.connections.roster.miners
    assert not [one for one in strangers if one.id in miners]


def test_who_is_parked_is_counted_at_once() -> None:
    hall = a_crowd(5)
    parking, miners = hall.context.parking, hall.connections.roster.miners
    parking.park(list(miners)[:3])
    assert parking.parked == 3

    hall.connections.unregister(next(iter(miners.values())))
    parking.grant(list(miners)[:1])

    assert parking.parked == 1


def test_who_had_a_share_of_late_is_active() -> None:
    hall = a_crowd(5)
    roster = hall.connections.roster
    for miner in list(roster.miners.values())[:2]:
        miner.share_at = hall.context.now()
    sweep(hall)()
    assert roster.active == 2

    hall.clock.advance(ACTIVE_FOR + 1)
    sweep(hall)()

    assert roster.active == 0
