"""A pool as sites use it: as many links as they need, one judgement of it.

Theory of operation
    A `[[pools]]` entry is one `Pool`. Each search space needs an extranonce of its
    own, so it opens a `PoolLink`, a connection with its own `Feed`, for each user
    name and space that asks, and closes it when nobody does. A link dials, speaks
    the pool's protocol (`PoolProtocol`: V1 or V2, the same events), is lost, and
    dials again after a pause that doubles; only a link that held a minute resets it
    (`Backoff`).

    The judgement is the pool's, not a link's: `Standing` counts what became of
    forwarded shares over all of them. A refused share that we called good, an
    answer that does not come, are evidence; a share for a job older than the last
    set_difficulty is none. A pool that fails is left for a while if the route has
    another usable source, and tried again after it: never for a burst, and the last
    usable source never.

    What a pool's bytes raise ends that pool's connection and nothing else. What it
    asks (client.reconnect, show_message) is followed only within what the
    configuration allows, and logged by its name.
"""

from collections import Counter
from collections.abc import Callable

from attrs import Factory, define, field
from twisted.internet.interfaces import IReactorTime
from twisted.logger import Logger

from protocol.units import HashesPerSecond, Seconds, UnixTime
from protocol.work.job import Work
from protocol.work.share import JudgedShare
from protocol.work.version_rolling import OFFERED_MASK
from proxy.config import PoolConfig
from proxy.jobs.feed import Feed, FeedListener
from proxy.runtime.inflow import Turns
from proxy.runtime.tasks import Tasks
from proxy.upstream.address import PoolAddress
from proxy.upstream.answer_times import AnswerTimes
from proxy.upstream.backoff import Backoff
from proxy.upstream.pool_link import PoolLink
from proxy.upstream.pool_link_settings import (
    EndpointOf,
    LinkPorts,
    LinkSettings,
)
from proxy.upstream.pool_links import PoolLinks
from proxy.upstream.pool_protocol import PoolProtocol
from proxy.upstream.standing import Outcome, Standing


def _unknown(_site: str) -> HashesPerSecond:
    return HashesPerSecond(0.0)


