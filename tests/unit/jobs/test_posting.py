"""Jobs on their way to many miners: none of them misses that older jobs are over."""

from twisted.internet.task import Clock

from proxy.jobs.distributor import CHUNK
from proxy.jobs.schedule import REVISION_SPACING
from tests.fakes.board import SeatedMiner, Site

TIP = b"\1" * 32


def crowded_site() -> tuple[Site, list[SeatedMiner]]:
    """Return a site whose miners are more than are served in one turn."""
    site = Site().start()
    site.source.post()
    miners = [site.miner() for _ in range(CHUNK + 10)]
    site.pass_time(2)
    return site, miners


def settle(clock: Clock) -> None:
    while clock.getDelayedCalls():
        clock.advance(0)


def test_a_revision_says_that_older_jobs_are_over_while_that_is_being_told() -> None:
    site, miners = crowded_site()
    last = miners[-1]
    site.source.post(prev_hash=TIP)
    last.group.posted_at -= REVISION_SPACING  # type: ignore[assignment]  # a second is over
    site.board.want_revision(last, last.group)
    settle(site.clock)

    assert last.jobs[-1].seq == site.board.last_seq
    assert last.jobs[-1].clean
    assert all(miner.jobs[-1].clean for miner in miners)


def test_news_of_the_same_block_say_so_too() -> None:
    site, miners = crowded_site()
    site.source.post(prev_hash=TIP)
    site.source.post(prev_hash=TIP, ntime=1_700_000_100, clean=False)
    settle(site.clock)

    assert {miner.jobs[-1].seq for miner in miners} == {site.board.last_seq}
    assert all(miner.jobs[-1].clean for miner in miners)


def test_once_all_were_told_a_revision_ends_no_job() -> None:
    site, miners = crowded_site()
    site.source.post(prev_hash=TIP)
    settle(site.clock)
    site.pass_time(REVISION_SPACING)
    site.board.want_revision(miners[-1], miners[-1].group)

    assert miners[-1].jobs[-1].seq == site.board.last_seq
    assert not miners[-1].jobs[-1].clean
