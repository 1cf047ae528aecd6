"""Other sources and other routes while miners work."""

from protocol.units import WorkerName
from protocol.work.extranonce import Layout
from proxy.jobs.feed import Source
from proxy.jobs.routes import Route
from proxy.jobs.sourcing import LEAVE_WITHIN, ORPHAN_GRACE
from tests.fakes.board import SeatedMiner, Site
from tests.fakes.source import FakeSource


def source_of(miner: SeatedMiner) -> str:
    return miner.jobs[-1].work.source


def new_source(site: Site, name: str) -> FakeSource:
    source = FakeSource(name, room=site.source.room or 8)
    source.listener = site.board
    return source


def change(site: Site, *sources: Source, tenants: tuple[Route, ...] = ()) -> None:
    site.board.rerouting.change([*tenants, Route("*", sources)])


def test_miners_stay_at_a_source_that_is_still_theirs() -> None:
    site = Site(sources=2).start()
    site.source.post()
    miner = site.miner()

    change(site, site.sources[0], new_source(site, "other"))

    assert len(miner.jobs) == 1
    assert site.board.source_name == "pool0"


def test_a_removed_source_is_left_with_one_job_once_another_has_work() -> None:
    site = Site().start()
    site.source.post()
    miner, new = site.miner(), new_source(site, "new")

    change(site, new)
    stays = site.board.source_name
    new.post(since=site.now)
    site.pass_time(1)

    assert stays == "pool0"
    assert [job.work.source for job in miner.jobs] == ["pool0", "new"]
    assert miner.jobs[-1].clean


def test_what_was_left_is_open_for_shares_on_their_way_for_the_grace() -> None:
    site = Site().start()
    site.source.post()
    site.miner()
    new = new_source(site, "new")
    change(site, new)
    new.post(since=site.now)

    site.pass_time(ORPHAN_GRACE - 1)
    was_open = bool(site.source.feeds)
    site.pass_time(2)

    assert was_open
    assert not site.source.feeds


def test_shares_of_the_source_that_was_left_are_stale_after_the_grace() -> None:
    site = Site().start()
    site.source.post()
    miner, new = site.miner(), new_source(site, "new")
    change(site, new)
    new.post(since=site.now)

    stale_at = miner.group.live[miner.jobs[0].id].stale_at

    assert stale_at == site.now + ORPHAN_GRACE


def test_a_removed_source_is_closed_in_the_end_whether_or_not_another_has_work() -> (
    None
):
    site = Site().start()
    site.source.post()
    miner, new = site.miner(), new_source(site, "new")
    change(site, new)

    site.pass_time(LEAVE_WITHIN + 1)

    assert not site.source.feeds
    assert site.board.source_name is None
    assert miner.group.idle_since is not None


def test_the_order_of_sources_changes_without_a_reconnect_to_any() -> None:
    site = Site(sources=2).start()
    for source in site.sources:
        source.post()
    miner = site.miner()
    feeds = [dict(source.feeds) for source in site.sources]

    change(site, *reversed(site.sources))
    site.pass_time(31)

    assert source_of(miner) == "pool1"
    assert [dict(source.feeds) for source in site.sources] == feeds


def test_a_worker_with_another_route_now_keeps_its_slot_and_changes_its_source() -> (
    None
):
    site = Site(sources=2).start()
    for source in site.sources:
        source.post()
    miner, other = site.miner("acme.1"), site.miner("rig1")
    slot = miner.held_slot.extranonce1

    change(site, site.sources[0], tenants=(Route("acme.*", (site.sources[1],)),))
    site.sources[1].post()
    site.pass_time(1)

    assert (source_of(miner), source_of(other)) == ("pool1", "pool0")
    assert miner.held_slot.extranonce1 == slot


def test_workers_of_a_removed_route_go_to_the_sites_own() -> None:
    site = Site(sources=2, tenant="acme.*").start()
    for source in site.sources:
        source.post()
    miner = site.miner("acme.1")
    before = source_of(miner)

    change(site, site.sources[0])
    site.pass_time(1)

    assert (before, source_of(miner)) == ("pool1", "pool0")
    assert site.board.rerouting.is_for(miner.group, WorkerName("acme.1"))


def test_the_groups_of_a_removed_route_close() -> None:
    site = Site(sources=2, tenant="acme.*").start()
    for source in site.sources:
        source.post()

    change(site, site.sources[0])
    site.pass_time(10)

    assert len(site.board.groups) == 1
    assert not site.sources[1].feeds


def test_a_pool_that_comes_to_want_each_worker_gets_each() -> None:
    site = Site().start()
    site.source.post()
    miners = [site.miner("a"), site.miner("b")]
    new = new_source(site, "new")
    new.per_worker = True

    change(site, new)
    new.post()
    site.pass_time(1)

    assert {identity for _, identity, _ in new.feeds} == {"a", "b"}
    assert [source_of(miner) for miner in miners] == ["new", "new"]


def test_narrow_slots_stay_apart_where_routes_change() -> None:
    site = Site(Layout(1, 3), sources=2, tenant="acme.*").start()
    for source in site.sources:
        source.post()
    miners = [site.miner(f"acme.{i}") for i in range(3)]
    miners += [site.miner(f"rig{i}") for i in range(3)]

    change(site, site.sources[0])
    site.pass_time(1)

    taken = {(id(miner.held_slot.space), miner.held_slot.slot) for miner in miners}
    assert len(taken) == len(miners)
    assert {source_of(miner) for miner in miners} == {"pool0"}
