"""What a link says to its pool, in the version of Stratum that the pool speaks."""

from collections.abc import Callable, Iterable, Iterator
from typing import Protocol

from attrs import define, evolve, field
from typing_extensions import override

from protocol.bitcoin.target import difficulty_from_target
from protocol.errors import LocalError
from protocol.noise.authority import AuthorityKey
from protocol.noise.ellswift import SECRET_BYTES, KeyPair
from protocol.noise.handshake import Initiator
from protocol.sv1.client import ClientSession as Sv1Session
from protocol.sv2.channel_request import ChannelRequest
from protocol.sv2.client import MAX_PAYLOAD_BYTES
from protocol.sv2.client import ClientSession as Sv2Session
from protocol.sv2.line import ClientLine
from protocol.sv2.setup import Caller
from protocol.units import Difficulty, HashesPerSecond, Seconds, UnixTime
from protocol.work.job import Job
from protocol.work.pool_events import PoolEvent
from protocol.work.share import JudgedShare
from proxy.upstream.address import PoolAddress

CONFIGURE_TIMEOUT = Seconds(2.0)
"""Old pools say nothing to it, and miners may be waiting for what they say next."""

UNKNOWN_HASHRATE = HashesPerSecond(1e14)
"""One machine of today: what a pool is told before there are shares to go by."""

RandomBytes = Callable[[int], bytes]


class Session(Protocol):
    """One connection's conversation, as the connection moves its bytes."""

    def start(self) -> bytes:
        """Return the first bytes to send."""

    def outgoing(self) -> bytes:
        """Return what is to be sent and forget it."""

    def receive_each(self, data: bytes) -> Iterator[Iterable[PoolEvent]]:
        """Yield what each message that `data` completes comes to."""


class PoolProtocol(Protocol):
    """A link's conversations, one connection after the other.

    Attributes:
        answer_timeout: How long a pool may take to answer a share.
    """

    answer_timeout: Seconds

    @property
    def difficulty(self) -> Difficulty | None:
        """What the pool asks of the jobs to come; None before it has said."""

    def begin(self, address: PoolAddress, hashrate: HashesPerSecond) -> Session:
        """Return the conversation of a new connection to `address`.

        `hashrate` is what our miners there hash; 0 while it is not known.
        """

    def submit(self, share: JudgedShare) -> tuple[int, bytes]:
        """Return the id that a share's answer will have, and its bytes."""

    def on_time(
        self, now: Seconds, since_dialled: Seconds, hashrate: HashesPerSecond
    ) -> bytes:
        """Return what is to be said because time passes: see `PoolLink.check`."""


@define(eq=False, repr=False)
class Sv1PoolProtocol(PoolProtocol):
    """Stratum V1."""

    pool: str
    user: str
    password: str = field(repr=False)
    user_agent: str
    # pools answer at once; some take a minute under load, none that was seen longer
    answer_timeout: Seconds = field(default=Seconds(60.0), init=False)
    _session: Sv1Session | None = field(default=None, init=False)

    @property
    @override
    def difficulty(self) -> Difficulty | None:
        return self._session.work.difficulty if self._session else None

    @override
    def begin(self, address: PoolAddress, hashrate: HashesPerSecond) -> Sv1Session:
        self._session = Sv1Session(
            self.pool, 0, self.user, self.password, self.user_agent
        )
        return self._session

    @override
    def submit(self, share: JudgedShare) -> tuple[int, bytes]:
        return _submitted(self._session, self.user, share)

    @override
    def on_time(
        self, now: Seconds, since_dialled: Seconds, hashrate: HashesPerSecond
    ) -> bytes:
        if self._session is None:
            return b""
        skipped = b""
        # Older pools pass over methods that they do not know, without a word.
        if since_dialled >= CONFIGURE_TIMEOUT:
            skipped = self._session.skip_configure()
        return skipped + self._session.tell_size(hashrate, now)


@define(eq=False, repr=False)
class Sv2PoolProtocol(PoolProtocol):
    """Stratum V2: one extended channel, whose hashrate the pool is told.

    Attributes:
        caller: Who we are; where to is put in at each connection.
        authority: Who must vouch for the pool's servers.
        min_size: Bytes of extranonce that our miners need.
    """

    pool: str
    caller: Caller
    authority: AuthorityKey | None
    min_size: int
    wall_clock: Callable[[], UnixTime]
    random_bytes: RandomBytes
    # pools answer in batches: of ten shares, or at the next job
    answer_timeout: Seconds = field(default=Seconds(900.0), init=False)
    _session: Sv2Session | None = field(default=None, init=False)

    @property
    @override
    def difficulty(self) -> Difficulty | None:
        channel = self._session.channel if self._session else None
        return difficulty_from_target(channel.target) if channel else None

    @override
    def begin(self, address: PoolAddress, hashrate: HashesPerSecond) -> Sv2Session:
        ephemeral = KeyPair.from_secret(
            self.random_bytes(SECRET_BYTES), self.random_bytes(SECRET_BYTES)
        )
        line = ClientLine(
            MAX_PAYLOAD_BYTES, Initiator(ephemeral, self.authority), self.wall_clock()
        )
        caller = evolve(self.caller, host=address.host, port=address.port)
        request = ChannelRequest(hashrate or UNKNOWN_HASHRATE, self.min_size)
        self._session = Sv2Session(line, caller, self.pool, 0, request)
        return self._session

    @override
    def submit(self, share: JudgedShare) -> tuple[int, bytes]:
        # The worker's own name: the channel is one user's, and extension 0x0002 tells
        # whose.
        return _submitted(self._session, share.worker, share)

    @override
    def on_time(
        self, now: Seconds, since_dialled: Seconds, hashrate: HashesPerSecond
    ) -> bytes:
        # 0 stands for not known, which is no news for a pool.
        if self._session is None or not hashrate:
            return b""
        return self._session.update(hashrate, now)


def _submitted(
    session: Sv1Session | Sv2Session | None, worker: str, share: JudgedShare
) -> tuple[int, bytes]:
    """Return `share` as `session` sends it for `worker`, and its number there.

    Raises:
        LocalError: There was no connection that it could be for.
    """
    job = share.job
    if session is None or job is None:
        raise LocalError("a share before there was a connection")
    return session.submit(
        worker,
        job.work.source_job,
        _upstream_extranonce(job, share),
        share.ntime,
        share.nonce,
        share.version,
    )


def _upstream_extranonce(job: Job, share: JudgedShare) -> bytes:
    """Return all that follows the pool's own bytes of the extranonce."""
    # A miner has padding and slot in coinb1 and extranonce1: to the pool they are the
    # head of its extranonce2.
    return b"".join((job.padding, share.slot, share.extranonce2))
