"""A hashprice of a node and a bitcoin's price, while either is away, old or wrong."""

import os
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest
from twisted.internet.defer import Deferred
from twisted.internet.task import Clock, deferLater

from protocol.prices.curve import PriceError
from protocol.units import Seconds, UnixTime
from proxy.power.orders.market import BlockReward, RewardError, hashprice_of
from proxy.signals.btc_quotes import QUOTE_FOR, BtcQuotes
from proxy.signals.price_document import Document, FileDocument
from proxy.signals.price_worth import REWARD_FOR, NodeWorth
from tests.fakes.order_desk import NOW

REWARD = BlockReward("main", 925_000, 1.5e14, 3.15)
POLL = Seconds(300.0)


class Rewards:
    """A node."""

    def __init__(self) -> None:
        self.fault = ""
        self.hangs = False
        self.after: Callable[[], Awaitable[None]] | None = None
        self.reads = 0

    async def read(self) -> BlockReward:
        self.reads += 1
        if self.hangs:
            await Deferred()
        if self.after is not None:
            await self.after()
        if self.fault:
            raise RewardError(self.fault)
        return REWARD

    async def close(self) -> None:
        pass


class Paper:
    """A document that a test writes."""

    written_at: UnixTime | None = None

    def __init__(self, data: bytes) -> None:
        self.data, self.error = data, ""

    async def read(self, _: UnixTime) -> bytes:
        if self.error:
            raise PriceError(self.error)
        return self.data

    async def close(self) -> None:
        pass


