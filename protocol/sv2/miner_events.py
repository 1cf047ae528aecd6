"""What a miner's side of the conversation asks of us, as values."""

import msgspec

from protocol.sv2.channels import ServerChannel


class ChannelAsked(msgspec.Struct, frozen=True):
    """It wants a channel: open or refuse it.

    Attributes:
        user: As it names its worker; anything that UTF-8 can spell.
        hashrate: Hashes per second as it says, finite and not negative.
        max_target: It cannot work at an easier one.
        min_size: Bytes of extranonce that it needs to roll; None: a standard
            channel, which rolls none.
    """

    request_id: int
    user: str
    hashrate: float
    max_target: int
    min_size: int | None


class ShareSubmitted(msgspec.Struct):
    """A share, on an open channel.

    Attributes:
        sequence: To be named in the answer.
        extranonce2: All that follows our slot, what we fixed of it included.
        version: The whole header's.
        worker: Whose it is where the channel is a proxy's; else None.
    """

    channel: ServerChannel
    sequence: int
    job_id: int
    extranonce2: bytes
    ntime: int
    nonce: int
    version: int
    worker: str | None


class ChannelUpdated(msgspec.Struct, frozen=True):
    """Its hashrate, or the easiest target that it can work at, is another."""

    channel: ServerChannel
    hashrate: float
    max_target: int


class ChannelClosed(msgspec.Struct, frozen=True):
    """It wants no more work on this channel, which is closed already."""

    channel: ServerChannel


class SetupRefused(msgspec.Struct, frozen=True):
    """It has been told that we cannot serve it: hang up once that is sent."""

    why: str


MinerEvent = (
    ChannelAsked | ShareSubmitted | ChannelUpdated | ChannelClosed | SetupRefused
)
