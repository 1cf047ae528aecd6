"""Miners asked for by what they are, in an order."""

import pytest
from twisted.internet.defer import Deferred
from twisted.internet.task import deferLater

from protocol.units import Seconds
from protocol.work.extranonce import Layout
from proxy.admin.miner_pages import PAGE, PASSED_AT_ONCE, MinerPages
from proxy.admin.miner_query import SORTED_AT_ONCE, MinerPage, MinerQuery
from proxy.admin.render_miners import miner_page
from tests.fakes.crowd import a_crowd, a_miner, settle
from tests.fakes.hall import Hall

WIDE = Layout(4, 4)
COUNT = 2 * PAGE + 10


class Desk:
    """Sites whose miners are asked for."""

    def __init__(self, *halls: Hall) -> None:
        self.halls, self.turns = halls, 0
        clock = halls[0].clock

        async def turn() -> None:
            self.turns += 1
            await deferLater(clock, 0)

        self.pages = MinerPages(
            lambda: {f"hall-{n}": hall.connections for n, hall in enumerate(halls)},
            lambda: Seconds(clock.seconds()),
            turn,
        )

    def ask(self, query: MinerQuery, number: int = 0) -> MinerPage:
        got: list[MinerPage] = []
        _ = Deferred.fromCoroutine(query.run(self.pages, number)).addCallback(
            got.append
        )
        settle(self.halls[0])
        (page,) = got
        return page

    def workers(self, query: MinerQuery, number: int = 0) -> list[str | None]:
        return [view.worker for view in self.ask(query, number).miners]


@pytest.fixture(scope="module")
def many() -> Hall:
    return a_crowd(COUNT, WIDE)


def test_all_pages_together_are_all_miners_in_order(many: Hall) -> None:
    desk = Desk(many)
    pages = [desk.ask(MinerQuery(), number) for number in range(4)]

    found = [view.worker for page in pages for view in page.miners]
    assert found == [f"rig{n}" for n in range(COUNT)]
    assert {(page.pages, page.total) for page in pages} == {(3, COUNT)}


def test_a_sorted_crowd_is_sorted_over_all_pages(many: Hall) -> None:
    desk, query = Desk(many), MinerQuery(order="worker")
    found = [w for n in range(3) for w in desk.workers(query, n)]

    assert found == sorted(f"rig{n}" for n in range(COUNT))


def test_no_turn_grows_with_the_number_of_miners() -> None:
    desk = Desk(a_crowd(2 * PASSED_AT_ONCE, WIDE))

    desk.ask(MinerQuery(pattern="nobody*"))
    assert desk.turns == 2
    desk.turns = 0
    desk.ask(MinerQuery(pattern="nobody*", order="hashrate"))
    assert desk.turns == 2 * PASSED_AT_ONCE // SORTED_AT_ONCE


@pytest.fixture
def few() -> Hall:
    """Give a hall of five, each with one share more; the third is parked."""
    hall = a_crowd(0, WIDE)
    for number in range(5):
        miner = a_miner(hall, f"rack.{number}")
        miner.accepted = number
        miner.address = f"10.0.0.{[9, 10, 2, 1, 100][number]}"
        miner.share_at = Seconds(50.0 - number) if number else None
        miner.session.user_agent = "cgminer/4.11" if number % 2 else "Whatsminer/2"
        if number == 2:
            miner.park()
    return hall


def numbers(hall: Hall, query: MinerQuery) -> str:
    return "".join(str(w)[-1] for w in Desk(hall).workers(query))


@pytest.mark.parametrize(
    ("query", "wanted"),
    [
        (MinerQuery(), "01234"),
        (MinerQuery(order="accepted"), "43210"),
        (MinerQuery(order="address"), "32014"),
        (MinerQuery(order="silent"), "04321"),
        (MinerQuery(state="parked"), "2"),
        (MinerQuery(state="active"), "0134"),
        (MinerQuery(text="WHATS"), "024"),
        (MinerQuery(text="0.0.10"), "14"),
        (MinerQuery(text="cgminer", pattern="*.3"), "3"),
        (MinerQuery(site="hall-0", order="accepted", state="active"), "4310"),
        (MinerQuery(site="hall-1"), ""),
    ],
)
def test_miners_are_found_and_sorted(few: Hall, query: MinerQuery, wanted: str) -> None:
    assert numbers(few, query) == wanted


def test_the_foot_says_where_the_others_are(many: Hall) -> None:
    def foot(**values: int) -> str:
        page = {"miners": [], "page": 0, "pages": 1, "total": 0, **values}
        return miner_page(page).splitlines()[-1]

    first = foot(pages=27, total=27_000)
    assert first == "page 0 of 0-26, 27,000 miners; next: --page 1"
    assert foot(page=26, pages=27, total=27_000) == "page 26 of 0-26, 27,000 miners"
    assert foot() == "page 0 of 0-0, 0 miners"
    beyond = foot(page=99, pages=27, total=27_000)
    assert beyond == "no page 99: the last is --page 26; 27,000 miners"
    assert foot(page=1) == "no page 1: there is one, --page 0; 0 miners"


def test_beyond_the_last_page_there_is_nobody(many: Hall) -> None:
    page = Desk(many).ask(MinerQuery(), 30)

    assert (page.miners, page.page, page.pages) == ([], 30, 3)
