"""Say what happens, as it happens, to those who subscribed on the admin socket."""

from collections.abc import Callable
from functools import partial
from typing import Any

import msgspec
from attrs import define, field
from twisted.internet.interfaces import IReactorTime
from twisted.internet.task import deferLater
from twisted.logger import ILogObserver, LogEvent, LogLevel, formatEvent
from zope.interface import implementer

from protocol.bitcoin.coinbase import height_in_coinbase
from protocol.units import Seconds
from protocol.work.share import JudgedShare
from proxy.admin.operations import Operations
from proxy.admin.running import Running
from proxy.admin.source_views import PoolView
from proxy.admin.topics import Topics
from proxy.jobs.group import Group
from proxy.runtime.logs import SecretRedactor, escaped
from proxy.runtime.periodic import PeriodicService

EVERY = Seconds(1.0)

TOLD_AT_ONCE = 256
"""Jobs that are told of in one turn: 3 ms for each subscriber."""


class ShareNews(msgspec.Struct):
    """`share`: a site's sums since the last such line; none if nothing came."""

    site: str
    accepted: int
    rejected: dict[str, int]
    hashrate_hs: float


class JobNews(msgspec.Struct):
    """`job`: the newest job of a group, at most once a second.

    Attributes:
        group: Number of its search space; groups of several routes may be in one.
    """

    site: str
    group: int
    job: str
    source: str
    prev_hash: str
    difficulty: float


class PoolNews(msgspec.Struct):
    """`pool`: a pool's state or the reason for it has changed."""

    name: str
    state: str
    reason: str


class BlockNews(msgspec.Struct):
    """`block`: one was found; then what became of it.

    Attributes:
        height: By its coinbase; null where that has none.
    """

    site: str
    worker: str
    source: str
    hash: str
    verdict: str
    height: int | None = None


class AlarmNews(msgspec.Struct):
    """`alarm`: a line of the log that an operator must act on."""

    level: str
    text: str


@define(eq=False, repr=False)
class News:
    """Compares each second with the one before, and tells the difference."""

    running: Running
    topics: Topics
    operations: Operations
    _sums: dict[str, tuple[int, dict[str, int]]] = field(factory=dict, init=False)
    _posted: dict[Group, str] = field(factory=dict, init=False)  # sites of new jobs
    _pools: dict[str, tuple[str, str]] = field(factory=dict, init=False)

    def service(self, clock: IReactorTime) -> PeriodicService:
        """Return what looks every second; also takes the news of blocks."""
        self.running.recorder.on_block = self.block
        for name, factory in self.running.factories.items():
            board = factory.context.board
            board.on_job = partial(self._note_job, name)
            self._posted.update(dict.fromkeys(board.groups, name))
        return PeriodicService(EVERY, partial(self._look, clock), clock)

    def _note_job(self, site: str, group: Group) -> None:
        self._posted[group] = site

    def block(self, share: JudgedShare, verdict: str) -> None:
        """Tell of a block: `found`, then its source's verdict."""
        news = BlockNews(
            share.site,
            share.worker,
            share.job.work.source if share.job else "",
            share.hash[::-1].hex(),
            verdict,
            height_in_coinbase(share.job.work.coinb1) if share.job else None,
        )
        self.topics.publish("block", news)

    async def _look(self, clock: IReactorTime) -> None:
        for site in self.operations.sites():
            self._tell_shares(
                site.name,
                site.shares.accepted,
                site.shares.rejected,
                site.hashrate_hs.m1,
            )
        pools = self.operations.pool_views()
        for pool in pools:
            self._tell_pool(pool)
        # one that a reload removed is new if it comes back
        self._pools = {pool.name: self._pools[pool.name] for pool in pools}
        await self._tell_jobs(clock)

    async def _tell_jobs(self, clock: IReactorTime) -> None:
        """Tell of the groups that had a job since: a block is one for each of them."""
        posted, self._posted = self._posted, {}
        if not self.topics.is_wanted("job"):
            return
        for number, (group, site) in enumerate(posted.items(), 1):
            self._tell_job(site, group)
            if not number % TOLD_AT_ONCE:
                await deferLater(clock, 0)

    def _tell_shares(
        self, site: str, accepted: int, rejected: dict[str, int], hashrate: float
    ) -> None:
        before, refused = self._sums.get(site, (0, {}))
        self._sums[site] = accepted, rejected
        more = {k: n - refused.get(k, 0) for k, n in rejected.items()}
        more = {k: n for k, n in more.items() if n}
        if accepted != before or more:
            news = ShareNews(site, accepted - before, more, hashrate)
            self.topics.publish("share", news)

    def _tell_job(self, site: str, group: Group) -> None:
        current = group.current
        if current is None:
            return
        job = current.job
        work = job.work
        news = JobNews(
            site,
            group.space.number,
            job.id,
            work.source,
            work.prev_hash[::-1].hex(),
            work.difficulty,
        )
        self.topics.publish("job", news)

    def _tell_pool(self, pool: PoolView) -> None:
        now = pool.state, pool.reason
        if self._pools.get(pool.name) != now:
            self._pools[pool.name] = now
            self.topics.publish("pool", PoolNews(pool.name, *now))


@implementer(ILogObserver)
class AlarmObserver:
    """Passes on what the log calls an error or worse, without secrets."""

    def __init__(
        self, publish: Callable[[str, Any], None], redactor: SecretRedactor
    ) -> None:
        self._publish = publish
        self._redactor = redactor

    def __call__(self, event: LogEvent) -> None:
        """Tell of `event` if an operator must act on it."""
        level = event.get("log_level") or LogLevel.info
        if level >= LogLevel.error:
            text = escaped(self._redactor.blot(formatEvent(event)))
            self._publish("alarm", AlarmNews(level.name, text))
