"""Why a miner is as it is: what is said, and that it is so."""

from collections.abc import Callable

import pytest

from protocol.units import Difficulty, Seconds, UnixTime
from protocol.work.extranonce import Layout
from protocol.work.share import Verdict
from protocol.work.vardiff import VardiffPolicy
from proxy.admin.why import PLAIN, why_view
from proxy.downstream.sv1_miner import Sv1Miner
from proxy.shares.reader import RecordedShare
from tests.fakes.crowd import a_crowd, a_miner, a_stranger
from tests.fakes.hall import Hall

WIDE = Layout(4, 4)


@pytest.fixture
def hall() -> Hall:
    return a_crowd(0, WIDE)


def said(
    hall: Hall, miner: Sv1Miner, rejects: list[RecordedShare] | None = None
) -> str:
    now = Seconds(hall.clock.seconds())
    view = why_view("hall-a", miner, "operator", rejects or [], now)
    return "\n".join(view.sentences)


def test_every_reason_of_a_rejection_is_told_in_plain_words() -> None:
    assert set(PLAIN) == {v.value for v in Verdict if v is not Verdict.ACCEPTED}


def test_one_that_mines_says_on_what(hall: Hall) -> None:
    assert "mines on pool0" in said(hall, a_miner(hall, "rack.1"))


def test_one_that_has_not_said_who_it_is_is_given_no_jobs(hall: Hall) -> None:
    assert "has not said who it is" in said(hall, a_stranger(hall))


def test_one_that_is_held_off_says_by_what_rule(hall: Hall) -> None:
    miner = a_miner(hall, "rack.1")
    miner.park()
    hall.clock.advance(300)

    assert "parked for 5 min: the site's power control" in said(hall, miner)
    assert "ruled by operator" in said(hall, miner)


def _fixed(miner: Sv1Miner) -> None:
    miner.wishes.is_fixed = True


def _lowest(miner: Sv1Miner) -> None:
    miner.vardiff.difficulty = miner.context.policy.minimum


@pytest.mark.parametrize(
    ("change", "wanted"),
    [(_fixed, "it asked for it"), (_lowest, "the lowest that the site allows")],
)
def test_a_difficulty_has_its_reason(
    hall: Hall, change: Callable[[Sv1Miner], None], wanted: str
) -> None:
    miner = a_miner(hall, "rack.1")
    change(miner)
    miner.group = None  # no source bounds it

    assert wanted in said(hall, miner)


def test_stale_shares_of_a_parked_miner_are_not_laid_to_the_network(hall: Hall) -> None:
    miner = a_miner(hall, "rack.1")
    miner.rejected["stale"], miner.stale_parked = 3, 3

    assert "3 rejected as stale: it was parked" in said(hall, miner)
    assert "network" not in said(hall, miner)

    miner.rejected["stale"] = 5
    assert "2 rejected as stale: it came after its job was over" in said(hall, miner)


def test_the_last_rejects_are_told_with_their_reasons(hall: Hall) -> None:
    miner = a_miner(hall, "rack.1")
    miner.rejected["stale"] = 3
    at = UnixTime(1_700_000_000.0)
    row = RecordedShare(at, "hall-a", "rack.1", "1f", 512.0, "stale", "00")

    text = said(hall, miner, [row])

    assert "3 rejected as stale: it came after its job was over" in text
    assert "rejected at 22:13:20 UTC: stale, job 1f, difficulty 512" in text


def test_the_pace_of_the_site_is_told(hall: Hall) -> None:
    miner = a_miner(hall, "rack.1")
    policy = VardiffPolicy(18.0, Difficulty(1e-12), Difficulty(1e9))
    miner.context.bounds.policy = policy
    miner.vardiff.difficulty = Difficulty(miner.difficulty)
    miner.accepted = 5

    assert "sends about 18 shares a minute" in said(hall, miner)
