"""The server's side of a Stratum V2 conversation, without I/O."""

from collections.abc import Iterable, Iterator
from itertools import count

from attrs import define, field

from protocol.errors import RemoteError
from protocol.sv2 import codes
from protocol.sv2.channel_faults import opening_fault, update_fault
from protocol.sv2.channels import ServerChannel
from protocol.sv2.codec import Message, decode, encode
from protocol.sv2.common import (
    VERSION,
    WORKER_TRACKING,
    Reconnect,
    RequestExtensions,
    RequestExtensionsError,
    RequestExtensionsSuccess,
    SetupConnection,
    SetupConnectionError,
    SetupConnectionSuccess,
)
from protocol.sv2.line import Line
from protocol.sv2.miner_events import (
    ChannelAsked,
    ChannelClosed,
    ChannelUpdated,
    MinerEvent,
    SetupRefused,
    ShareSubmitted,
)
from protocol.sv2.mining import (
    CloseChannel,
    OpenExtendedMiningChannel,
    OpenMiningChannelError,
    OpenStandardMiningChannel,
    SetCustomMiningJob,
    SetCustomMiningJobError,
    SubmitSharesError,
    SubmitSharesExtended,
    SubmitSharesStandard,
    UpdateChannel,
    UpdateChannelError,
)
from protocol.sv2.setup import setup_fault
from protocol.sv2.tapped import NoteFrame
from protocol.sv2.tlv import worker_of

MAX_PAYLOAD_BYTES = 0x14000
"""The longest that a miner can have to say is a SetCustomMiningJob of 73 KiB."""

MAX_AGENT_CHARS = 128


class OutOfTurnError(RemoteError):
    """The miner sent what cannot come at this point."""


