"""The client's side of a Stratum V2 conversation, without I/O."""

from collections.abc import Iterable, Iterator

from attrs import define, field

from protocol.errors import MalformedMessageError, RemoteError
from protocol.hosts import is_host
from protocol.sv2.channel_request import ChannelRequest
from protocol.sv2.channels import ROLLABLE_MASK
from protocol.sv2.codec import Message, decode, encode
from protocol.sv2.common import (
    VERSION,
    WORKER_TRACKING,
    Reconnect,
    RequestExtensions,
    RequestExtensionsSuccess,
    SetupConnectionError,
    SetupConnectionSuccess,
)
from protocol.sv2.line import ClientLine
from protocol.sv2.mining import (
    CloseChannel,
    NewExtendedMiningJob,
    OpenExtendedMiningChannelSuccess,
    OpenMiningChannelError,
    SetExtranoncePrefix,
    SetGroupChannel,
    SetNewPrevHash,
    SetTarget,
    SubmitSharesError,
    SubmitSharesExtended,
    SubmitSharesSuccess,
    UpdateChannelError,
)
from protocol.sv2.pool_channel import PoolChannel
from protocol.sv2.refused import ChannelRefusedError
from protocol.sv2.setup import Caller
from protocol.sv2.tlv import MAX_IDENTITY_BYTES, worker_tlv
from protocol.sv2.unanswered import Unanswered
from protocol.units import HashesPerSecond, Seconds
from protocol.work.job import Work
from protocol.work.pool_events import (
    AuthorizationRefused,
    Authorized,
    ExtranonceChanged,
    MessageShown,
    PoolEvent,
    ReconnectAsked,
    ShareAnswered,
    Subscribed,
    WorkReceived,
)
from protocol.work.refusal import Refusal, shown

MAX_PAYLOAD_BYTES = 0x40000
"""A job with two coinbase parts of 64 KiB and a path of 32 is 130 KiB."""