@define(eq=False, repr=False)
class Pool:
    """A `[[pools]]` entry: a source of work and a sink of shares.

    Attributes:
        listeners: Boards by site: whom the feeds' news go to.
        settle: Told what became of a forwarded share.
        answer_times: How long it takes to judge one.
        size_of: Returns what a site's miners hash that come here; 0 while not known.
        contradicted: What its node says against its work; empty if nothing.
        room: Bytes of extranonce2 it leaves to us, on the connection that told last;
            None while it is not known.
        version_mask: What it lets miners roll; None while it is not known.
        job_at: When its newest job came.
        certificate_until: When the certificate ends that it showed last; None: none.
        speech_of: Makes what a link speaks, for the user it is given.
        turns: When what it sends is taken.
    """

    _log = Logger()

    config: PoolConfig
    home: PoolAddress
    endpoint_of: EndpointOf
    clock: IReactorTime
    random: Callable[[], float]
    next_session: Callable[[], int]
    speech_of: Callable[[str], PoolProtocol]
    turns: Turns = Factory(lambda self: Turns(self.clock), takes_self=True)
    listeners: dict[str, FeedListener] = field(factory=dict, init=False)
    settle: Callable[[int, str, str], None] = field(init=False)
    size_of: Callable[[str], HashesPerSecond] = field(default=_unknown, init=False)
    accepted: int = field(default=0, init=False)
    rejected: Counter[str] = field(factory=Counter, init=False)
    lost: Counter[str] = field(factory=Counter, init=False)
    answer_times: AnswerTimes = field(factory=AnswerTimes, init=False)
    _links: PoolLinks = field(init=False)
    _sessions: dict[int, PoolLink] = field(factory=dict, init=False)
    room: int | None = field(default=None, init=False)
    version_mask: int | None = field(default=None, init=False)
    job_at: Seconds = field(default=Seconds(0.0), init=False)
    certificate_until: UnixTime | None = field(default=None, init=False)
    _standing: Standing = field(factory=Standing, init=False)
    contradicted: str = field(default="", init=False)
    _tasks: Tasks = field(factory=Tasks, init=False)

    def __attrs_post_init__(self) -> None:
        self._links = PoolLinks(self._new_link)

    @property
    def name(self) -> str:
        """As in the configuration."""
        return self.config.name

    @property
    def unusable(self) -> str:
        """Why no work is taken from it though it may offer some; else empty."""
        if self.contradicted and self.config.on_mismatch == "leave":
            return self.contradicted
        mask = self.version_mask
        narrow = mask is not None and mask & OFFERED_MASK != OFFERED_MASK
        if narrow and self.config.version_rolling == "required":
            return f"would void rolled shares: its version mask is {mask:08x}"
        return ""

    @property
    def doubt(self) -> str:
        """Why any other source is better; else empty."""
        return self._standing.doubt(self._now())

    @property
    def connections(self) -> int:
        """How many of its connections have work."""
        return self._links.ready_count

    @property
    def numbering_bytes(self) -> int:
        """0: groups that its padding cannot number have connections of their own."""
        return 0

    @property
    def link_count(self) -> int:
        """How many connections it has, up or not."""
        return len(self._links)

    @property
    def links(self) -> list[PoolLink]:
        """Its connections, up or not."""
        return list(self._links)

    def takes_identity(self) -> bool:
        """Each worker needs a connection of its own."""
        return "{worker}" in self.config.user

    def open(self, site: str, identity: str, number: int) -> Feed:
        """Return a connection's feed, connecting if need be."""
        return self._links.open((site, identity, number)).feed

    def close(self, site: str, identity: str, number: int) -> None:
        """Let go what `open` returned; the last one hangs up."""
        link = self._links.close((site, identity, number))
        if link is not None:
            # Not awaited: who closes is in the middle of choosing a source.
            self._tasks.start(f"leave {self.name}", link.stop())

    def forward(self, share: JudgedShare, token: int) -> bool:
        """Send `share` on the connection that it was hashed for."""
        # By the session of the work: on any other connection the extranonce1 is
        # another's.
        link = self._sessions.get(share.job.work.session) if share.job else None
        return link is not None and link.forward(share, token)

    def check(self) -> None:
        """Look at the clock: called every second; one link's failure is no other's."""
        now = self._now()
        for link in self._links.due():
            with self._log.failuresHandled("a look at pool {pool}", pool=self.name):
                link.check()
                self._links.looked_at(link, now)

    async def stop(self) -> None:
        """Hang up everywhere."""
        for link in self._links:
            await link.stop()
        await self._tasks.cancel_all()

    @property
    def reason(self) -> str:
        """Why one of its links has no work; empty if all have."""
        return self._links.reason

    @property
    def dials_at(self) -> Seconds | None:
        """When the next of its links is dialled again; None: none waits for that."""
        return self._links.dials_at

    def unanswered_s(self, now: Seconds) -> Seconds | None:
        """Return how long one of its links is silent though shares wait for answers.

        None: none for so long that it need be told of.
        """
        return self._links.unanswered_s(now)

    @property
    def work(self) -> Work | None:
        """The newest work of any of its links."""
        return self._links.work

    def state(self) -> str:
        """Return where its links stand, the best of them."""
        if self.unusable or self.doubt:
            return "left"
        return self._links.state

    def _new_link(self, site: str, identity: str) -> PoolLink:
        only_probes = self.takes_identity() and not identity
        user = self.config.user.replace("{worker}", identity)
        if only_probes:
            # Of "account.{worker}" the account: a probe hangs up once it is subscribed,
            # before the name counts.
            user = user.strip("._") or "x"
        settings = LinkSettings(
            self.name,
            user,
            self.home,
            follows=self.config.reconnect,
            only_probes=only_probes,
        )
        ports = LinkPorts(
            hashrate=lambda: self._hashrate(site),
            learned=self._on_learned,
            new_session=self._session_begins,
            work_arrived=lambda link, old: self._on_work(site, link, old),
            lost=lambda link, session: self._on_lost(site, link, session),
            settled=self._on_settled,
            answered=lambda took: self.answer_times.add(took, self._now()),
            judged=self._judge,
            turns=self.turns,
        )
        return PoolLink(
            settings,
            self.speech_of(user),
            self.endpoint_of,
            ports,
            self.clock,
            Backoff(self.random),
            Feed(self.name),
        )

    def _hashrate(self, site: str) -> HashesPerSecond:
        """Return a connection's part of a site; 0 where each has its own worker."""
        if self.takes_identity():
            return HashesPerSecond(0.0)
        # An equal part for each link: which of them has which miners is not known here.
        return HashesPerSecond(self.size_of(site) / max(self._links.of_site(site), 1))

    def _on_learned(self, link: PoolLink) -> None:
        if link.version_mask is not None:
            self.version_mask = link.version_mask
        if link.room != self.room:
            self.room = link.room
            for listener in self.listeners.values():
                listener.room_known()

    def _session_begins(self, link: PoolLink) -> int:
        session = self.next_session()
        self._sessions[session] = link
        return session

    def _on_work(self, site: str, link: PoolLink, replaced: int) -> None:
        self._links.has_work(link)
        self.job_at = self._now()
        self.certificate_until = link.certificate_until
        self.listeners[site].work_arrived(link.feed)
        if replaced:  # the pool has given us another extranonce1
            # After the new work: miners go on with it while shares of the old one run
            # out.
            self._on_lost(site, link, replaced)

    def _on_lost(self, site: str, link: PoolLink, session: int) -> None:
        # From here on `forward` answers False for it, and the share is recorded as
        # lost.
        self._sessions.pop(session, None)
        if link.feed.work is None:
            self._links.has_none(link)
        self.listeners[site].feed_lost(link.feed, session)

    def _on_settled(self, token: int, verdict: str, reason: str) -> None:
        match verdict:
            case "accepted":
                self.accepted += 1
            case "rejected":
                self.rejected[reason] += 1
            case _:
                self.lost[reason] += 1
        self.settle(token, verdict, reason)

    def _judge(self, outcome: Outcome) -> None:
        if self._standing.note(outcome, self._now()):
            self._log.error(
                "pool {pool} {why}: left where there is another source",
                pool=self.name,
                why=self.doubt,
            )

    def _now(self) -> Seconds:
        return Seconds(self.clock.seconds())
