"""From which source a group takes its work, and which ones it keeps warm."""

import math
from collections.abc import Iterator, Sequence

from attrs import define, field

from protocol.units import Seconds
from protocol.work.extranonce import Layout
from protocol.work.job import Work
from proxy.jobs.failover import Candidate, choose
from proxy.jobs.feed import Feed, Source

_NEVER = Seconds(math.inf)

ORPHAN_GRACE = Seconds(10.0)
"""How long shares on the way at a switch count, when their pool is gone.

From the first job of another session on: until there is one, miners have no better.
"""

LEAVE_WITHIN = Seconds(30.0)
"""How long one that is wanted no more is hashed for, while no other has work."""


@define(eq=False, repr=False)
class _Option:
    source: Source
    feed: Feed | None = None
    number: int = 0
    close_at: Seconds | None = None

    @property
    def is_leaving(self) -> bool:
        """It is wanted no more: any other is better, and at `close_at` it is closed."""
        return self.close_at is not None


@define(eq=False, repr=False)
class Sourcing:
    """The sources of a group, best first, and the one it hashes for.

    Attributes:
        site: Whose group it is.
        identity: The worker that per-worker sources are opened for; else empty.
        space: Number of the group's search space.
        fail_back: How long a better source must hold before it is gone back to.
        active: Index of the source in use; None while none has work.
    """

    site: str
    identity: str
    space: int
    layout: Layout
    fail_back: Seconds
    _options: list[_Option]
    active: int | None = field(default=None, init=False)

    @classmethod
    def over(  # noqa: PLR0913
        cls,
        sources: Sequence[Source],
        *,
        site: str,
        identity: str,
        space: int,
        layout: Layout,
        fail_back: Seconds,
    ) -> "Sourcing":
        """Return the sourcing of a new group, with nothing opened yet."""
        options = [_Option(source) for source in sources]
        return cls(site, identity, space, layout, fail_back, options)

    @property
    def feed(self) -> Feed | None:
        """The feed in use."""
        return None if self.active is None else self._options[self.active].feed

    @property
    def source_name(self) -> str | None:
        """Name of the source in use."""
        return None if self.active is None else self._options[self.active].source.name

    @property
    def names(self) -> list[str]:
        """Names of its sources, best first."""
        return [option.source.name for option in self._options]

    @property
    def feeds(self) -> tuple[Feed, ...]:
        """Those that are open here, best first."""
        return tuple([o.feed for o in self._options if o.feed is not None])

    @property
    def fail_back_at(self) -> Seconds:
        """From when on a better source than the one in use is gone back to.

        Infinite while no better one has work.
        """
        # With none in use there is nothing to go back from.
        better = self._options[: self.active or 0]
        ready = (self._candidate(option) for option in better)
        sound = (one for one in ready if one.is_usable and not one.is_doubted)
        since = (one.ready_since for one in sound)
        return Seconds(min(since, default=_NEVER) + self.fail_back)

    def offered(self) -> Iterator[Work]:
        """Yield the work of each source that is open."""
        for option in self._options:
            if option.feed is not None and option.feed.work is not None:
                yield option.feed.work

    def evaluate(self, now: Seconds) -> bool:
        """Choose anew and keep the next one warm; return whether the choice changed."""
        before = self.source, self.feed
        self._close_left(now)
        # Before the choice: a source has work only once it is open.
        self._open_and_close()
        left = self._active_option
        candidates = [self._candidate(option) for option in self._options]
        self.active = choose(candidates, self.active, now, self.fail_back)
        # Shares for it are still on their way: it closes after them.
        if left is not None and left.is_leaving and left is not self._active_option:
            left.close_at = Seconds(now + ORPHAN_GRACE)
        # Again, for the one after the new choice is the one to be kept warm.
        if left is not self._active_option:
            self._open_and_close()
        return (self.source, self.feed) != before

    def change(self, sources: Sequence[Source], now: Seconds) -> None:
        """Take work from `sources` from now on, best first.

        One that is open and no more among them is left as soon as another has work,
        and closed once shares on their way have reached it.
        """
        active = self._active_option
        # By identity: a reload may make another source of the same name.
        known = {id(option.source): option for option in self._options}
        options = [known.pop(id(one), _Option(one)) for one in sources]
        left = [option for option in known.values() if option.feed is not None]
        for option in options:
            option.close_at = None
        for option in left:
            patience = LEAVE_WITHIN if option is active else ORPHAN_GRACE
            option.close_at = option.close_at or Seconds(now + patience)
        self._options = [*options, *left]
        self._keep_active(active)

    @property
    def close_at(self) -> Seconds:
        """When the next source is closed that is wanted no more; infinite: none is."""
        leaving = (o.close_at for o in self._options if o.close_at is not None)
        return min(leaving, default=_NEVER)

    @property
    def leaving_feed(self) -> Feed | None:
        """The feed in use, if its source is wanted no more; else None."""
        active = self._active_option
        return active.feed if active is not None and active.is_leaving else None

    @property
    def source(self) -> Source | None:
        """The source in use."""
        return None if self._active_option is None else self._active_option.source

    def lacks_room(self) -> bool:
        """Return whether there is work, but all of it leaves less room than needed."""
        return self.active is None and any(
            option.feed.work is not None and not option.source.unusable
            for option in self._options
            if option.feed is not None
        )

    def close_all(self) -> None:
        """Let every source go: the group is no more."""
        for option in self._options:
            self._close(option)
        self.active = None

    def _candidate(self, option: _Option) -> Candidate:
        feed = option.feed
        if feed is None or feed.work is None or option.source.unusable:
            return Candidate(is_usable=False, ready_since=_NEVER)
        # By the work and not by source.room: that is what its last connection told.
        fits = self.layout.padding_of(feed.work.extranonce2_size) >= 0
        return Candidate(
            is_usable=fits,
            ready_since=feed.ready_since,
            is_doubted=self._is_doubted(option),
        )

    def _open_and_close(self) -> None:
        """Hold open the sources up to the one after the active; all if there is none.

        Better ones stay open to be gone back to, the next to be switched to with
        one message. All, too, if the active one is doubted: any other is wanted.
        """
        last = len(self._options)
        active = self._active_option
        if self.active is not None and active and not self._is_doubted(active):
            last = self.active + 1
        for index, option in enumerate(self._options):
            if option.is_leaving:
                continue  # it stays as it is
            if index <= last:
                self._open(option)
            else:
                self._close(option)

    @property
    def _active_option(self) -> _Option | None:
        return None if self.active is None else self._options[self.active]

    def _close_left(self, now: Seconds) -> None:
        """Close what is wanted no more, in its time."""
        if self.close_at > now:
            return
        active = self._active_option
        over = [o for o in self._options if o.close_at and o.close_at <= now]
        for option in over:
            self._close(option)
            self._options.remove(option)
        self._keep_active(active)

    @staticmethod
    def _is_doubted(option: _Option) -> bool:
        return option.is_leaving or bool(option.source.doubt)

    def _keep_active(self, active: _Option | None) -> None:
        """Have the same option in use as before; none if it is there no more."""
        indices = (i for i, one in enumerate(self._options) if one is active)
        self.active = next(indices, None)

    def _open(self, option: _Option) -> None:
        room = option.source.room
        padding = 0 if room is None else max(self.layout.padding_of(room), 0)
        number = self.layout.connection(self.space, padding)
        if option.feed is not None and number == option.number:
            return
        self._close(option)
        option.number = number
        option.feed = option.source.open(self.site, self._identity_at(option), number)

    def _close(self, option: _Option) -> None:
        if option.feed is None:
            return
        option.feed = None
        identity = self._identity_at(option)
        option.source.close(self.site, identity, option.number)

    def _identity_at(self, option: _Option) -> str:
        return self.identity if option.source.takes_identity() else ""