@define(eq=False, repr=False)
class ClientSession:
    """What one connection to a pool has agreed on, and how its bytes are read.

    One extended channel carries all miners that hash for it.

    Attributes:
        source: Name of the pool, for the work.
        session: Number of this connection, for the work.
        request: The channel that the pool is asked for.
        channel: None until the pool has opened it.
        tracks_workers: The pool wants to know whose a share is.
    """

    _line: ClientLine
    caller: Caller
    source: str
    session: int
    request: ChannelRequest
    channel: PoolChannel | None = field(default=None, init=False)
    tracks_workers: bool = field(default=False, init=False)
    _version_mask: int = field(default=ROLLABLE_MASK, init=False)
    _unanswered: Unanswered = field(factory=Unanswered, init=False)
    _greeted: bool = field(default=False, init=False)

    def start(self) -> bytes:
        """Return the first bytes to send: the handshake's."""
        self._line.start()
        return self.outgoing()

    def outgoing(self) -> bytes:
        """Return what is to be sent and forget it; call after each event."""
        return self._line.outgoing()

    def receive_each(self, data: bytes) -> Iterator[Iterable[PoolEvent]]:
        """Yield what each message that `data` completes comes to: often nothing.

        Raises:
            RemoteError: The stream cannot be trusted any more; drop the connection.
        """
        for frame in self._line.receive(data):
            message = decode(frame)
            yield () if message is None else self._on_message(message)
        # The loop above finishes the handshake and yields nothing for it: only here can
        # it be seen to be done.
        if self._line.is_open and not self._greeted:
            self._greeted = True
            self._say(self.caller.greeting)

    def submit(  # noqa: PLR0913, PLR0917  (as many as the protocol has)
        self,
        worker: str,
        source_job: str,
        extranonce2: bytes,
        ntime: int,
        nonce: int,
        version: int,
    ) -> tuple[int, bytes]:
        """Return the sequence number of a share and its bytes.

        Args:
            worker: Whose it is; told to a pool that tracks workers.
            source_job: The pool's own name of the job.
            extranonce2: All that follows the pool's prefix.
            ntime: Unix seconds.
            nonce: As in the header.
            version: The header's whole version.
        """
        channel = self._opened()
        sequence = self._unanswered.add()
        # Extension 0x0002 has 32 B for a name. A longer one is left out: cut short, it
        # could be another worker's.
        names = self.tracks_workers and len(worker.encode()) <= MAX_IDENTITY_BYTES
        self._say(
            SubmitSharesExtended(
                channel.id,
                sequence,
                int(source_job),
                nonce,
                ntime,
                version,
                extranonce2,
                worker_tlv(worker) if names else b"",
            )
        )
        return sequence, self.outgoing()

    def update(self, hashrate: HashesPerSecond, now: Seconds) -> bytes:
        """Return what tells the pool of a new hashrate; empty if it need not know."""
        if self.channel is None:
            return b""
        update = self.request.update(self.channel.id, hashrate, now)
        if update is None:
            return b""
        self._say(update)
        return self.outgoing()

    def _say(self, message: Message) -> None:
        self._line.send((encode(message),))

    def _on_message(self, message: Message) -> Iterator[PoolEvent]:
        match message:
            case SubmitSharesSuccess() | SubmitSharesError() if (
                self.channel and self.channel.is_addressed(message.channel_id)
            ):
                yield from self._on_answer(message)
            case NewExtendedMiningJob() | SetNewPrevHash() | SetTarget() if (
                self.channel and self.channel.is_addressed(message.channel_id)
            ):
                yield from self._on_work(self.channel, message)
            case SetExtranoncePrefix(channel_id=number, extranonce_prefix=prefix):
                yield from self._on_prefix(number, prefix)
            case SetGroupChannel(group_channel_id=group, channel_ids=members):
                if self.channel is not None and self.channel.id in members:
                    self.channel.group = group
            case _:
                yield from self._on_agreement(message)

    def _on_agreement(self, message: Message) -> Iterator[PoolEvent]:
        match message:
            case SetupConnectionSuccess(used_version=version):
                yield from self._on_welcome(version)
            case SetupConnectionError(error_code=code):
                raise ChannelRefusedError(f"the pool refuses: {shown(code)}")
            case RequestExtensionsSuccess(supported=supported):
                self.tracks_workers = WORKER_TRACKING in supported
            case OpenExtendedMiningChannelSuccess():
                yield from self._on_opened(message)
            case OpenMiningChannelError(error_code=code):
                yield from self._on_not_opened(code)
            case CloseChannel(channel_id=number, reason_code=code):
                if self.channel is not None and self.channel.is_addressed(number):
                    raise ChannelRefusedError(
                        f"the pool closed our channel: {shown(code)}"
                    )
            case Reconnect(new_host=host, new_port=port):
                yield _wish(host, port)
            case UpdateChannelError(error_code=code):
                yield MessageShown(f"UpdateChannel: {shown(code)}")
            case _:
                return  # what we asked for not, or do not know how to use

    def _on_welcome(self, version: int) -> Iterator[PoolEvent]:
        if version != VERSION:
            raise ChannelRefusedError(f"version {version}, was asked for {VERSION}")
        if fault := self.caller.user_fault:
            yield AuthorizationRefused(fault)
            return
        # Must be the next frame after the setup; a pool that knows no extensions is
        # silent, so the answer is not waited for (extension 0x0001).
        self._say(RequestExtensions(1, (WORKER_TRACKING,)))
        self._say(self.request.opening(self.caller.user))

    def _on_opened(
        self, answer: OpenExtendedMiningChannelSuccess
    ) -> Iterator[PoolEvent]:
        if self.channel is not None:
            raise RemoteError("a second channel that nobody asked for")
        self.channel = PoolChannel.opened(self.source, self.session, answer)
        yield self._subscribed(self.channel)
        yield Authorized()

    def _subscribed(self, channel: PoolChannel) -> Subscribed:
        return Subscribed(channel.prefix, channel.size, self._version_mask)

    def _on_not_opened(self, code: str) -> Iterator[PoolEvent]:
        # Pools spell the code differently: min-extranonce-size-too-large or
        # unsupported-min-extranonce-size, unknown-user or invalid-user-identity.
        if "extranonce" in code and self.request.lower_size():
            self._say(self.request.opening(self.caller.user))
        elif "user" in code:
            yield AuthorizationRefused(shown(code))
        else:
            raise ChannelRefusedError(f"the pool opens no channel: {shown(code)}")

    def _on_work(
        self,
        channel: PoolChannel,
        message: NewExtendedMiningJob | SetNewPrevHash | SetTarget,
    ) -> Iterator[PoolEvent]:
        match message:
            case SetTarget(maximum_target=target):
                channel.set_target(target)
            case SetNewPrevHash():
                yield from self._on_started(channel, channel.start(message))
            case NewExtendedMiningJob():
                work = channel.add(message)
                if work is not None:
                    yield from self._on_started(channel, work)

    def _on_started(self, channel: PoolChannel, work: Work) -> Iterator[PoolEvent]:
        # V2 allows rolling for each job; whoever listens to us knows one mask for a
        # connection.
        if work.version_mask != self._version_mask:
            self._version_mask = work.version_mask
            yield self._subscribed(channel)
        yield WorkReceived(work)

    def _on_prefix(self, number: int, prefix: bytes) -> Iterator[PoolEvent]:
        # Its own id alone: a prefix is never set for a group (SV2 05).
        if self.channel is not None and self.channel.id == number:
            self.channel.set_prefix(prefix)
            yield ExtranonceChanged(prefix, self.channel.size)

    def _on_answer(
        self, message: SubmitSharesSuccess | SubmitSharesError
    ) -> Iterator[PoolEvent]:
        if isinstance(message, SubmitSharesSuccess):
            # The count in the message is not looked at: what was not refused up to this
            # number is accepted (SV2 05).
            for sequence in self._unanswered.accepted(message.last_sequence_number):
                yield ShareAnswered(sequence, None, "")
        elif self._unanswered.refused(message.sequence_number):
            text = shown(message.error_code)
            refusal = Refusal(text=text).of_share
            yield ShareAnswered(message.sequence_number, refusal, text)

    def _opened(self) -> PoolChannel:
        if self.channel is None:
            raise RemoteError("the pool has opened no channel")
        return self.channel


def _wish(host: str, port: int) -> ReconnectAsked:
    if host and not is_host(host):
        raise MalformedMessageError(f"Reconnect to {host[:64]!r}")
    # V2 knows no time to stay away, and empty and 0 stand for where we are (SV2 03).
    return ReconnectAsked(host or None, port or None, Seconds(0.0))