class Rig:
    """A worth, under a virtual clock."""

    def __init__(
        self,
        data: bytes = b"60000",
        document: Document | None = None,
        poll: Seconds = POLL,
    ) -> None:
        self.clock = Clock()
        self.ahead = 0.0  # of the wall clock
        self.paper = Paper(data)
        self.node = Rewards()
        self.refused: list[str] = []
        quotes = BtcQuotes(document or self.paper, "EUR", lambda: self.wall)
        self.worth = NodeWorth(quotes, poll, self.clock)
        self.worth.rewards = self.node
        self.worth.start(self.refused.append)

    @property
    def wall(self) -> UnixTime:
        return UnixTime(NOW + self.clock.seconds() + self.ahead)

    def wait(self, seconds: float) -> None:
        for _ in range(int(seconds // 5)):
            self.clock.advance(5.0)

    @property
    def price(self) -> float | None:
        """What a bitcoin counts as."""
        found = self.worth.hashprice()
        return None if found is None else round(60_000.0 * found / AT_60, 6)


AT_60 = hashprice_of(1.5e14, 3.15, 60_000.0)


def test_a_hashprice_is_the_nodes_and_the_documents() -> None:
    rig = Rig()

    # 1e15 * 86400 / (1.5e14 * 2^32) blocks of 3.15 BTC at 60,000
    assert rig.worth.hashprice() == pytest.approx(25.347, abs=0.001)
    assert rig.worth.says == (
        "3.1500 BTC a block at difficulty 1.5e+14 (main, height 925000),"
        " 60000 EUR a bitcoin"
    )
    assert not rig.refused


def test_a_node_that_is_away_counts_for_an_hour_and_is_an_event() -> None:
    rig = Rig()
    rig.node.fault = "node main: no answer in 10 s"
    rig.wait(POLL + 10)
    assert rig.price == 60_000.0
    assert set(rig.refused) == {"node main: no answer in 10 s"}
    rig.wait(REWARD_FOR)

    assert rig.worth.hashprice() is None
    assert rig.worth.says == "node main: no answer in 10 s"
    rig.node.fault = ""
    rig.wait(35)
    assert rig.price == 60_000.0


def test_a_document_read_once_an_hour_leaves_no_gap_in_what_the_node_says() -> None:
    rig = Rig(poll=Seconds(3600.0))
    rig.node.after = lambda: deferLater(rig.clock, 1.0)

    for _ in range(3 * 3600):
        rig.clock.advance(1.0)
        assert rig.price == 60_000.0


def test_a_node_that_hangs_is_asked_once_at_a_time() -> None:
    rig = Rig()
    rig.node.hangs = True
    rig.wait(REWARD_FOR + POLL + 60)

    assert rig.worth.hashprice() is None
    assert rig.node.reads == 2


def test_without_a_node_nothing_is_known() -> None:
    rig = Rig()
    rig.worth.rewards = None
    rig.wait(REWARD_FOR + POLL)

    assert rig.worth.hashprice() is None
    assert "there is no node" in rig.worth.says


def test_a_price_that_is_missing_counts_for_a_day() -> None:
    rig = Rig()
    rig.paper.error = "btc.txt: No such file or directory"
    rig.wait(QUOTE_FOR - 10)
    assert rig.price == 60_000.0
    rig.wait(20)

    assert rig.worth.hashprice() is None
    assert rig.worth.says == "btc.txt: No such file or directory"


@pytest.mark.parametrize("data", [b"", b"<html>", b"60000 USD", b'{"EUR": 60'])
def test_a_price_that_goes_bad_changes_nothing(data: bytes) -> None:
    rig = Rig()
    rig.paper.data = data
    rig.wait(POLL + 40)

    assert rig.price == 60_000.0
    assert rig.refused


def test_a_price_of_yesterday_or_tomorrow_is_none() -> None:
    for at, why in ((NOW - QUOTE_FOR - 60, "older than a day"), (NOW + 90, "to come")):
        rig = Rig(b'{"EUR": 60000, "time": %d}' % at)
        assert rig.worth.hashprice() is None
        assert why in rig.refused[0]


@pytest.mark.parametrize(
    ("time", "why"),
    [
        ('"1970-01-01T00:00:00+00:00"', "of 1970-01-01 00:00: older than a day"),
        ("0", "of 1970-01-01 00:00: older than a day"),
        ('"0001-01-01T00:00:00+23:59"', "a time out of range"),
        ('"9999-12-31T23:59:59-23:59"', "a time out of range"),
        (f"{NOW * 1000:.0f}", "a time out of range"),
    ],
)
def test_a_price_is_of_when_it_says_it_is(time: str, why: str) -> None:
    rig = Rig(b'{"EUR": 60000, "time": %s}' % time.encode())

    assert rig.worth.hashprice() is None
    assert why in rig.refused[0]


@pytest.mark.parametrize(
    ("written", "why"),
    [(0.0, "older"), (-1e18, "older"), (2.0**62, "of 9999-12-31 23:59, which is yet")],
)
def test_a_price_is_of_when_its_file_was_written(written: float, why: str) -> None:
    paper = Paper(b"60000")
    paper.written_at = UnixTime(written)
    rig = Rig(document=paper)

    assert rig.worth.hashprice() is None
    assert why in rig.refused[0]


def test_a_price_that_is_replayed_is_not_taken() -> None:
    rig = Rig(b'{"EUR": 60000, "time": %d}' % NOW)
    rig.paper.data = b'{"EUR": 80000, "time": %d}' % (NOW - 3600)
    rig.wait(POLL + 40)

    assert rig.price == 60_000.0
    assert "older than the one before" in rig.refused[0]


@pytest.mark.parametrize("ahead", [-3600.0, 2 * QUOTE_FOR])
def test_a_clock_that_was_set_makes_it_unknown(ahead: float) -> None:
    rig = Rig(b'{"EUR": 60000, "time": %d}' % NOW)
    rig.ahead = ahead

    assert rig.worth.hashprice() is None


def test_a_leap_counts_once_it_is_said_again() -> None:
    rig = Rig()
    rig.paper.data = b"600000"
    rig.wait(POLL + 10)
    assert rig.price == 60_000.0
    assert "read once more" in rig.refused[0]
    rig.paper.data = b"61000"  # it was a slip
    rig.wait(35)
    assert rig.price == 61_000.0
    rig.paper.data = b"6100"  # the beginning of a file
    rig.wait(POLL + 10)
    assert rig.price == 61_000.0
    rig.wait(35)
    assert rig.price == 6_100.0


def test_a_file_is_as_old_as_it_was_written(tmp_path: Path) -> None:
    path = tmp_path / "btc.txt"
    path.write_text("60000\n")
    os.utime(path, (NOW, NOW - QUOTE_FOR + 100))
    rig = Rig(document=FileDocument(path))
    assert rig.price == 60_000.0

    rig.wait(110)

    assert rig.worth.hashprice() is None


def test_what_is_no_file_holds_nobody_up(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    rig = Rig(document=FileDocument(pipe))

    assert rig.worth.hashprice() is None
    assert "not a regular file" in rig.refused[0]
