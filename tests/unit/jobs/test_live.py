from collections.abc import Collection

import pytest
from typing_extensions import override

from protocol.sv1.codec import notify_line
from protocol.units import Seconds
from protocol.work.extranonce import Layout
from protocol.work.job import Content, Job, Work
from proxy.jobs.duplicates import Duplicates
from proxy.jobs.live import (
    MAX_JOBS,
    MAX_WORKS,
    RETIRE_AFTER,
    LiveJob,
    LiveJobs,
)
from proxy.jobs.ports import NoCopies
from proxy.jobs.series import MAX_AHEAD
from tests.builders import a_work
from tests.growth import instructions

START = Seconds(1000.0)


class Bench:
    """The jobs of one group, with a clock and numbers that count up."""

    def __init__(self, space: int = 0, duplicates: Duplicates | None = None) -> None:
        self.duplicates = duplicates or Duplicates()
        self.jobs = LiveJobs(Layout(4, 4), space, NoCopies(), self.duplicates)
        self.now = START
        self.seq = 0
        self.offered: list[Work] = []

    def post(self, work: Work) -> LiveJob:
        entry = self.try_post(work)
        assert entry is not None
        return entry

    def try_post(self, work: Work) -> LiveJob | None:
        self.seq += 1
        return self.jobs.post(work, self.seq, self.now, clean=False)

    def wait(self, seconds: float) -> None:
        self.now = Seconds(self.now + seconds)
        self.jobs.retire(self.now, self._contents)

    def _contents(self) -> Collection[Content]:
        return {work.content for work in self.offered}


def test_a_revision_differs_by_its_ntime() -> None:
    bench = Bench()
    work = a_work()

    ntimes = [bench.post(work).job.ntime for _ in range(3)]

    assert ntimes == [work.ntime, work.ntime + 1, work.ntime + 2]


def test_a_revision_follows_the_clock() -> None:
    bench = Bench()
    work = a_work()
    bench.post(work)

    bench.wait(30)

    assert bench.post(work).job.ntime == work.ntime + 31


@pytest.mark.parametrize("changes", [{}, {"session": 2}, {"source_job": "up2"}])
@pytest.mark.parametrize("elapsed", [0.3, 1.0, 1.9, 30.0, 119.6])
def test_a_job_begins_where_no_ntime_that_runs_has_been(
    changes: dict[str, int], elapsed: float
) -> None:
    """Firmware lets ntime run, and begins each job at the same nonces.

    A pool that is come back to may send the job of before under another name.
    """
    bench = Bench()
    old = bench.post(a_work()).job
    bench.wait(elapsed)

    new = bench.post(a_work(**changes)).job

    late = 0.4  # a miner may hear of the first at once, and of the second so late
    assert new.ntime > old.ntime + int(elapsed + late)


def test_jobs_that_come_each_second_do_not_run_away_from_the_clock() -> None:
    bench = Bench()
    ntimes = []
    for second in range(2000):
        ntimes.append(bench.post(a_work(source_job=f"{second}")).job.ntime)
        bench.wait(1)

    assert ntimes == sorted(set(ntimes))
    assert ntimes[-1] <= a_work().ntime + 2000 + MAX_AHEAD


def test_a_work_that_is_sent_again_is_the_same_work() -> None:
    bench = Bench()
    first = bench.post(a_work()).job

    again = bench.post(a_work(clean=False)).job

    assert again.work is first.work
    assert again.ntime == first.ntime + 1
    assert again.seen is first.seen


@pytest.mark.parametrize(
    "changes",
    [
        {"source_job": "up2"},
        {"session": 2},
        {"target": 1 << 200},
        {"version": 0x20002000},
        {"coinb1": b"\x01" * 39, "extranonce1": b"\x01\xaa\xbb\xcc\xdd"},
    ],
)
def test_a_work_of_the_same_content_is_judged_with_it(changes: dict[str, int]) -> None:
    """Its source judges it by other terms; the headers could be the same."""
    bench = Bench()
    first = bench.post(a_work()).job

    other = bench.post(a_work(**changes)).job

    assert other.work is not first.work
    assert other.ntime == first.ntime + 1
    assert other.seen is first.seen


