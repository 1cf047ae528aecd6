"""Have each group hash for the best of its sources, and do what follows from that."""

from collections import Counter
from collections.abc import Callable

from attrs import define, field
from twisted.logger import Logger

from protocol.units import Seconds
from proxy.jobs.group import Group
from proxy.jobs.lifecycle import GroupLifecycle
from proxy.jobs.ports import MinerPort
from proxy.jobs.site_layout import SiteLayout


@define(eq=False, repr=False)
class SourceChoice:
    """Chooses the sources of one site's groups.

    Attributes:
        on_idle: Called with a group that has no source any more, or has one again.
        to_reconnect: Miners that no source leaves enough room for.
        switches: How often the site's own route came to each source; '': to none.
    """

    _log = Logger()

    lifecycle: GroupLifecycle
    layout: SiteLayout
    on_idle: Callable[[Group], None] = field(default=lambda _: None, init=False)
    to_reconnect: list[MinerPort] = field(factory=list, init=False)
    switches: Counter[str] = field(factory=Counter, init=False)

    def evaluate(self, group: Group) -> None:
        """Choose the group's source anew; another one's work is posted."""
        groups = self.lifecycle.groups
        before, left = group.sourcing.source_name, group.sourcing.leaving_feed
        # Before the feeds are noted: it opens and closes some.
        now = self._now()
        changed = group.sourcing.evaluate(now)
        groups.note_feeds(group)
        after = group.sourcing.source_name
        self._note_idle(group, is_idle=after is None)
        self._check_room(group)
        if not changed or group not in groups:  # a change of layout closes it
            return
        feed = group.sourcing.feed
        if before != after and groups.is_first_of(self.lifecycle.routes.own, group):
            self.switches[after or ""] += 1
            self._log.info(
                "{site}: source {before} -> {after}",
                site=self.lifecycle.site,
                before=before or "(none)",
                after=after or "(none)",
            )
        if feed is not None and feed.work is not None:
            self.lifecycle.posting.post(group, feed.work, now, clean=True)
        if left is not None:  # it is hung up on soon
            group.session_lost(left.session, now)

    def closed(self, group: Group) -> None:
        """Note that `group` is closed: it lacks no source."""
        self._note_idle(group, is_idle=False)

    def _note_idle(self, group: Group, *, is_idle: bool) -> None:
        if is_idle is (group.idle_since is not None):
            return
        group.idle_since = self._now() if is_idle else None
        self.on_idle(group)

    def _check_room(self, group: Group) -> None:
        """Have the miners of `group` reconnect if no source leaves enough room for it.

        Groups that have work stay as they are: a layout lasts as long as its miners.
        """
        if not group.sourcing.lacks_room():
            group.must_reconnect &= self.lifecycle.is_former(group)
            return
        if group.must_reconnect:
            return
        # What a proxy may roll is decided anew at each of its connections, whatever the
        # layout is.
        moves = self.layout.replan() or group.layout.is_for_proxies
        if moves or self.lifecycle.is_former(group):
            group.must_reconnect = True
            self.to_reconnect += group.members

    def _now(self) -> Seconds:
        return Seconds(self.lifecycle.clock.seconds())
