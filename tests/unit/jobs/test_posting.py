"""Jobs on their way to many miners: none of them misses that older jobs are over."""

from twisted.internet.task import Clock

from proxy.jobs.distributor import CHUNK
from proxy.jobs.posting import SENDS_IN_A_TURN
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


def a_site_of_many_feeds() -> tuple[Site, list[SeatedMiner]]:
    site = Site()
    site.source.per_worker = True
    site.start()
    miners = [site.miner(f"rig{number}") for number in range(SENDS_IN_A_TURN + 20)]
    site.source.post()
    settle(site.clock)
    return site, miners


def test_news_of_very_many_feeds_go_out_together_in_the_next_turn() -> None:
    site, miners = a_site_of_many_feeds()
    told: list[SeatedMiner] = []
    for miner in miners:
        miner.on_job = told.append  # type: ignore[assignment]
    miners[-1].hashrate_class = 90
    site.board.reorder(miners[-1], miners[-1].group)
    site.source.post(prev_hash=TIP)
    assert told == miners[:SENDS_IN_A_TURN]
    site.clock.advance(0)

    rest = miners[SENDS_IN_A_TURN:-1]
    assert told[SENDS_IN_A_TURN:] == [miners[-1], *rest]


def test_a_job_that_waits_for_the_next_turn_still_ends_all_older_ones() -> None:
    site, miners = a_site_of_many_feeds()
    site.source.post(prev_hash=TIP)
    site.source.post(prev_hash=TIP, ntime=1_700_000_100, clean=False)
    settle(site.clock)

    assert all(miner.jobs[-1].clean for miner in miners[SENDS_IN_A_TURN:])


def test_a_site_that_stops_hands_out_nothing_more() -> None:
    site, miners = a_site_of_many_feeds()
    before = len(miners[-1].jobs)
    site.source.post(prev_hash=TIP)
    site.board.stop()
    settle(site.clock)

    assert len(miners[-1].jobs) == before