@define(eq=False, repr=False)
class ServerSession:
    """What one miner's connection has agreed on, and how its bytes are read.

    Attributes:
        setup: How the miner introduced itself; None until it has.
        channels: Open ones by id. Ids of channels and of the group that they are
            all in, which is never addressed by us, are from one series.
        tracks_workers: Its shares may name their workers.
    """

    _line: Line
    setup: SetupConnection | None = field(default=None, init=False)
    channels: dict[int, ServerChannel] = field(factory=dict, init=False)
    tracks_workers: bool = field(default=False, init=False)
    _ids: Iterator[int] = field(factory=lambda: count(1), init=False)
    _group: int = field(init=False)

    def __attrs_post_init__(self) -> None:
        self._group = next(self._ids)

    @property
    def user_agent(self) -> str:
        """Vendor, hardware and firmware as the miner says."""
        setup = self.setup
        if setup is None:
            return ""
        whole = f"{setup.vendor}/{setup.hardware_version}/{setup.firmware}"
        return whole[:MAX_AGENT_CHARS]

    def receive_each(self, data: bytes) -> Iterator[Iterable[MinerEvent]]:
        """Yield what each message that `data` completes asks of us.

        Raises:
            RemoteError: The stream cannot be trusted any more; drop the miner.
        """
        for frame in self._line.receive(data):
            # An unknown message is passed over, as SV2 03 asks, but counts as a turn's
            # step: a flood of them is paced like any other.
            message = decode(frame)
            yield () if message is None else self._on_message(message)

    def outgoing(self) -> bytes:
        """Return what is to be sent and forget it; call after each event."""
        return self._line.outgoing()

    def tap(self, note: NoteFrame | None) -> None:
        """Show `note` each frame in the clear from here on; None: nobody."""
        self._line.tap(note)

    def send(self, frames: Iterable[bytes]) -> None:
        """Queue what a channel has made; it waits in `outgoing`."""
        self._line.send(frames)

    def open(
        self, asked: ChannelAsked, slot: bytes, room: int, target: int
    ) -> ServerChannel:
        """Open the channel that was asked for.

        It is granted exactly as many bytes to roll as it asked for, since some
        firmware goes on with its own number; who asks for 0 gets all.

        Args:
            asked: What to answer.
            slot: Our bytes of its extranonce.
            room: Bytes after `slot` that it may roll: at least `asked.min_size`.
            target: Of its shares.
        """
        rolled = 0 if asked.min_size is None else asked.min_size or room
        # The rest stands before the rolled bytes, so that all channels of the group
        # have one full length, which SV2 05 demands.
        filling = bytes(room - rolled)
        channel = ServerChannel(next(self._ids), asked.user, slot, filling, rolled)
        self.channels[channel.id] = channel
        self.send(channel.opened(asked.request_id, target, self._group))
        return channel

    def refuse(self, asked: ChannelAsked, code: str) -> None:
        """Open no channel, for a reason out of `codes`."""
        self._say(OpenMiningChannelError(asked.request_id, code))

    def refuse_update(self, channel: ServerChannel, code: str) -> None:
        """Leave the channel as it is, for a reason out of `codes`."""
        self._say(UpdateChannelError(channel.id, code))

    def close(self, channel: ServerChannel, reason: str) -> None:
        """End a channel."""
        del self.channels[channel.id]
        self.send(channel.close(reason))

    def ask_to_reconnect(self) -> None:
        """Ask the miner to connect anew to where it is connected now."""
        self._say(Reconnect("", 0))

    def _say(self, message: Message) -> None:
        self._line.send((encode(message),))

    def _on_message(self, message: Message) -> Iterator[MinerEvent]:
        # Shares first, by type and not by isinstance: nearly all that comes is a share.
        # That there has been a setup is seen from the channel: without it there is
        # none.
        if type(message) is SubmitSharesExtended or (
            type(message) is SubmitSharesStandard
        ):
            yield from self._on_share(message)
        elif isinstance(message, SetupConnection):
            yield from self._on_setup(message)
        elif self.setup is None:
            name = type(message).__name__
            raise OutOfTurnError(f"{name} before SetupConnection")
        else:
            yield from self._on_request(message)

    def _on_setup(self, setup: SetupConnection) -> Iterator[MinerEvent]:
        if self.setup is not None:
            raise OutOfTurnError("a second SetupConnection")
        code, flags = setup_fault(setup)
        if code:
            self._say(SetupConnectionError(flags, code))
            yield SetupRefused(code)
        else:
            self.setup = setup
            # The flags of the answer are another name space than the miner's: an echo
            # of bit 0 (its REQUIRES_STANDARD_JOBS) would tell it that the version is
            # fixed.
            self._say(SetupConnectionSuccess(VERSION, 0))

    def _on_request(self, message: Message) -> Iterator[MinerEvent]:
        match message:
            case OpenStandardMiningChannel():
                yield from self._on_open(message, None)
            case OpenExtendedMiningChannel():
                yield from self._on_open(message, message.min_extranonce_size)
            case UpdateChannel():
                yield from self._on_update(message)
            case CloseChannel():
                yield from self._on_close(message)
            case RequestExtensions():
                self._on_extensions(message)
            # No token is ever given out here, so no token of a miner can be valid.
            case SetCustomMiningJob():
                self._say(
                    SetCustomMiningJobError(
                        message.channel_id, message.request_id, codes.JOB_TOKEN
                    )
                )
            case _:
                raise OutOfTurnError(f"{type(message).__name__} from a miner")

    def _on_open(
        self,
        message: OpenStandardMiningChannel | OpenExtendedMiningChannel,
        min_size: int | None,
    ) -> Iterator[MinerEvent]:
        asked = ChannelAsked(
            message.request_id,
            message.user_identity,
            message.nominal_hash_rate,
            message.max_target,
            min_size,
        )
        flags = self.setup.flags if self.setup else 0
        code = opening_fault(asked, flags, len(self.channels))
        if code:
            self.refuse(asked, code)
        else:
            yield asked

    def _on_update(self, message: UpdateChannel) -> Iterator[MinerEvent]:
        channel = self.channels.get(message.channel_id)
        code = update_fault(channel, message)
        # The channel is asked again for mypy alone: without one there is a code.
        if code or channel is None:
            self._say(UpdateChannelError(message.channel_id, code))
        else:
            yield ChannelUpdated(
                channel, message.nominal_hash_rate, message.maximum_target
            )

    def _on_close(self, message: CloseChannel) -> Iterator[MinerEvent]:
        # SV2 05: a group's id closes every channel that is in it.
        if message.channel_id == self._group:
            ids = list(self.channels)
        else:
            # An id that is not open is no fault: both ends may close it at once.
            ids = [message.channel_id] if message.channel_id in self.channels else []
        for one in ids:
            yield ChannelClosed(self.channels.pop(one))

    def _on_extensions(self, message: RequestExtensions) -> None:
        if WORKER_TRACKING in message.requested:
            self.tracks_workers = True
            known = (WORKER_TRACKING,)
            self._say(RequestExtensionsSuccess(message.request_id, known))
        else:
            none = RequestExtensionsError(message.request_id, message.requested, ())
            self._say(none)

    def _on_share(
        self, share: SubmitSharesExtended | SubmitSharesStandard
    ) -> Iterator[MinerEvent]:
        channel = self.channels.get(share.channel_id)
        is_standard = isinstance(share, SubmitSharesStandard)
        # A standard share brings no extranonce and an extended one must: a share of the
        # wrong kind cannot be rebuilt.
        if channel is None or channel.is_standard != is_standard:
            self._on_stray_share(share)
            return
        worker = None
        # From here on a V2 share is judged as a V1 share: what is rolled with its
        # filling is the extranonce2 of the job.
        extranonce2 = channel.filling
        if isinstance(share, SubmitSharesExtended):
            extranonce2 += share.extranonce
            # Without the extension agreed on, trailing bytes are newer fields and no
            # TLV.
            if self.tracks_workers and share.trailing:
                worker = worker_of(share.trailing)
        yield ShareSubmitted(
            channel,
            share.sequence_number,
            share.job_id,
            extranonce2,
            share.ntime,
            share.nonce,
            share.version,
            worker,
        )

    def _on_stray_share(
        self, share: SubmitSharesExtended | SubmitSharesStandard
    ) -> None:
        if self.setup is None:
            raise OutOfTurnError("a share before SetupConnection")
        # Not dropped: shares of a channel that we have just closed are still under way.
        self._say(
            SubmitSharesError(share.channel_id, share.sequence_number, codes.CHANNEL_ID)
        )
