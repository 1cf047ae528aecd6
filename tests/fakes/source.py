"""A source of work for boards, moved by hand."""

from collections import Counter
from itertools import count
from typing import Any

from protocol.units import Seconds
from proxy.jobs.feed import Feed, FeedListener
from tests.builders import a_work

_SESSIONS = count(1)
"""No two sources ever have one in common."""


class FakeSource:
    """Offers whatever work a test gives it."""

    def __init__(self, name: str = "main", room: int = 8) -> None:
        self.name = name
        self.unusable = ""
        self.doubt = ""
        self.room: int | None = room
        self.per_worker = False
        self.numbering_bytes = 0
        self.listener: FeedListener | None = None
        self.feeds: dict[tuple[str, str, int], Feed] = {}
        self._told: int | None = None
        self._users: Counter[tuple[str, str, int]] = Counter()

    def takes_identity(self) -> bool:
        return self.per_worker

    def open(self, site: str, identity: str, number: int) -> Feed:
        self._users[site, identity, number] += 1
        return self.feeds.setdefault((site, identity, number), Feed(self.name))

    def close(self, site: str, identity: str, number: int) -> None:
        key = site, identity, number
        self._users[key] -= 1
        if not self._users[key]:
            del self.feeds[key]

    def post(self, since: Seconds = Seconds(0.0), **changes: Any) -> None:  # noqa: B008
        """Give every open feed new work, in a new session after a loss."""
        assert self.listener is not None
        if self.room != self._told:
            self._told = self.room
            self.listener.room_known()
        for feed in list(self.feeds.values()):
            if feed.work is None:
                feed.ready_since = since
            feed.work = a_work(
                source=self.name,
                session=feed.session or next(_SESSIONS),
                extranonce2_size=self.room,
                **changes,
            )
            self.listener.work_arrived(feed)

    def lose(self) -> None:
        """Take the work of every feed away."""
        for feed in list(self.feeds.values()):
            session, feed.work = feed.session, None
            assert self.listener is not None
            self.listener.feed_lost(feed, session)
