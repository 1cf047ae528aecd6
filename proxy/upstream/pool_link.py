"""Keep one line to a pool: dial, work, be lost, dial again, for ever."""

import msgspec
from attrs import define, field
from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IReactorTime
from twisted.internet.protocol import Factory
from twisted.internet.task import deferLater
from twisted.logger import Logger

from protocol.units import HashesPerSecond, Seconds, UnixTime
from protocol.work.hashrate import HashrateMeter
from protocol.work.job import Work
from protocol.work.pool_events import (
    AuthorizationRefused,
    Authorized,
    ExtranonceChanged,
    MaskChanged,
    MessageShown,
    PoolEvent,
    ReconnectAsked,
    ShareAnswered,
    Subscribed,
    WorkReceived,
)
from protocol.work.share import JudgedShare
from proxy.jobs.feed import Feed
from proxy.runtime.host_endpoint import connect_within
from proxy.runtime.tasks import Tasks
from proxy.upstream.address import (
    NOT_CONNECTED,
    PoolAddress,
    redirected,
    why_not_connected,
)
from proxy.upstream.backoff import Backoff
from proxy.upstream.connection import PoolConnection
from proxy.upstream.pool_link_settings import (
    EndpointOf,
    LinkPorts,
    LinkSettings,
    LinkState,
)
from proxy.upstream.pool_protocol import PoolProtocol
from proxy.upstream.sent_shares import Pending, SentShares
from proxy.upstream.settlement import Settlement
from proxy.upstream.silence import Silence

CONNECT_TIMEOUT = Seconds(15.0)
STEADY_AFTER = Seconds(60.0)
"""A link that has had work for so long does not flap: the pauses begin anew."""


