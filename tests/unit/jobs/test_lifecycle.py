"""Groups open for those who come, and close when nobody needs them any more."""

import pytest

from protocol.work.extranonce import Layout
from proxy.jobs.group import LINGER
from proxy.jobs.live import RETIRE_AFTER
from tests.fakes.board import SeatedMiner, Site

NARROW = Layout(1, 3)


def tip(number: int) -> bytes:
    return number.to_bytes(32, "big")


def per_worker_site() -> Site:
    site = Site()
    site.source.per_worker = True
    return site.start()


def test_a_worker_that_is_gone_lets_its_connection_go_with_the_next_block() -> None:
    site = per_worker_site()
    miner = site.miner("rig1")
    site.source.post()
    miner.leave()
    site.pass_time(LINGER + 1)
    assert len(site.source.feeds) == 1  # what it found may still come in

    site.source.post(prev_hash=tip(1))
    site.pass_time(1)

    assert site.source.feeds == {}
    assert list(site.board.groups) == []


def test_a_cut_of_a_moment_costs_no_connection() -> None:
    site = per_worker_site()
    miner = site.miner("rig1")
    site.source.post()
    miner.leave()
    site.source.post(prev_hash=tip(1))
    site.pass_time(LINGER - 1)

    again = site.miner("rig1")
    site.pass_time(LINGER + 1)

    assert again.group is miner.group
    assert len(site.source.feeds) == 1
    assert again.jobs[-1].work.prev_hash == tip(1)


def test_without_a_block_it_goes_when_its_jobs_retire() -> None:
    site = per_worker_site()
    miner = site.miner("rig1")
    site.source.post()
    miner.leave()

    for second in range(0, int(RETIRE_AFTER) - 30, 30):
        site.source.post(source_job=str(second), ntime=1_700_000_000 + second)
        site.pass_time(30)
    assert len(site.source.feeds) == 1
    site.pass_time(31)

    assert site.source.feeds == {}


def test_who_never_had_work_holds_nothing_for_long() -> None:
    """Names that the pool refuses."""
    site = per_worker_site()
    site.miner("nobody").leave()

    site.pass_time(LINGER + 1)

    assert site.source.feeds == {}
    assert list(site.board.groups) == []


def test_a_thousand_invented_names_leave_nothing_behind() -> None:
    site = per_worker_site()
    miners = [site.miner(f"rig{number}") for number in range(1000)]
    site.source.post()
    miners[0].jobs[-1].seen.add(b"key")
    for miner in miners:
        miner.leave()

    site.source.post(prev_hash=tip(1))
    site.pass_time(LINGER + 30)

    assert site.source.feeds == {}
    assert list(site.board.groups) == []
    assert site.board.clear_up.duplicates.keys_held == 0
    assert site.board.clear_up.groups.in_space(miners[0].held_slot.space) == {}


def test_a_group_with_members_stays() -> None:
    site = per_worker_site()
    miner = site.miner("rig1")
    site.source.post()

    for number in range(50):
        site.source.post(prev_hash=tip(number))
        site.pass_time(30)

    assert list(site.board.groups) == [miner.group]


def test_the_last_group_of_a_route_stays_to_have_work_for_the_next() -> None:
    site = Site(NARROW).start()
    site.source.post()
    miners = [site.miner() for _ in range(300)]
    assert len(site.board.groups) == 2
    for miner in miners:
        miner.leave()

    site.source.post(prev_hash=tip(1))
    site.pass_time(LINGER + 31)

    (group,) = site.board.groups
    assert group.current is not None
    assert group.current.job.work.prev_hash == tip(1)
    assert site.miner().jobs[-1].work.prev_hash == tip(1)


def test_the_space_of_a_closed_group_is_used_again() -> None:
    site = Site(NARROW).start()
    site.source.per_worker = False
    site.source.post()
    for round_ in range(5):
        miners = [site.miner() for _ in range(600)]
        numbers = {group.space.number for group in site.board.groups}
        for miner in miners:
            miner.leave()
        site.source.post(prev_hash=tip(round_))
        site.pass_time(LINGER + 31)

        assert max(numbers) < 5


