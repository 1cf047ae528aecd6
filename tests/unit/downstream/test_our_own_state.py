"""Nobody is punished for a state that is ours: no source, a mask that just changed."""

from typing import Any

import pytest

from protocol.bitcoin.target import target_from_difficulty
from protocol.units import Difficulty, Seconds
from protocol.work.vardiff import VardiffPolicy
from proxy.config import LimitsConfig
from proxy.downstream.conduct import MASK_GRACE
from proxy.downstream.connection import SiteFactory
from proxy.downstream.roster import KEEP_ALIVE, SILENT_FOR
from tests.fakes.hall import AUTHORIZE, CONFIGURE, SUBSCRIBE, Hall, Wire, methods

HOLD = Seconds(600.0)
EVERYTHING = Difficulty(1e-10)
WIDE, NARROW = "00010000", "00004000"


class Site:
    """A hall with all that time brings to it, and who was dropped there."""

    def __init__(self, sources: int = 1, **work: Any) -> None:
        self.hall = Hall(sources=sources)
        self.real = SiteFactory(self.hall.context, LimitsConfig(), lambda: 0.5)
        self.dropped: dict[int, str] = {}
        self.real.roster.drop = lambda miner, why: self.dropped.update({miner.id: why})
        self.hall.sources[0].post(**work)

    def connect(self) -> Wire:
        wire = self.hall.connect()
        self.real.roster.add(wire.miner)
        return wire

    def live(self, seconds: float) -> None:
        for _ in range(int(seconds)):
            self.hall.pass_time(1)
            self.real.hold(HOLD)
            self.real.roster.sweep(self.hall.context.now())


def job_of(wire: Wire) -> str:
    assert wire.miner.group is not None
    assert wire.miner.group.current is not None
    return wire.miner.group.current.job.id


def roll(wire: Wire, bits: str, nonce: int) -> Any:
    """Return the answer to a share whose version bits are `bits`."""
    params = ["rig1", job_of(wire), "00000000", "6553f100", f"{nonce:08x}", bits]
    heard = wire.say({"id": 9, "method": "mining.submit", "params": params})
    wire.hall.clock.advance(0.001)
    return next(m for m in heard + wire.hear() if m["id"] == 9)["error"]


def test_without_a_source_shares_are_judged_and_lost() -> None:
    site = Site(difficulty=EVERYTHING, target=target_from_difficulty(EVERYTHING))
    wire = site.connect().work()
    wire.accepted_nonce()
    site.hall.sources[0].lose()
    site.hall.sink.is_open = False

    for nonce in range(1000, 1200):
        assert wire.submit(nonce)["error"] is None
        site.live(1)

    book = site.hall.recorder.totals.sites["hall-a"]
    assert book.lost["no_source"] >= 200
    assert not book.rejected
    assert not site.dropped


def test_without_a_source_nothing_is_held_against_anybody() -> None:
    site = Site()
    wire = site.connect().work()
    wire.submit(1, job="beef")
    site.live(50)
    site.hall.sources[0].lose()

    heard: list[Any] = []
    for _ in range(300):
        wire.submit(1, job="beef")
        site.live(1)
        heard += methods(wire.hear())

    assert "client.reconnect" not in heard
    assert not site.dropped


def test_without_a_source_a_miner_hears_a_line_in_time() -> None:
    site = Site()
    wire = site.connect().work()
    site.hall.sources[0].lose()
    wire.hear()

    site.live(2 * KEEP_ALIVE)

    assert methods(wire.hear()) == ["mining.set_difficulty"] * 2


def test_without_a_source_miners_are_parked_after_the_hold_alone() -> None:
    site = Site()
    wire = site.connect().work()
    site.hall.sources[0].lose()

    site.live(HOLD - 1)
    assert wire.miner.is_granted
    site.live(1)

    assert not wire.miner.is_granted


def test_who_was_silent_while_there_was_no_source_has_its_time_again() -> None:
    site = Site()
    wire = site.connect().work()
    site.live(SILENT_FOR - 10)
    site.hall.sources[0].lose()
    site.live(100)
    site.hall.sources[0].post()

    site.live(SILENT_FOR - 10)
    assert not site.dropped
    site.live(10)

    assert site.dropped == {wire.miner.id: "silent for 900 s"}


