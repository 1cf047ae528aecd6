"""Pages of miners: what is on them, and that nobody waits for them."""

from itertools import chain

import pytest
from twisted.internet.defer import Deferred
from twisted.internet.task import deferLater

from protocol.units import Seconds
from protocol.work.extranonce import Layout
from proxy.admin.miner_pages import PAGE, PASSED_AT_ONCE, SHOWN_AT_ONCE, MinerPages
from proxy.admin.views import MinerView
from tests.fakes.crowd import a_crowd, a_miner, settle
from tests.fakes.hall import Hall
from tests.growth import instructions

WIDE = Layout(4, 4)


class Desk:
    """Sites whose pages are asked for."""

    def __init__(self, *halls: Hall) -> None:
        self.factories = halls
        self.turns = 0
        clock = halls[0].clock

        async def turn() -> None:
            self.turns += 1
            await deferLater(clock, 0)

        self.pages = MinerPages(
            lambda: {f"hall-{n}": hall.connections for n, hall in enumerate(halls)},
            lambda: Seconds(clock.seconds()),
            turn,
        )

    def ask(self, pattern: str = "*", number: int = 0) -> list[MinerView]:
        got: list[list[MinerView]] = []
        asked = Deferred.fromCoroutine(self.pages.page(pattern, number))
        _ = asked.addCallback(got.append)
        settle(self.factories[0])
        (views,) = got
        return views

    def workers(self, pattern: str = "*", number: int = 0) -> list[str | None]:
        return [view.worker for view in self.ask(pattern, number)]


@pytest.fixture(scope="module")
def many() -> Hall:
    """Give a hall of two pages and a few miners."""
    return a_crowd(2 * PAGE + 10, WIDE)


def test_pages_have_each_miner_once_in_order(many: Hall) -> None:
    desk = Desk(many)
    pages = [desk.workers(number=number) for number in range(4)]

    assert [len(page) for page in pages] == [PAGE, PAGE, 10, 0]
    assert [*chain(*pages)] == [f"rig{n}" for n in range(2 * PAGE + 10)]


@pytest.mark.parametrize(
    ("pattern", "wanted"),
    [
        ("rig7", ["rig7"]),
        ("rig7?", [f"rig7{n}" for n in range(10)]),
        ("rig100*", ["rig100", *(f"rig100{n}" for n in range(10))]),
        ("*2007", ["rig2007"]),
        ("rig[12]", ["rig1", "rig2"]),
        ("rig", []),
        ("RIG7", []),
    ],
)
def test_a_glob_is_matched_whole(many: Hall, pattern: str, wanted: list[str]) -> None:
    assert Desk(many).workers(pattern) == wanted


def test_pages_of_what_matches_are_cut_alike(many: Hall) -> None:
    desk = Desk(many)

    assert len(desk.workers("rig1*")) == PAGE
    assert desk.workers("rig1*", 1) == [f"rig{n}" for n in range(1889, 2000)]


def test_a_page_goes_on_from_one_site_to_the_next() -> None:
    desk = Desk(a_crowd(3), a_crowd(4))
    views = desk.ask()

    assert [view.site for view in views] == ["hall-0"] * 3 + ["hall-1"] * 4
    assert len(desk.ask("rig3")) == 1


def test_a_page_is_made_in_slices(many: Hall) -> None:
    desk = Desk(many)
    desk.ask()

    assert desk.turns == PAGE // SHOWN_AT_ONCE - 1


def test_those_that_do_not_match_are_passed_over_in_slices() -> None:
    desk = Desk(a_crowd(2 * PASSED_AT_ONCE, WIDE))

    assert desk.workers("nobody*") == []
    assert desk.turns == 2


def test_a_page_costs_the_same_of_twice_as_many(many: Hall) -> None:
    few, twice = a_crowd(PAGE, WIDE), many

    def cost(hall: Hall, number: int = 0) -> int:
        desk = Desk(hall)
        return instructions(lambda: desk.ask(number=number))

    assert cost(twice) == pytest.approx(cost(few), rel=0.01)
    assert cost(twice, 1) == pytest.approx(cost(few), rel=0.01)


def test_what_is_shown_of_a_miner() -> None:
    hall = a_crowd(0)
    miner = a_miner(hall, "rack-a.1")
    miner.park()
    hall.clock.advance(30)
    (view,) = Desk(hall).ask()

    assert (view.worker, view.workers, view.state) == ("rack-a.1", 1, "parked")
    assert (view.protocol, view.version_mask) == ("sv1", "00000000")
    assert (view.source, view.extranonce1) == ("pool0", "00")
    assert (view.connected_s, view.last_share_s) == (30.0, None)
    assert view.hashrate_hs.m1 == 0.0
