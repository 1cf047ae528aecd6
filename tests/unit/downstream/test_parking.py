"""Parked miners: what they are sent, how their shares count, what is reported."""

from typing import Any

from protocol.units import Difficulty, Seconds
from proxy.config import LimitsConfig
from proxy.downstream.connection import SiteFactory
from proxy.downstream.parking import Parking
from proxy.power.link.messages import MAX_ROWS, FleetReport
from tests.builders import EASY
from tests.fakes.hall import AUTHORIZE, SUBSCRIBE, Hall, Wire, methods


class Site:
    """A site whose miners start parked."""

    def __init__(self, per_second: float | None = None) -> None:
        self.hall = Hall()
        self.parking = Parking(self.hall.clock, returns_per_second=per_second)
        self.hall.context.parking = self.parking
        self.parking.grants_at_once = False
        self.real = SiteFactory(self.hall.context, LimitsConfig(), lambda: 0.5)
        self.hall.sources[0].post()

    def connect(self) -> Wire:
        wire = self.hall.connect()
        self.real.roster.add(wire.miner)
        return wire

    def parked(self) -> Wire:
        wire = self.connect()
        wire.miner.park()
        wire.work()
        return wire

    def granted(self) -> Wire:
        wire = self.connect().work()
        wire.hear()
        return wire

    def live(self, seconds: int) -> None:
        for _ in range(seconds):
            self.hall.pass_time(1)
            self.real.hold(Seconds(600.0))
            self.real.roster.sweep(self.hall.context.now())
            self.parking.let_return(Seconds(1.0))

    def note_drops(self) -> dict[int, str]:
        """Return what will hold who is dropped, and why."""
        dropped: dict[int, str] = {}
        self.hall.context.drop = lambda miner, why: dropped.update({miner.id: why})
        return dropped

    def report(self, *, whole: bool = False) -> list[FleetReport]:
        return list(self.parking.reports("hall-a", is_whole=whole))


def test_a_parked_miner_is_authorised_and_gets_no_job() -> None:
    site = Site()
    wire = site.connect()
    wire.miner.park()

    answers = wire.say(SUBSCRIBE, AUTHORIZE)

    assert [a["result"] for a in answers if a.get("id") == 3] == [True]
    assert "mining.notify" not in methods(answers)


def test_who_never_had_a_job_knows_none() -> None:
    site = Site()
    wire = site.parked()

    assert wire.submit(1)["error"] == [21, "Job not found", None]


def test_a_grant_brings_difficulty_and_job() -> None:
    site = Site()
    wire = site.parked()
    wire.hear()

    site.parking.grant([wire.miner.id])

    assert methods(wire.hear()) == ["mining.set_difficulty", "mining.notify"]


def test_who_works_again_is_told_that_its_old_job_is_over() -> None:
    site = Site()
    wire = site.granted()
    wire.miner.park()
    site.hall.sources[0].post(prev_hash=b"\1" * 32)
    site.hall.sources[0].post(prev_hash=b"\1" * 32, ntime=1_700_000_100, clean=False)
    wire.hear()
    wire.miner.grant()

    (notify,) = [m for m in wire.hear() if m.get("method") == "mining.notify"]
    assert notify["params"][-1] is True


def test_a_parked_miner_hears_a_line_every_45_s_and_no_job() -> None:
    site = Site()
    wire = site.parked()
    site.live(1)
    wire.hear()

    heard: list[Any] = []
    for _ in range(4):
        site.live(45)
        lines = methods(wire.hear())
        assert lines, "silent for more than 45 s"
        heard += lines

    assert set(heard) == {"mining.set_difficulty"}


def test_a_parked_miner_that_says_nothing_for_hours_is_kept() -> None:
    site = Site()
    wire = site.parked()

    site.live(7200)

    assert wire.miner.id in site.real.roster.miners


def test_shares_in_the_first_135_s_of_parking_are_accepted_as_parked_work() -> None:
    site = Site()
    wire = site.granted()
    wire.miner.park()
    site.live(134)

    wire.accepted_nonce()

    assert wire.miner.tally.parked_work == EASY
    assert site.parking.tally.parked_work == EASY


def test_shares_after_135_s_are_stale_not_forwarded_and_unauthorised() -> None:
    site = Site()
    wire = site.granted()
    wire.miner.park()
    site.live(135)
    before = len(site.hall.sink.sent)

    answers = [wire.submit(n) for n in range(40)]

    assert {a["error"][0] for a in answers} == {21}
    assert len(site.hall.sink.sent) == before
    good = wire.miner.tally.unauthorised_work / EASY
    assert 1 <= good < 40, "only hashes that meet the difficulty prove work"
    assert wire.miner.tally.stale == site.parking.tally.stale == 40
    reports = list(site.parking.reports("hall-a", is_whole=False))
    assert sum(work.stale for r in reports for work in r.work) == 40