def test_other_work_has_keys_of_its_own_and_its_own_ntime() -> None:
    bench = Bench()
    first = bench.post(a_work()).job

    other = bench.post(a_work(prev_hash=b"\x07" * 32)).job

    assert other.ntime == first.ntime
    assert other.seen is not first.seen


def test_on_one_tip_no_job_begins_before_the_last_one() -> None:
    """Sources' clocks differ; a V2 channel begins no job before its block."""
    bench = Bench()
    behind = a_work(coinb2=b"\x09" * 61)
    ahead = a_work(ntime=behind.ntime + 60)
    ntimes = []
    for work in (behind, ahead, behind, ahead, behind):
        ntimes.append(bench.post(work).job.ntime)
        bench.wait(5)

    assert ntimes == sorted(ntimes)
    assert len(set(ntimes[::2])) == 3


def test_the_clock_of_another_source_does_not_end_a_work() -> None:
    bench = Bench()
    bench.post(a_work(ntime=1_700_009_000, max_ntime=1_700_016_000))
    work = a_work(coinb2=b"\x09" * 61)

    assert bench.post(work).job.ntime == work.ntime


def test_a_later_ntime_of_the_source_is_taken_on() -> None:
    bench = Bench()
    work = a_work()
    bench.post(work)

    assert bench.post(a_work(ntime=work.ntime + 60)).job.ntime == work.ntime + 60


def test_no_job_is_made_that_was_hashed_before() -> None:
    """Two hours after a job its ntimes are used up: no more of the same."""
    bench = Bench()
    work = a_work(max_ntime=1_700_000_001)
    bench.post(work)
    last = bench.post(work)

    assert bench.try_post(work) is None
    assert bench.jobs.current is last
    assert bench.post(a_work(ntime=1_700_000_060)).job.ntime == 1_700_000_060


def test_groups_of_a_site_judge_duplicates_together() -> None:
    """A pool may give two connections one extranonce1."""
    duplicates = Duplicates()
    here, there = Bench(0, duplicates), Bench(1, duplicates)

    assert here.post(a_work()).job.seen is there.post(a_work(session=2)).job.seen


def test_a_job_retires_ten_minutes_after_it_was_replaced() -> None:
    bench = Bench()
    old = bench.post(a_work()).job
    bench.wait(3600)
    new = bench.post(a_work(prev_hash=b"\x07" * 32)).job

    bench.wait(RETIRE_AFTER - 1)
    assert list(bench.jobs.by_id) == [old.id, new.id]
    bench.wait(1)

    assert list(bench.jobs.by_id) == [new.id]


def test_keys_go_with_the_last_job_of_their_content() -> None:
    bench = Bench()
    bench.post(a_work()).job.seen.add(b"key")
    bench.post(a_work(prev_hash=b"\x07" * 32))

    bench.wait(RETIRE_AFTER)

    assert bench.duplicates.keys_held == 0


def test_keys_stay_while_a_source_offers_the_work() -> None:
    """Gone back to after ten minutes elsewhere, it is not new."""
    bench = Bench()
    work = a_work()
    bench.offered = [work]
    first = bench.post(work).job
    first.seen.add(b"key")
    bench.post(a_work(prev_hash=b"\x07" * 32))
    bench.wait(RETIRE_AFTER)
    assert first.id not in bench.jobs.by_id

    again = bench.post(work).job

    assert b"key" in again.seen
    assert again.ntime > first.ntime


