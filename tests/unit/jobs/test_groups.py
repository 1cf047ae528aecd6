"""Groups are found by key and by feed, and forgotten when they go."""

from protocol.units import Seconds
from protocol.work.extranonce import Layout
from proxy.jobs.duplicates import Duplicates
from proxy.jobs.feed import Feed
from proxy.jobs.group import Group
from proxy.jobs.groups import Groups
from proxy.jobs.live import LiveJobs
from proxy.jobs.ports import NoCopies
from proxy.jobs.sourcing import Sourcing
from proxy.jobs.space import Space, Spaces
from tests.builders import a_work
from tests.fakes.source import FakeSource

LAYOUT = Layout(4, 4)


def a_group(*sources: FakeSource, identity: str = "", number: int = 0) -> Group:
    for source in sources:
        source.per_worker = bool(identity)
    sourcing = Sourcing.over(
        sources,
        site="hall-a",
        identity=identity,
        space=number,
        layout=LAYOUT,
        fail_back=Seconds(30.0),
    )
    space = Spaces(LAYOUT).new_space()
    assert isinstance(space, Space)
    jobs = LiveJobs(LAYOUT, number, NoCopies(), Duplicates())
    group = Group(sourcing, space, jobs, Seconds(0.0))
    sourcing.evaluate(Seconds(0.0))
    return group


def feed_of(source: FakeSource) -> Feed:
    (feed,) = source.feeds.values()
    return feed


def test_groups_are_found_by_route_and_worker() -> None:
    groups = Groups()
    one, other = a_group(), a_group()
    groups.add(one, (0, "rig1", LAYOUT))
    groups.add(other, (1, "rig1", LAYOUT))

    assert list(groups.of_key((0, "rig1", LAYOUT))) == [one]
    assert list(groups.of_key((0, "rig2", LAYOUT))) == []
    assert groups.of_routes({1}) == [other]


def test_a_group_is_found_by_each_feed_that_it_has_open() -> None:
    main, spare, groups = FakeSource("main"), FakeSource("spare"), Groups()
    group = a_group(main, spare)
    groups.add(group, (0, "", LAYOUT))

    assert list(groups.using(feed_of(main))) == [group]
    assert list(groups.using(feed_of(spare))) == [group]


def test_who_let_a_feed_go_that_had_work_is_known_until_it_is_lost() -> None:
    main, spare, groups = FakeSource("main"), FakeSource("spare"), Groups()
    group = a_group(main, spare)
    groups.add(group, (0, "", LAYOUT))
    feed = feed_of(spare)
    feed.work = a_work(extranonce2_size=8)
    group.sourcing.close_all()
    groups.note_feeds(group)

    assert list(groups.using(feed)) == []
    assert groups.with_jobs_of(feed) == [group]
    groups.forget_former(feed)
    assert groups.with_jobs_of(feed) == []


def test_nothing_is_left_of_a_group_that_was_counted_out() -> None:
    main, groups = FakeSource("main"), Groups()
    group = a_group(main)
    groups.add(group, (0, "", LAYOUT))
    feed, space = feed_of(main), group.space
    group.sourcing.close_all()
    groups.remove(group)

    assert len(groups) == 0
    assert groups.with_jobs_of(feed) == []
    assert not groups.is_taken(space, LAYOUT)
    assert list(groups.of_key((0, "", LAYOUT))) == []