def test_the_jobs_of_a_lost_pool_run_out_once_there_is_another() -> None:
    site = Site(sources=2)
    wire = site.connect().work()
    old = job_of(wire)
    site.hall.sources[0].lose()
    site.live(100)
    assert wire.submit(1, job=old)["error"] != [21, "Stale share", None]

    site.hall.sources[1].post()
    site.live(9)
    assert wire.submit(2, job=old)["error"] != [21, "Stale share", None]
    site.live(1)

    assert wire.submit(3, job=old)["error"] == [21, "Stale share", None]


def test_what_was_rolled_by_the_last_mask_is_not_held_against_a_miner() -> None:
    site = Site(sources=2)
    site.hall.sources[1].post(version_mask=0x4000)
    wire = site.connect()
    wire.say(CONFIGURE, SUBSCRIBE, AUTHORIZE)
    site.hall.sources[0].lose()

    for nonce in range(20):
        assert roll(wire, WIDE, nonce)[1] == "Version bits outside the mask"
        site.live(1)
    assert wire.miner.conduct.voided == 0
    assert wire.miner.conduct.bad_since is None
    site.live(MASK_GRACE - 20)
    roll(wire, WIDE, 99)

    assert wire.miner.conduct.voided == 1
    assert wire.miner.conduct.bad_since is not None


def test_who_configures_after_its_first_job_is_answered_what_that_allows() -> None:
    site = Site(version_mask=0x0000E000)
    wire = site.connect().work()

    (answer,) = wire.say(CONFIGURE)
    site.live(35)

    mask = {"version-rolling": True, "version-rolling.mask": "0000e000"}
    assert answer["result"] == mask
    assert "mining.set_version_mask" not in methods(wire.hear())
    assert roll(wire, NARROW, 1) != [20, "Version bits outside the mask", None]


def test_it_is_told_when_a_later_job_allows_more() -> None:
    site = Site(sources=2, version_mask=0x0000E000)
    site.hall.sources[1].post()
    wire = site.connect().work()
    wire.say(CONFIGURE)

    site.hall.sources[0].lose()
    heard = wire.hear()

    assert methods(heard) == ["mining.set_version_mask", "mining.notify"]
    assert heard[0]["params"] == ["1fffe000"]


def ask_for(password: str) -> dict[str, Any]:
    return {"id": 3, "method": "mining.authorize", "params": ["rig1", password]}


@pytest.mark.parametrize("password", ["d=1e9", "md=1e9"])
def test_who_is_slow_for_a_difficulty_of_its_own_wish_stays(password: str) -> None:
    site = Site(difficulty=Difficulty(1e12))
    site.connect().say(SUBSCRIBE, ask_for(password))

    site.live(2 * SILENT_FOR)

    assert not site.dropped


def test_who_is_slow_for_a_difficulty_that_the_site_fixed_stays() -> None:
    site = Site()
    context = site.hall.context
    low, high = context.policy.minimum, context.policy.maximum
    context.bounds.policy = VardiffPolicy(0.0, low, high)
    site.connect().work()

    site.live(SILENT_FOR + 1)

    assert not site.dropped


def suggest(difficulty: float) -> dict[str, Any]:
    return {"id": 4, "method": "mining.suggest_difficulty", "params": [difficulty]}


def test_a_suggestion_that_is_repeated_undoes_nothing() -> None:
    site = Site(difficulty=Difficulty(1e12))
    wire = site.connect().work()
    wire.say(suggest(4096.0))
    assert wire.miner.vardiff.difficulty == 4096.0
    wire.miner.vardiff.restart_at(Difficulty(65536.0), site.hall.context.now())

    (answer,) = wire.say(suggest(4096.0))
    target = {"method": "mining.suggest_target", "params": [f"{0xFFFF << 196:064x}"]}
    wire.say({"id": 5, **target})
    assert answer["result"] is True
    assert wire.miner.vardiff.difficulty == 65536.0
    wire.say(suggest(8192.0))

    assert wire.miner.vardiff.difficulty == 8192.0
