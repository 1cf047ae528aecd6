"""A site's groups, found by whom they are for and by the feeds that they have open."""

from collections.abc import Collection, Iterator, Mapping
from typing import TypeVar

from attrs import define, field

from protocol.work.extranonce import Layout
from proxy.jobs.feed import Feed
from proxy.jobs.group import Group
from proxy.jobs.space import Space

K = TypeVar("K")

GroupKey = tuple[int, str, Layout]
"""Number of the route, the worker where its sources want one each, else empty, and how
the miners of the group cut the extranonce."""

GONE = -1
"""Number of the route of groups whose route is no more: no worker has it."""


@define(eq=False, repr=False)
class Groups:
    """The groups of a site, in the order in which they were made.

    Nothing here looks at all of them but what is asked by route: there may be one for
    each worker, and a block comes to each by a feed of its own.
    """

    _keys: dict[Group, GroupKey] = field(factory=dict, init=False)
    _by_key: dict[GroupKey, dict[Group, None]] = field(factory=dict, init=False)
    _by_feed: dict[Feed, dict[Group, None]] = field(factory=dict, init=False)
    _feeds: dict[Group, tuple[Feed, ...]] = field(factory=dict, init=False)
    _found_by: dict[Group, set[Feed]] = field(factory=dict, init=False)
    _by_space: dict[Space, dict[Group, None]] = field(factory=dict, init=False)

    def __iter__(self) -> Iterator[Group]:
        return iter(self._keys)

    def __len__(self) -> int:
        return len(self._keys)

    def __contains__(self, group: Group) -> bool:
        return group in self._keys

    def add(self, group: Group, key: GroupKey) -> None:
        """Count `group` in."""
        self._keys[group] = key
        self._by_key.setdefault(key, {})[group] = None
        self._by_space.setdefault(group.space, {})[group] = None
        self.note_feeds(group)

    def renumber(self, places: Mapping[int, int]) -> None:
        """Know the groups by other numbers of their routes: `GONE` where there is none.

        Args:
            places: The new number of each that is still there.
        """
        keys = self._keys.items()
        self._keys = {g: (places.get(k[0], GONE), *k[1:]) for g, k in keys}
        self._by_key = {}
        for group, key in self._keys.items():
            self._by_key.setdefault(key, {})[group] = None

    def remove(self, group: Group) -> None:
        """Count `group` out."""
        key = self._keys.pop(group)
        _forget(self._by_key, key, group)
        _forget(self._by_space, group.space, group)
        self._feeds.pop(group, None)
        for feed in self._found_by.pop(group, ()):
            _forget(self._by_feed, feed, group)

    def of_key(self, key: GroupKey) -> Collection[Group]:
        """Return the groups made for `key`."""
        return self._by_key.get(key, {})

    def of_routes(self, routes: Collection[int]) -> list[Group]:
        """Return the groups of these routes: a look at all."""
        return [group for group, key in self._keys.items() if key[0] in routes]

    def newest_of_route(self, route: int) -> Group | None:
        """Return the group of `route` that was made last; a look at the others."""
        newest = (g for g, key in reversed(self._keys.items()) if key[0] == route)
        return next(newest, None)

    def using(self, feed: Feed) -> Iterator[Group]:
        """Yield the groups that have `feed` open, at the moment when each is asked for.

        What is done with one may close others.
        """
        # From a copy, and each asked at its turn: one that was closed has no feed open.
        return (g for g in self.with_jobs_of(feed) if feed in g.sourcing.feeds)

    def with_jobs_of(self, feed: Feed) -> list[Group]:
        """Return the groups that have `feed` open, or let it go while it had work."""
        return list(self._by_feed.get(feed, ()))

    def forget_former(self, feed: Feed) -> None:
        """Forget who let `feed` go: nothing more can be sent to it."""
        for group in self.with_jobs_of(feed):
            if feed not in self._feeds.get(group, ()):
                self._forget_feed(group, feed)

    def is_first_of(self, route: int, group: Group) -> bool:
        """Return whether `group` is of `route`, and the oldest made for its key."""
        key = self._keys[group]
        # One line in the log for a route, however many groups it has.
        return key[0] == route and next(iter(self.of_key(key))) is group

    def key_of(self, group: Group) -> GroupKey:
        """Return what `group` was made for."""
        return self._keys[group]

    def in_space(self, space: Space) -> Collection[Group]:
        """Return the groups that are in `space`."""
        return self._by_space.get(space, {})

    def is_taken(self, space: Space, layout: Layout) -> bool:
        """Tell whether a group that cuts by `layout` is in `space`."""
        return any(group.layout == layout for group in self.in_space(space))

    def oldest_given(self, space: Space, default: int) -> int:
        """Return the number of the oldest job that newcomers to `space` are given.

        Args:
            space: Where they get their slots.
            default: Returned if none of its groups has a job.
        """
        # A group without a job gives none to a newcomer either: it holds no slot back.
        newest = (group.current for group in self.in_space(space))
        return min((one.job.seq for one in newest if one), default=default)

    def note_feeds(self, group: Group) -> None:
        """Find `group` by the feeds that it has open now."""
        feeds, before = group.sourcing.feeds, self._feeds.get(group, ())
        if feeds == before:
            return
        for feed in before:
            # One that still has work may have live jobs here: its loss is to be told.
            if feed not in feeds and feed.work is None:
                self._forget_feed(group, feed)
        for feed in feeds:
            self._by_feed.setdefault(feed, {})[group] = None
            self._found_by.setdefault(group, set()).add(feed)
        self._feeds[group] = feeds

    def _forget_feed(self, group: Group, feed: Feed) -> None:
        _forget(self._by_feed, feed, group)
        self._found_by[group].discard(feed)


def _forget(index: dict[K, dict[Group, None]], key: K, group: Group) -> None:
    groups = index[key]
    groups.pop(group, None)
    if not groups:
        del index[key]