@pytest.mark.parametrize("has_blocks", [True, False])
def test_a_miner_that_comes_a_thousand_times_needs_no_more_connections(
    *, has_blocks: bool
) -> None:
    """On a pool that leaves 4 B: 256 slots a connection, 40 comings a second."""
    site = Site(NARROW).start()
    site.source.room = 4
    site.source.post()
    keeper = site.miner("keep")
    most = 0
    for number in range(1000):
        flapping = site.miner("flap")
        flapping.leave()
        site.clock.advance(0.025)
        if number % 40 == 39:
            site.board.tick()
        if has_blocks and number % 120 == 119:
            site.source.post(prev_hash=tip(number))
        most = max(most, len(site.source.feeds))

    assert most <= 1
    assert keeper.jobs


def test_a_slot_comes_back_with_a_job_that_its_holder_did_not_know() -> None:
    site = Site(NARROW).start()
    site.source.post()
    miners = [site.miner() for _ in range(256)]
    miners[7].leave()
    before = miners[7].jobs[-1]

    elsewhere = site.miner()
    assert elsewhere.group is not miners[0].group  # no newer job yet
    site.source.post(clean=True)
    site.pass_time(11)
    again = site.miner()

    assert again.group is miners[0].group
    assert again.held_slot.extranonce1 == miners[7].held_slot.extranonce1
    assert again.jobs[0].ntime > before.ntime
    assert again.jobs[0].seen is before.seen


def test_a_worker_that_comes_back_to_its_old_slot_gets_a_new_job_for_it() -> None:
    """Its group is not left for another, which would be one connection more."""
    site = Site(NARROW)
    site.source.per_worker = True
    site.start()
    other, miner = site.miner("rig0"), site.miner("rig1")
    site.source.post()
    assert miner.held_slot.space is not other.held_slot.space
    for _ in range(254):  # who have not said who they are, until the slot's turn comes
        seat = site.board.slots.acquire()
        assert seat is not None
        seat.release(None)
    miner.leave()
    site.pass_time(2)

    again = site.miner("rig1")

    assert again.group is miner.group
    assert again.held_slot.extranonce1 == miner.held_slot.extranonce1
    assert again.jobs[0].ntime > miner.jobs[-1].ntime
    assert len(site.source.feeds) == 2


def test_members_still_hear_a_job_each_half_minute_where_others_flap() -> None:
    site = Site(NARROW).start()
    site.source.post()
    keeper = site.miner("keep")
    for _ in range(120):
        for _ in range(100):
            site.miner("flap").leave()
        site.pass_time(1)

    assert len(keeper.jobs) >= 4


def test_a_feed_that_stays_does_not_hold_closed_groups() -> None:
    """A node that workers fell back to serves all of them by one feed."""
    site = Site(sources=2)
    pool, node = site.sources
    pool.per_worker = True
    site.start()
    miner: SeatedMiner = site.miner("rig1")
    node.post()
    pool.post(since=site.now)
    site.pass_time(31)
    assert miner.group.sourcing.source_name == "pool0"
    miner.leave()

    pool.post(prev_hash=tip(1))
    node.post(prev_hash=tip(1))
    site.pass_time(RETIRE_AFTER + LINGER)

    assert list(site.board.groups) == []
    assert pool.feeds == {}
    groups = site.board.clear_up.groups
    assert not any(groups.with_jobs_of(feed) for feed in node.feeds.values())


@pytest.mark.parametrize("is_proxy", [False, True])
def test_slots_come_free_of_the_kind_that_is_asked_for(*, is_proxy: bool) -> None:
    """However many of the other kind rest elsewhere."""
    site = Site(NARROW).start()
    site.source.post()
    spaces = site.board.slots.spaces
    assert spaces is not None
    first, second = spaces.new_space(), spaces.new_space()
    assert first is not None
    assert second is not None
    wanted = first.slots_for(is_proxy=is_proxy)
    for slots, count in ((wanted, 3), (second.slots_for(is_proxy=not is_proxy), 9)):
        for slot in [slots.acquire() for _ in range(count)]:
            assert slot is not None
            slots.release(slot, site.board.last_seq)

    site.board.slots.free_slots(is_proxy=is_proxy)

    assert wanted.resting == 0
