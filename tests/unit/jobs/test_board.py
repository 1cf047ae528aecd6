"""What a board gives its miners, when, and what it forgets."""

from protocol.work.extranonce import Layout
from proxy.jobs.live import MAX_WORKS, RETIRE_AFTER
from proxy.jobs.pace import BURST
from tests.builders import a_work
from tests.fakes.board import Site


def tip(number: int) -> bytes:
    return number.to_bytes(32, "big")


def test_work_goes_out_as_it_comes() -> None:
    site = Site().start()
    miner = site.miner()

    site.source.post()
    site.source.post(source_job="up2", clean=False)

    assert [job.work.source_job for job in miner.jobs] == ["up1", "up2"]
    assert [job.clean for job in miner.jobs] == [True, False]


def test_a_flood_of_news_is_one_job_a_second_and_the_newest_wins() -> None:
    site = Site().start()
    miner = site.miner()
    for number in range(1000):
        site.source.post(source_job=str(number), clean=False, nbits=0x1D000000 + number)
        site.clock.advance(0.01)
        if number % 100 == 99:
            site.board.tick()

    assert len(miner.jobs) <= BURST + 11
    site.pass_time(1)
    assert miner.jobs[-1].work.source_job == "999"
    assert len(miner.group.live) <= MAX_WORKS


def test_a_new_block_does_not_wait_for_a_flood_to_end() -> None:
    site = Site().start()
    miner = site.miner()
    for number in range(1000):
        site.source.post(source_job=str(number), clean=False)
        site.clock.advance(0.01)

    site.source.post(source_job="block", prev_hash=tip(1))

    assert miner.jobs[-1].work.source_job == "block"
    assert miner.jobs[-1].clean


def test_another_extranonce1_does_not_wait_either() -> None:
    site = Site().start()
    miner = site.miner()
    for number in range(100):
        site.source.post(source_job=str(number), clean=False)
    feed = next(iter(site.source.feeds.values()))

    feed.work = a_work(source="pool0", session=99, extranonce1=b"\1\2\3\4", clean=False)
    site.board.work_arrived(feed)

    assert miner.jobs[-1].work.session == 99


def test_a_flood_of_blocks_is_bounded_too() -> None:
    site = Site().start()
    miner = site.miner()
    for number in range(1000):
        site.source.post(source_job=str(number), prev_hash=tip(number))
        site.clock.advance(0.01)
    before = len(miner.jobs)

    site.pass_time(2)

    assert before < 30
    assert miner.jobs[-1].work.source_job == "999"
    assert len(miner.group.live) <= MAX_WORKS


def test_clean_is_not_lost_with_the_work_that_is_passed_over() -> None:
    site = Site().start()
    miner = site.miner()
    for number in range(2 * BURST):
        site.source.post(source_job=str(number), clean=False)
    site.source.post(source_job="drop others", clean=True)
    site.source.post(source_job="last", clean=False)

    site.pass_time(1)

    assert miner.jobs[-1].work.source_job == "last"
    assert miner.jobs[-1].clean
    site.source.post(source_job="next", clean=False)
    site.pass_time(2)
    assert not miner.jobs[-1].clean


def test_work_is_there_within_a_second_of_its_source() -> None:
    site = Site().start()
    miner = site.miner()
    for number in range(500):
        site.source.post(source_job=str(number), clean=False)
        site.clock.advance(0.02)
        if number % 50 == 49:
            site.board.tick()
            assert int(miner.jobs[-1].work.source_job) >= number - 50


def test_retargets_share_a_revision_and_forget_no_job() -> None:
    """A notify each 30 s and a retarget each second for twice ten minutes."""
    site = Site().start()
    miner = site.miner()
    given: list[tuple[float, str]] = []
    for second in range(int(2 * RETIRE_AFTER)):
        if second % 30 == 0:
            site.source.post(
                source_job=str(second), ntime=1_700_000_000 + second, clean=False
            )
        site.board.want_revision(miner, miner.group)
        site.pass_time(1)
        given.append((site.clock.seconds(), miner.jobs[-1].id))

    replaced = [at for at, _ in given[1:]] + [site.clock.seconds()]
    kept = [
        job
        for (_, job), at in zip(given, replaced, strict=True)
        if site.clock.seconds() - at < RETIRE_AFTER - 2
    ]

    assert len(set(kept)) > 550
    assert set(kept) <= set(miner.group.live)
    ntimes = [job.ntime for job in miner.jobs]
    assert ntimes == sorted(set(ntimes))


def test_an_old_source_gone_back_to_brings_nothing_twice() -> None:
    """Its work is the one of before, and so are the shares that were sent for it."""
    site = Site(sources=2).start()
    first, second = site.sources
    miner = site.miner()
    first.post(since=site.now)
    second.post(since=site.now)
    before = miner.jobs[-1]
    before.seen.add(b"key")

    first.unusable = "refused 40 of the last 50 shares"
    site.pass_time(RETIRE_AFTER + 10)
    assert miner.jobs[-1].work.source == "pool1"
    first.unusable = ""
    site.pass_time(31)

    again = miner.jobs[-1]
    assert again.work.source == "pool0"
    assert b"key" in again.seen
    assert again.ntime > before.ntime


def test_what_leaves_too_little_room_is_never_posted() -> None:
    site = Site(Layout(4, 4)).start()
    miner = site.miner()
    site.source.post()

    site.source.room = 7
    site.source.post(source_job="narrow")
    site.pass_time(5)

    assert [job.work.source_job for job in miner.jobs] == ["up1"]
    assert miner.group.sourcing.source_name is None


def test_works_of_all_groups_have_a_bound_in_bytes() -> None:
    """The oldest go first, and what miners are at stays."""
    site = Site(Layout(1, 3))
    site.board.clear_up.max_work_bytes = 40 * a_work().size
    site.start()
    here, *_ = [site.miner() for _ in range(256)]
    there = site.miner()
    assert here.group is not there.group

    for number in range(60):
        site.source.post(source_job=str(number), prev_hash=tip(number))
        site.pass_time(1)
    site.pass_time(10)

    held = sum(group.jobs.bytes_held for group in site.board.groups)
    assert held <= site.board.clear_up.max_work_bytes
    for group in (here.group, there.group):
        assert list(group.live)[-1] == group.current.job.id  # type: ignore[union-attr]


def test_the_source_of_a_site_is_its_own_not_that_of_a_tenant() -> None:
    site = Site(sources=2, tenant="acme.*").start()
    assert site.board.source_name is None

    site.miner("rig1")
    site.miner("acme.1")
    for source in site.sources:
        source.post()

    assert site.board.source_name == "pool0"