def test_what_is_refused_of_a_parked_miner_is_told_from_the_rest() -> None:
    site = Site()
    wire = site.granted()
    wire.submit(1, job="beef")
    assert wire.miner.group is not None
    assert wire.miner.group.current is not None
    old = wire.miner.group.current.job.id
    wire.miner.park()
    site.hall.sources[0].post(prev_hash=b"\1" * 32)
    site.hall.pass_time(60)

    refused = [wire.submit(nonce, job=old)["error"][0] for nonce in range(40)]

    assert set(refused) == {21}
    assert site.parking.rejected == {"stale": 40}
    assert wire.miner.stale_parked == 40
    assert wire.miner.rejected == {"unknown_job": 1, "stale": 40}


def test_the_same_unauthorised_share_counts_once() -> None:
    site = Site()
    wire = site.granted()
    wire.miner.park()
    site.live(200)
    for _ in range(3):
        for nonce in range(20):
            wire.submit(nonce)

    once = wire.miner.tally.unauthorised_work

    assert 1 <= once / EASY < 20


def test_a_block_of_a_miner_parked_for_long_is_still_submitted() -> None:
    site = Site()
    site.hall.sources[0].post(block_target=1 << 256)
    wire = site.granted()
    wire.miner.park()
    site.live(300)

    answer = wire.submit(1)

    assert answer["error"][0] == 21
    assert len(site.hall.sink.sent) == 1


def test_the_time_spent_parked_is_not_held_against_a_miner() -> None:
    site = Site()
    wire = site.granted()
    wire.submit(1, job="beef")
    wire.miner.park()
    difficulty = wire.miner.vardiff.difficulty
    site.live(4000)
    wire.miner.grant()
    wire.hear()
    site.live(2)

    assert wire.miner.id in site.real.roster.miners
    assert wire.miner.vardiff.difficulty == difficulty
    assert wire.miner.conduct.bad_since is None


def test_miners_that_no_source_had_work_for_return_one_by_one() -> None:
    site = Site(per_second=2.0)
    wires = [site.granted() for _ in range(6)]
    for wire in wires:
        wire.miner.hold_out(is_out=True)

    for wire in wires:
        site.parking.bring_back(wire.miner)
    site.live(2)

    assert sum(w.miner.is_granted for w in wires) == 4


def test_all_who_wait_return_once_returns_are_no_longer_paced() -> None:
    site = Site(per_second=1.0)
    wires = [site.granted() for _ in range(3)]
    for wire in wires:
        wire.miner.hold_out(is_out=True)
        site.parking.bring_back(wire.miner)

    site.parking.returns_per_second = None
    site.live(1)

    assert all(wire.miner.is_granted for wire in wires)


def test_a_miner_parked_by_the_controller_stays_so_when_its_source_is_back() -> None:
    site = Site()
    wire = site.granted()
    wire.miner.park()
    wire.miner.hold_out(is_out=True)

    site.parking.bring_back(wire.miner)

    assert not wire.miner.is_granted


def test_a_report_tells_what_changed_and_nothing_twice() -> None:
    site = Site()
    wire = site.granted()
    (first,) = site.report()
    nonce = wire.accepted_nonce()
    wire.miner.park()
    (second,) = site.report()

    assert [(j.id, j.worker, j.is_parked) for j in first.joined] == [(1, "rig1", False)]
    assert second.joined == []
    assert second.parked == [(1, True)]
    assert second.work[0].shares == 1
    assert second.work[0].work == EASY
    assert nonce >= 0
    assert site.report() == []
    site.real.roster.remove(wire.miner)
    assert site.report()[0].left == [1]


def test_a_whole_report_begins_anew() -> None:
    site = Site()
    site.granted()
    site.report()

    marker, rows = site.report(whole=True)

    assert marker.is_whole
    assert len(rows.joined) == 1


def test_a_large_fleet_is_told_in_parts() -> None:
    site = Site()
    wires = [site.granted() for _ in range(MAX_ROWS + 1)]

    parts = site.report()

    assert [len(p.joined) for p in parts] == [MAX_ROWS, 1]
    assert len(wires) == MAX_ROWS + 1


def test_a_miner_that_has_not_said_who_it_is_is_not_reported() -> None:
    site = Site()
    site.connect().say(SUBSCRIBE)

    assert site.report() == []


def test_a_report_tells_what_shares_are_judged_at_and_when_no_source_has_work() -> None:
    site = Site()
    wire = site.granted()
    told = [site.report()]
    wire.miner.set_requested_difficulty(fixed=Difficulty(4 * EASY))
    site.live(2)
    told.append(site.report())
    site.hall.sources[0].lose()
    site.live(2)
    told.append(site.report())
    site.hall.sources[0].post()
    site.live(2)
    told.append(site.report())

    assert [[d for _, d in part.difficulty] for (part,) in told] == [
        [EASY], [4 * EASY], [0.0], [4 * EASY],
    ]  # fmt: skip
    assert site.report() == []
