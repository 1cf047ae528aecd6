"""The connections of one pool: who uses them, and which of them have work."""

from collections import Counter
from collections.abc import Callable, Iterator

from attrs import define, field

from protocol.units import Seconds
from protocol.work.job import Work
from proxy.upstream.pool_link import PoolLink
from proxy.upstream.pool_link_settings import LinkState

CHECKED_AT_ONCE = 256
"""Links with work that are looked at in a second: 4,000 have their turn in 16 s."""

LinkKey = tuple[str, str, int]
"""Site, worker where the pool wants one each, else empty, and number of the search
space."""


@define(eq=False, repr=False)
class PoolLinks:
    """A pool's links, each open as long as somebody uses it.

    Attributes:
        new_link: Returns another one, for a site and a worker.
    """

    new_link: Callable[[str, str], PoolLink]
    _all: dict[LinkKey, PoolLink] = field(factory=dict, init=False)
    _ready: dict[PoolLink, None] = field(factory=dict, init=False)
    _begun: dict[PoolLink, None] = field(factory=dict, init=False)  # the others
    _silent: dict[PoolLink, None] = field(factory=dict, init=False)  # as last looked at
    _users: Counter[LinkKey] = field(factory=Counter, init=False)
    _per_site: Counter[str] = field(factory=Counter, init=False)
    _checks: int = field(default=0, init=False)

    def __iter__(self) -> Iterator[PoolLink]:
        # A copy: who goes through them may stop some.
        return iter([*self._all.values()])

    def __len__(self) -> int:
        return len(self._all)

    def open(self, key: LinkKey) -> PoolLink:
        """Return the link for `key`, made and begun if there is none."""
        link = self._all.get(key)
        if link is None:
            site, worker, _ = key
            link = self._all[key] = self.new_link(site, worker)
            self._per_site[site] += 1
            self._begun[link] = None
            link.start()
        self._users[key] += 1
        return link

    def close(self, key: LinkKey) -> PoolLink | None:
        """Let go what `open` returned; return it, to be stopped, if none uses it."""
        self._users[key] -= 1
        if self._users[key] > 0:
            return None
        del self._users[key]
        link = self._all.pop(key)
        self._per_site[key[0]] -= 1
        self._ready.pop(link, None)
        self._begun.pop(link, None)
        self._silent.pop(link, None)
        return link

    def has_work(self, link: PoolLink) -> None:
        """Note that a link has work."""
        self._begun.pop(link, None)
        self._ready[link] = None

    def has_none(self, link: PoolLink) -> None:
        """Note that a link, if it had work, has none any more."""
        if link in self._ready:
            del self._ready[link]
            self._silent.pop(link, None)
            self._begun[link] = None

    def due(self) -> list[PoolLink]:
        """Return those that are to be looked at in this second.

        All without work, and of those that have some no more than `CHECKED_AT_ONCE`,
        in turn.
        """
        self._checks += 1
        ready = list(self._ready)
        turns = -(-len(ready) // CHECKED_AT_ONCE) or 1
        return [*self._begun, *ready[self._checks % turns :: turns]]

    def looked_at(self, link: PoolLink, now: Seconds) -> None:
        """Note whether a link is silent though shares wait: not all are asked again."""
        if link in self._ready and link.unanswered_s(now) is not None:
            self._silent[link] = None
        else:
            self._silent.pop(link, None)

    def of_site(self, site: str) -> int:
        """Return how many a site has."""
        return self._per_site[site]

    @property
    def ready_count(self) -> int:
        """How many have work."""
        return len(self._ready)

    @property
    def reason(self) -> str:
        """Why one has no work; empty if all have."""
        return next(filter(None, (link.feed.reason for link in self._begun)), "")

    @property
    def dials_at(self) -> Seconds | None:
        """When the next one is dialled again; None: none waits for that."""
        times = (link.dials_at for link in self._begun)
        return min((at for at in times if at is not None), default=None)

    def unanswered_s(self, now: Seconds) -> Seconds | None:
        """Return how long one is silent though shares wait; None: none for too long."""
        silent = (link.unanswered_s(now) for link in self._silent)
        return next((s for s in silent if s is not None), None)

    @property
    def work(self) -> Work | None:
        """The newest work of any."""
        return next((link.feed.work for link in self._ready), None)

    @property
    def state(self) -> str:
        """Where they stand, the best of them."""
        if self._ready:
            return "ready"
        states = {link.state for link in self._all.values()}
        if LinkState.REFUSED in states:
            return "refused"
        return "connecting" if states else "idle"
