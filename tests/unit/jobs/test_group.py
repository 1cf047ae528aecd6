"""A group: whose work is news, when its jobs are stale, when nobody misses it."""

import math

import pytest

from protocol.units import Seconds
from protocol.work.extranonce import Layout
from protocol.work.job import Work
from proxy.jobs.duplicates import Duplicates
from proxy.jobs.group import LINGER, MAX_TIPS, Group
from proxy.jobs.live import RETIRE_AFTER, LiveJob, LiveJobs
from proxy.jobs.ports import NoCopies
from proxy.jobs.sourcing import ORPHAN_GRACE, Sourcing
from proxy.jobs.space import Spaces
from tests.builders import a_work
from tests.fakes.board import QuietMiner
from tests.fakes.source import FakeSource
from tests.growth import instructions

START = Seconds(1000.0)
OTHER_TIP = b"\x07" * 32


def a_group() -> Group:
    layout = Layout(4, 4)
    space = Spaces(layout).new_space()
    assert space is not None
    sourcing = Sourcing.over(
        [FakeSource()],
        site="hall-a",
        identity="",
        space=0,
        layout=layout,
        fail_back=Seconds(30.0),
    )
    jobs = LiveJobs(layout, 0, NoCopies(), Duplicates())
    return Group(sourcing, space, jobs, START)


def post(group: Group, work: Work, seq: int, now: Seconds = START) -> LiveJob:
    entry = group.post(work, seq, now, clean=False)
    assert entry is not None
    return entry


def test_only_another_block_or_session_is_urgent() -> None:
    group = a_group()
    assert group.is_urgent(a_work())
    post(group, a_work(), 1)

    assert not group.is_urgent(a_work(source_job="up2", clean=True))
    assert group.is_urgent(a_work(prev_hash=OTHER_TIP))
    assert group.is_urgent(a_work(session=2))


@pytest.mark.parametrize(
    ("changes", "is_known"),
    [({}, True), ({"clean": False}, True), ({"target": 1}, False)],
)
def test_what_miners_have_is_known(changes: dict[str, int], *, is_known: bool) -> None:
    group = a_group()
    post(group, a_work(), 1)

    assert group.is_known(a_work(**changes)) is is_known


def test_a_new_tip_makes_stale_what_stands_on_another_of_its_session() -> None:
    group = a_group()
    ours = post(group, a_work(), 1)
    others = post(group, a_work(session=2), 2)

    group.tip_moved(a_work(prev_hash=OTHER_TIP), START)

    assert ours.stale_at == START
    assert others.stale_at == math.inf


def test_the_tip_of_before_makes_nothing_stale() -> None:
    group = a_group()
    entry = post(group, a_work(), 1)

    group.tip_moved(a_work(source_job="up2"), START)

    assert entry.stale_at == math.inf


def test_a_lost_session_has_a_grace_from_the_next_ones_first_job() -> None:
    group = a_group()
    lost = post(group, a_work(), 1)
    group.session_lost(1, START)
    assert lost.stale_at == math.inf  # miners have no better

    later = Seconds(START + 100)
    post(group, a_work(session=2), 2, later)

    assert lost.stale_at == later + ORPHAN_GRACE


def test_a_stale_job_never_becomes_stale_later() -> None:
    group = a_group()
    entry = post(group, a_work(), 1)
    group.tip_moved(a_work(prev_hash=OTHER_TIP), START)

    post(group, a_work(session=2), 2)
    group.session_lost(1, START)

    assert entry.stale_at == START


def test_with_members_it_is_needed_for_ever() -> None:
    group = a_group()
    group.members.put(QuietMiner())

    assert group.over_at == math.inf


def test_without_members_it_is_over_when_what_they_know_is_of_no_use() -> None:
    group = a_group()
    miner = QuietMiner()
    group.members.put(miner)
    post(group, a_work(), 1)
    group.leave(miner, START, 1)
    assert group.over_at == START + RETIRE_AFTER
    after_it = post(group, a_work(prev_hash=OTHER_TIP), 2)

    group.tip_moved(a_work(prev_hash=OTHER_TIP), Seconds(START + 60))

    assert after_it.stale_at == math.inf  # but nobody was given it
    assert group.over_at == START + 60


def test_it_lingers_for_a_moment_in_any_case() -> None:
    group = a_group()
    miner = QuietMiner()
    group.members.put(miner)

    group.leave(miner, START, 0)

    assert group.over_at == START + LINGER


def test_it_is_behind_while_its_source_has_what_was_not_taken() -> None:
    group = a_group()
    group.sourcing.evaluate(START)
    assert not group.is_behind
    (feed,) = group.sourcing.feeds
    feed.work = a_work()
    group.sourcing.evaluate(START)

    assert group.is_behind
    group.taken = feed.work
    assert not group.is_behind


def test_news_of_a_tip_that_is_known_cost_the_same_however_many_jobs_there_are() -> (
    None
):
    def cost(jobs: int) -> int:
        group, work = a_group(), a_work(prev_hash=OTHER_TIP)
        for seq in range(1, jobs + 1):
            post(group, a_work(), seq)
        group.tip_moved(work, START)
        group.tip_moved(a_work(session=2, prev_hash=OTHER_TIP), START)  # a reserve's
        assert all(entry.stale_at == START for entry in group.live.values())
        return instructions(lambda: group.tip_moved(work, START))

    assert cost(50) == cost(1)


def test_a_tip_that_comes_back_makes_stale_what_came_between() -> None:
    group = a_group()
    group.tip_moved(a_work(), START)
    group.tip_moved(a_work(prev_hash=OTHER_TIP), START)
    between = post(group, a_work(prev_hash=OTHER_TIP), 1)
    group.tip_moved(a_work(), START)

    assert between.stale_at == START


def test_as_many_tips_are_remembered_as_sources_are_open() -> None:
    group = a_group()
    for session in range(1, 10 * MAX_TIPS):
        group.tip_moved(a_work(session=session), START)

    assert len(group._tips) == MAX_TIPS
