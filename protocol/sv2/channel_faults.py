"""Why a miner's channel is not opened, or stays as it is."""

from protocol.sv2 import codes
from protocol.sv2.channels import ServerChannel, is_hashrate
from protocol.sv2.common import SetupFlag
from protocol.sv2.miner_events import ChannelAsked
from protocol.sv2.mining import UpdateChannel

MAX_CHANNELS = 8192
"""On one connection: a proxy below us may open one for each of its miners."""


def opening_fault(asked: ChannelAsked, flags: int, channels: int) -> str:
    """Return the code of why `asked` cannot be opened; empty if it can.

    Args:
        asked: What the miner wants.
        flags: Of its SetupConnection.
        channels: How many its connection has open.
    """
    # SV2 05: who set the flag opens standard channels alone.
    if asked.min_size is not None and flags & SetupFlag.REQUIRES_STANDARD_JOBS:
        return codes.STANDARD_JOBS_ONLY
    if not is_hashrate(asked.hashrate):
        return codes.HASHRATE
    if asked.max_target == 0:
        return codes.MAX_TARGET
    return codes.NO_ROOM if channels >= MAX_CHANNELS else ""


def update_fault(channel: ServerChannel | None, message: UpdateChannel) -> str:
    """Return the code of why `channel` is not updated; empty if it is.

    None stands for a channel that is not open.
    """
    if channel is None:
        return codes.CHANNEL_ID
    if not is_hashrate(message.nominal_hash_rate):
        return codes.HASHRATE
    return codes.MAX_TARGET if message.maximum_target == 0 else ""