def test_a_replaced_job_is_small() -> None:
    """Its line is up to 260 kB, and what is large in it is the work's."""
    bench = Bench()
    work = a_work()
    first = bench.post(work)
    assert first.line == notify_line(first.job)

    second = bench.post(work)

    assert not first.encoded
    assert second.job.coinb1 is first.job.coinb1
    assert first.line == notify_line(first.job)


def test_closing_lets_go_of_everything() -> None:
    bench = Bench()
    bench.post(a_work()).job.seen.add(b"key")
    bench.post(a_work(prev_hash=b"\x07" * 32))

    bench.jobs.close()

    assert not bench.jobs.by_id
    assert bench.jobs.current is None
    assert bench.duplicates.keys_held == 0


def test_a_work_with_too_little_room_leaves_nothing_behind() -> None:
    bench = Bench()

    with pytest.raises(ValueError, match="7 B of room, 8 needed"):
        bench.post(a_work(extranonce2_size=7))

    bench.jobs.close()
    assert bench.post(a_work()).job.ntime == a_work().ntime


def test_of_too_many_works_the_newest_stay() -> None:
    bench = Bench()
    jobs = [
        bench.post(a_work(prev_hash=n.to_bytes(32, "big"))).job
        for n in range(3 * MAX_WORKS)
    ]

    assert list(bench.jobs.by_id) == [job.id for job in jobs[-MAX_WORKS:]]
    assert bench.jobs.bytes_held == MAX_WORKS * a_work().size


def test_a_work_that_is_used_again_is_no_old_one() -> None:
    bench = Bench()
    kept = a_work()
    for n in range(MAX_WORKS):
        bench.post(kept)
        bench.post(a_work(prev_hash=n.to_bytes(32, "big")))

    assert kept in {entry.job.work for entry in bench.jobs.by_id.values()}


def test_revisions_push_no_work_out_and_have_a_bound_of_their_own() -> None:
    bench = Bench()
    bench.post(a_work(prev_hash=b"\x07" * 32))
    work = a_work(max_ntime=a_work().ntime + 3 * MAX_JOBS)

    first, *_, last = [bench.post(work).job.id for _ in range(MAX_JOBS + 1)]

    assert len(bench.jobs.by_id) == MAX_JOBS
    assert first not in bench.jobs.by_id
    assert last in bench.jobs.by_id


def test_at_a_usual_rate_no_job_goes_before_its_ten_minutes() -> None:
    """A notify each 30 s and a retarget each second, and the pool's next block."""
    bench = Bench()
    jobs, work = [], a_work()
    for second in range(2 * int(RETIRE_AFTER)):
        if second % 30 == 0:
            work = a_work(source_job=str(second), ntime=a_work().ntime + second)
        jobs.append(bench.post(work).job.id)
        bench.wait(1)

    assert list(bench.jobs.by_id) == jobs[-int(RETIRE_AFTER) :]


class Picky(NoCopies):
    @override
    def post(self, job: Job) -> None:
        del job
        raise ValueError("a job larger than any pool's")


def test_a_job_that_the_engine_refuses_leaves_nothing_behind() -> None:
    duplicates = Duplicates()
    jobs = LiveJobs(Layout(4, 4), 0, Picky(), duplicates)

    with pytest.raises(ValueError, match="larger than any"):
        jobs.post(a_work(), 1, START, clean=True)

    assert not jobs.by_id
    assert jobs.bytes_held == 0
    jobs.retire(START, set)
    duplicates.take(a_work().content, set).add(b"key")
    duplicates.release(a_work().content)
    assert duplicates.keys_held == 0


def test_a_work_too_many_costs_the_same_however_many_jobs_there_are() -> None:
    def cost(revisions: int) -> int:
        bench = Bench()
        works = [a_work(prev_hash=bytes([n] * 32)) for n in range(MAX_WORKS + 1)]
        for work in works[:-1]:
            for _ in range(revisions if work is works[1] else 1):
                bench.post(work)
        return instructions(lambda: bench.post(works[-1]))

    assert cost(100) < 1.1 * cost(1)