@define(eq=False, repr=False)
class PoolLink:
    """One connection to a pool, made again whenever it is lost."""

    _log = Logger()

    settings: LinkSettings
    protocol: PoolProtocol
    endpoint_of: EndpointOf
    ports: LinkPorts
    clock: IReactorTime
    backoff: Backoff
    feed: Feed
    state: LinkState = field(default=LinkState.CONNECTING, init=False)
    room: int | None = field(default=None, init=False)
    version_mask: int | None = field(default=None, init=False)
    dials_at: Seconds | None = field(default=None, init=False)
    certificate_until: UnixTime | None = field(default=None, init=False)
    _tasks: Tasks = field(factory=Tasks, init=False)
    _connection: PoolConnection | None = field(default=None, init=False)
    _silence: Silence = field(factory=Silence, init=False)
    _shares: SentShares = field(init=False)
    _settlement: Settlement = field(init=False)
    _ended: Deferred[None] | None = field(default=None, init=False)
    _sent_to: PoolAddress | None = field(default=None, init=False)
    _is_stopped: bool = field(default=False, init=False)

    def __attrs_post_init__(self) -> None:
        self._shares = SentShares(HashrateMeter(self._now()))
        self._settlement = Settlement(
            self._shares, self._silence, self.protocol, self.ports
        )

    def start(self) -> None:
        """Begin to dial."""
        self._tasks.start(f"mine on {self.settings.pool}", self._run())

    async def stop(self) -> None:
        """Hang up and dial no more."""
        # First: the connection's end would have it dialled again.
        self._is_stopped = True
        self._hang_up("stopped")
        # The connection tells of its end in a later turn, and nobody may be there to
        # hear.
        self._settlement.lose()
        await self._tasks.cancel_all()

    def forward(self, share: JudgedShare, token: int) -> bool:
        """Send `share` to the pool; False if it cannot be sent here."""
        connection, job = self._connection, share.job
        if connection is None or job is None:
            return False
        now = self._now()
        if self._shares.is_full:
            self._settlement.judge_unanswered(self._shares.waiting_since(now))
            return False
        submit_id, line = self.protocol.submit(share)
        self._shares.add(submit_id, Pending(token, now, job.work.difficulty))
        connection.send(line)
        return True

    def unanswered_s(self, now: Seconds) -> Seconds | None:
        """Return how long nothing has come though shares wait; None: not too long."""
        if self._connection is None:
            return None
        since, timeout = self._shares.waiting_since(now), self.protocol.answer_timeout
        return self._silence.unanswered_s(now, since, timeout)

    def check(self) -> None:
        """Look at the clock: each second, or in turn where there are many links."""
        connection, now = self._connection, self._now()
        if connection is None:
            return
        self._speak_in_time()
        timeout = self.protocol.answer_timeout
        waiting_since = self._shares.waiting_since(now)
        if fault := self._silence.fault(now, waiting_since, timeout):
            connection.drop(fault)
            return
        # Not at the first job: a pool that takes the login and hangs up would be
        # dialled each second.
        if self.feed.work and now - self.feed.ready_since >= STEADY_AFTER:
            self.backoff.reset()
        self._settlement.give_up(now)

    def _speak_in_time(self) -> None:
        now = self._now()
        since = Seconds(now - self._silence.dialled_at)
        if self._connection is not None:
            self._connection.send(self.protocol.on_time(now, since, self._hashrate()))

    def _hashrate(self) -> HashesPerSecond:
        """Return what its miners hash; 0 while that is not known.

        As its site says, else by the shares that were sent here.
        """
        return self.ports.hashrate() or self._shares.hashrate(self._now())

    async def _run(self) -> None:
        while True:
            await self._dial()
            if self._is_stopped:  # a cancelled look-up says that it found no host
                return
            pause = self.backoff.take()
            self.dials_at = Seconds(self._now() + pause)
            await deferLater(self.clock, pause)
            self.dials_at = None

    async def _dial(self) -> None:
        """Connect once and stay until the connection ends."""
        self._silence.begin(self._now())
        # A refusal stays in view until the pool has said otherwise.
        if self.state is not LinkState.REFUSED:
            self.state = LinkState.CONNECTING
        # Before it connects: it may be lost before connect_within returns.
        ended: Deferred[None] = Deferred()
        self._ended = ended
        # where the pool sent us, for one try, else its home
        address, self._sent_to = self._sent_to or self.settings.home, None
        factory = Factory.forProtocol(lambda: self._new_connection(address))
        factory.noisy = False
        try:
            endpoint = self.endpoint_of(address)
            await connect_within(endpoint, factory, CONNECT_TIMEOUT, self.clock)
        except NOT_CONNECTED as error:
            self._connection = None
            self._down(f"cannot connect: {why_not_connected(error)}")
            return
        await ended

    def _new_connection(self, address: PoolAddress) -> PoolConnection:
        session = self.protocol.begin(address, self._hashrate())
        self._connection = PoolConnection(
            session, self._on_event, self._on_data, self._on_lost, self.ports.turns
        )
        return self._connection

    def _on_data(self) -> None:
        self._silence.heard_at = self._now()

    def _on_lost(self, reason: str) -> None:
        self._connection = None
        self._settlement.lose()
        self._down(reason)
        if self._ended is not None and not self._ended.called:
            self._ended.callback(None)

    def _down(self, reason: str) -> None:
        if self.state is not LinkState.REFUSED:
            self.state = LinkState.WAITING
            if self.feed.reason != reason and not self._is_stopped:
                self._log.warn(
                    "pool {pool}: {reason}", pool=self.settings.pool, reason=reason
                )
            self.feed.reason = reason
        # Asked first: a feed without work has no session.
        session = self.feed.session
        # Before the loss is told: boards choose among the feeds that have work.
        self.feed.work = None
        if session:
            self.ports.lost(self, session)

    def _on_event(self, event: PoolEvent) -> None:
        # More may have come with what we hung up for: of that only verdicts count.
        is_over = self._connection is None or self._connection.is_dropped
        if is_over and not isinstance(event, ShareAnswered):
            return
        match event:
            case WorkReceived(work=work):
                self._on_work(work)
            case ShareAnswered():
                self._settlement.on_answer(event)
            case Subscribed() | ExtranonceChanged():
                self._on_room(event)
            case Authorized():
                self.state = LinkState.READY
                self._speak_in_time()
            case AuthorizationRefused(text=text):
                self._refused(text)
            case MaskChanged(version_mask=mask):
                self._on_mask(mask)
            case ReconnectAsked():
                self._on_reconnect(event)
            case MessageShown(text=text):
                self._log.info(
                    "pool {pool} says: {text}", pool=self.settings.pool, text=text
                )

    def _on_room(self, event: Subscribed | ExtranonceChanged) -> None:
        self.room = event.extranonce2_size
        if isinstance(event, Subscribed):
            self.version_mask = event.version_mask
        self.ports.learned(self)
        if self.settings.only_probes:
            self._is_stopped = True  # there is nothing to be dialled for any more
            self._hang_up("its room is known")

    def _on_work(self, work: Work) -> None:
        before = self.feed.work
        replaced = 0
        # With the same extranonce1 the old jobs are shares of this connection: one
        # session.
        if before is not None and before.extranonce1 == work.extranonce1:
            session = before.session
        else:
            replaced = before.session if before else 0
            session = self.ports.new_session(self)
        if before is None:
            self._up()
        self.feed.work = msgspec.structs.replace(work, session=session)
        self._silence.job_at = self._now()
        self.ports.work_arrived(self, replaced)

    def _up(self) -> None:
        self.state = LinkState.READY
        self.feed.ready_since = self._now()
        self.feed.reason = ""
        if self._connection is not None:
            self.certificate_until = self._connection.certificate_until()
        self._log.info("pool {pool}: has work for us", pool=self.settings.pool)

    def _on_mask(self, mask: int) -> None:
        self.version_mask = mask
        self.ports.learned(self)
        work, job_at = self.feed.work, self._silence.job_at
        if work is None or job_at is None:
            return
        # a later ntime, so that it is not the search space of the running jobs
        later = work.ntime + int(self._now() - job_at) + 1
        self.feed.work = msgspec.structs.replace(work, version_mask=mask, ntime=later)
        self.ports.work_arrived(self, 0)

    def _refused(self, text: str) -> None:
        self.state = LinkState.REFUSED
        self.feed.reason = f"refused to authorise {self.settings.user}: {text}"
        self.backoff.lengthen()
        if not self.settings.only_probes:  # else that was nobody's name
            self._log.error(
                "pool {pool}: {why}", pool=self.settings.pool, why=self.feed.reason
            )
        self._hang_up(self.feed.reason)

    def _on_reconnect(self, event: ReconnectAsked) -> None:
        """Connect anew, where the configuration allows it and the domain is theirs."""
        self.backoff.ask(event.wait)
        home, follows = self.settings.home, self.settings.follows
        self._sent_to, reason = redirected(
            home, event.host or home.host, event.port or home.port, follows=follows
        )
        self._hang_up(reason)

    def _hang_up(self, why: str) -> None:
        if self._connection is not None:
            self._connection.drop(why)

    def _now(self) -> Seconds:
        return Seconds(self.clock.seconds())
