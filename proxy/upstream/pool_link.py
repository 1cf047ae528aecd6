"""Keep one line to a pool: dial, work, be lost, dial again, for ever."""

from collections.abc import Iterator

import msgspec
from attrs import define, field
from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IReactorTime
from twisted.internet.protocol import Factory
from twisted.internet.task import deferLater
from twisted.logger import Logger

from protocol.pool_events import (
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
from protocol.units import Seconds
from protocol.work.job import Work
from protocol.work.share import JudgedShare
from proxy.jobs.feed import Feed
from proxy.runtime.host_endpoint import connect_within
from proxy.runtime.tasks import Tasks
from proxy.upstream.address import NOT_CONNECTED, PoolAddress, redirected
from proxy.upstream.backoff import Backoff
from proxy.upstream.connection import PoolConnection
from proxy.upstream.pending import Pending, PendingShares
from proxy.upstream.pool_link_settings import (
    EndpointOf,
    LinkPorts,
    LinkSettings,
    LinkState,
)
from proxy.upstream.pool_protocol import Speech
from proxy.upstream.standing import Outcome

CONNECT_TIMEOUT = Seconds(15.0)
HANDSHAKE_TIMEOUT = Seconds(30.0)
SILENCE_TIMEOUT = Seconds(120.0)
STALE_TIMEOUT = Seconds(600.0)
STEADY_AFTER = Seconds(60.0)
"""A link that has had work for so long does not flap: the pauses begin anew."""


@define(eq=False, repr=False)
class PoolLink:
    """One connection to a pool, made again whenever it is lost."""

    _log = Logger()

    settings: LinkSettings
    speech: Speech
    endpoint_of: EndpointOf
    ports: LinkPorts
    clock: IReactorTime
    backoff: Backoff
    feed: Feed
    state: LinkState = field(default=LinkState.CONNECTING, init=False)
    room: int | None = field(default=None, init=False)
    version_mask: int | None = field(default=None, init=False)
    job_at: Seconds | None = field(default=None, init=False)
    _tasks: Tasks = field(factory=Tasks, init=False)
    _connection: PoolConnection | None = field(default=None, init=False)
    _dialled_at: Seconds = field(default=Seconds(0.0), init=False)
    _heard_at: Seconds = field(default=Seconds(0.0), init=False)
    _pending: PendingShares = field(factory=PendingShares, init=False)
    _ended: Deferred[None] | None = field(default=None, init=False)
    _sent_to: PoolAddress | None = field(default=None, init=False)
    _is_stopped: bool = field(default=False, init=False)

    def start(self) -> None:
        """Begin to dial."""
        self._tasks.start(f"mine on {self.settings.pool}", self._run())

    async def stop(self) -> None:
        """Hang up and dial no more."""
        self._is_stopped = True
        if self._connection is not None:
            self._connection.drop("stopped")
            self._lose_pending()
        await self._tasks.cancel_all()

    def forward(self, share: JudgedShare, token: int) -> bool:
        """Send `share` to the pool; False if it cannot be sent here."""
        connection, job = self._connection, share.job
        if connection is None or job is None:
            return False
        if self._pending.is_full:
            self._judge_unanswered(self._pending.since(self._now()))
            return False
        submit_id, line = self.speech.submit(share)
        sent = Pending(token, self._now(), job.work.difficulty)
        self._pending.add(submit_id, sent)
        connection.send(line)
        return True

    def check(self) -> None:
        """Look at the clock: called every second."""
        connection, now = self._connection, self._now()
        if connection is None:
            return
        since_dialled = Seconds(now - self._dialled_at)
        connection.send(self.speech.on_time(now, since_dialled))
        for reason in self._overdue(now):
            connection.drop(reason)
            return
        if self.feed.work and now - self.feed.ready_since >= STEADY_AFTER:
            self.backoff.reset()
        for pending in self._pending.overdue(now, self.speech.answer_timeout):
            self.ports.settled(pending.token, "lost", "no_answer")
            self._judge_unanswered(pending.since)

    def _judge_unanswered(self, since: Seconds) -> None:
        """Hold a share sent at `since` against the pool, unless the line is dead."""
        if self._heard_at > since:
            self.ports.judged(Outcome.UNANSWERED)

    def _overdue(self, now: Seconds) -> Iterator[str]:
        if self.feed.work is None and now - self._dialled_at >= HANDSHAKE_TIMEOUT:
            yield f"no job in {HANDSHAKE_TIMEOUT:g} s"
        timeout = self.speech.answer_timeout
        if now - max(self._heard_at, self._pending.since(now)) >= timeout:
            yield f"silent for {timeout:g} s with shares to answer"
        if now - self._heard_at >= SILENCE_TIMEOUT:
            yield f"silent for {SILENCE_TIMEOUT:g} s"
        if self.job_at is not None and now - self.job_at >= STALE_TIMEOUT:
            yield f"no new job for {STALE_TIMEOUT:g} s"

    async def _run(self) -> None:
        while True:
            await self._dial()
            if self._is_stopped:  # a cancelled look-up says that it found no host
                return
            await deferLater(self.clock, self.backoff.take())

    async def _dial(self) -> None:
        """Connect once and stay until the connection ends."""
        self._dialled_at = self._heard_at = self._now()
        if self.state is not LinkState.REFUSED:
            self.state = LinkState.CONNECTING
        ended: Deferred[None] = Deferred()
        self._ended = ended
        address = self._where()
        factory = Factory.forProtocol(lambda: self._new_connection(address))
        factory.noisy = False
        try:
            endpoint = self.endpoint_of(address)
            await connect_within(endpoint, factory, CONNECT_TIMEOUT, self.clock)
        except NOT_CONNECTED as error:
            self._connection = None
            self._down(f"cannot connect: {error}")
            return
        await ended

    def _where(self) -> PoolAddress:
        """Return what to dial: where the pool sent us, for one try, else its home."""
        address, self._sent_to = self._sent_to or self.settings.home, None
        return address

    def _new_connection(self, address: PoolAddress) -> PoolConnection:
        session = self.speech.begin(address)
        self._connection = PoolConnection(
            session, self._on_event, self._on_data, self._on_lost
        )
        return self._connection

    def _on_data(self) -> None:
        self._heard_at = self._now()

    def _on_lost(self, reason: str) -> None:
        self._connection = None
        self._lose_pending()
        self._down(reason)
        if self._ended is not None and not self._ended.called:
            self._ended.callback(None)

    def _lose_pending(self) -> None:
        for one in self._pending.drain():
            self.ports.settled(one.token, "lost", "connection_lost")

    def _down(self, reason: str) -> None:
        if self.state is not LinkState.REFUSED:
            self.state = LinkState.WAITING
            if self.feed.reason != reason and not self._is_stopped:
                self._log.warn(
                    "pool {pool}: {reason}", pool=self.settings.pool, reason=reason
                )
            self.feed.reason = reason
        session = self.feed.session
        self.feed.work = None
        self.job_at = None
        if session:
            self.ports.lost(self, session)

    def _on_event(self, event: PoolEvent) -> None:
        match event:
            case WorkReceived(work=work):
                self._on_work(work)
            case ShareAnswered():
                self._on_answer(event)
            case Subscribed() | ExtranonceChanged():
                self._on_room(event)
            case Authorized():
                self.state = LinkState.READY
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
            self._end("its room is known")

    def _on_work(self, work: Work) -> None:
        if self._is_stopped:
            return
        before = self.feed.work
        replaced = 0
        if before is not None and before.extranonce1 == work.extranonce1:
            session = before.session
        else:
            replaced = before.session if before else 0
            session = self.ports.new_session(self)
        if before is None:
            self._up()
        self.feed.work = msgspec.structs.replace(work, session=session)
        self.job_at = self._now()
        self.ports.work_arrived(self, replaced)

    def _up(self) -> None:
        self.state = LinkState.READY
        self.feed.ready_since = self._now()
        self.feed.reason = ""
        self._log.info("pool {pool}: has work for us", pool=self.settings.pool)

    def _end(self, why: str) -> None:
        """Hang up and dial no more."""
        self._is_stopped = True
        if self._connection is not None:
            self._connection.drop(why)

    def _on_mask(self, mask: int) -> None:
        self.version_mask = mask
        self.ports.learned(self)
        work = self.feed.work
        if work is None or self.job_at is None:
            return
        # a later ntime, so that it is not the search space of the running jobs
        later = work.ntime + int(self._now() - self.job_at) + 1
        self.feed.work = msgspec.structs.replace(work, version_mask=mask, ntime=later)
        self.ports.work_arrived(self, 0)

    def _on_answer(self, event: ShareAnswered) -> None:
        pending = self._pending.answered(event.submit_id)
        if pending is None:
            return
        if event.refusal is None:
            self.ports.settled(pending.token, "accepted", "")
            self.ports.judged(Outcome.ACCEPTED)
            return
        self.ports.settled(pending.token, "rejected", event.refusal.value)
        if pending.difficulty == self.speech.difficulty:
            self.ports.judged(Outcome.REFUSED)
        # else it is older than the pool's last set_difficulty: no fault of the pool

    def _refused(self, text: str) -> None:
        self.state = LinkState.REFUSED
        self.feed.reason = f"refused to authorise {self.settings.user}: {text}"
        self.backoff.lengthen()
        if not self.settings.only_probes:  # else that was nobody's name
            self._log.error(
                "pool {pool}: {why}", pool=self.settings.pool, why=self.feed.reason
            )
        if self._connection is not None:
            self._connection.drop(self.feed.reason)

    def _on_reconnect(self, event: ReconnectAsked) -> None:
        """Connect anew, where the configuration allows it and the domain is theirs."""
        self.backoff.ask(event.wait)
        home, follows = self.settings.home, self.settings.follows
        self._sent_to, reason = redirected(
            home, event.host or home.host, event.port or home.port, follows=follows
        )
        if self._connection is not None:
            self._connection.drop(reason)

    def _now(self) -> Seconds:
        return Seconds(self.clock.seconds())
