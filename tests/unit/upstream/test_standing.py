"""What the outcomes of shares say of a pool."""

from collections.abc import Iterable

import pytest

from protocol.units import Seconds
from proxy.upstream.standing import Outcome, Standing

GOOD, NO, SILENT = Outcome.ACCEPTED, Outcome.REFUSED, Outcome.UNANSWERED


class Pool:
    """A standing and its clock."""

    def __init__(self) -> None:
        self.standing = Standing()
        self.now = Seconds(1000.0)

    def take(self, outcomes: Iterable[Outcome], a_second: int = 4) -> None:
        for outcome in outcomes:
            self.standing.note(outcome, self.now)
            self.now = Seconds(self.now + 1 / a_second)

    @property
    def doubt(self) -> str:
        return self.standing.doubt(self.now)


@pytest.mark.parametrize(
    ("outcomes", "doubt"),
    [
        ([NO] * 40, "refused 40 of the last 40 shares"),
        ([SILENT] * 40, "did not answer 40 of the last 40 shares"),
        (
            [*[GOOD] * 10, *[NO, SILENT] * 20],
            "refused 20 and did not answer 20 of the last 50 shares",
        ),
        ([NO] * 39, ""),
        ([GOOD, NO, NO, NO] * 50, ""),
    ],
)
def test_a_pool_is_known_by_its_last_fifty(outcomes: list[Outcome], doubt: str) -> None:
    pool = Pool()
    pool.take(outcomes)

    assert pool.doubt == doubt


def test_few_shares_of_one_second_count() -> None:
    pool = Pool()
    pool.take([NO] * 5000, a_second=1000)
    assert pool.doubt == ""
    pool.take([NO] * 5000, a_second=1000)

    assert pool.doubt


def test_a_doubt_ends_and_lasts_longer_each_time_that_nothing_has_mended() -> None:
    pool, lengths = Pool(), []
    for _ in range(5):
        pool.take([NO] * 40)
        began = pool.now
        while pool.doubt:
            pool.now = Seconds(pool.now + 10)
        lengths.append(round(pool.now - began, -1))

    assert lengths == [600, 1200, 2400, 3600, 3600]


def test_a_pool_that_has_mended_is_doubted_as_shortly_as_at_first() -> None:
    pool = Pool()
    for outcomes in ([NO] * 40, [NO] * 40, [GOOD] * 50, [NO] * 45):
        pool.take(outcomes)
        pool.now = Seconds(pool.now + 601 + 1200 * (outcomes == [NO] * 40))

    assert pool.doubt == ""
