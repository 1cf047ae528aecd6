"""Messages of the mining protocol: channels, jobs and shares. Spec: SV2 05."""

from protocol.sv2.by_hand import read_extended, read_standard, write_success
from protocol.sv2.message import ByHand, Message, message
from protocol.sv2.types import (
    F32,
    U16,
    U32,
    U64,
    Bool,
    Bytes64K,
    Bytes255,
    Code,
    Extranonce,
    Hash,
    Hashes255,
    LateU32,
    OptionU32,
    Target,
    Text,
    Trailing,
    U32s,
)


@message(0x10)
class OpenStandardMiningChannel(Message, frozen=True):
    """A client wants a channel whose miner rolls only header fields.

    Attributes:
        nominal_hash_rate: Hashes per second.
        max_target: It cannot work at an easier target.
    """

    request_id: U32
    user_identity: Text
    nominal_hash_rate: F32
    max_target: Target


@message(0x11)
class OpenStandardMiningChannelSuccess(Message, frozen=True):
    """The channel is open; its coinbase has `extranonce_prefix` and nothing else."""

    request_id: U32
    channel_id: U32
    target: Target
    extranonce_prefix: Extranonce
    group_channel_id: U32


@message(0x12)
class OpenMiningChannelError(Message, frozen=True):
    """No channel."""

    request_id: U32
    error_code: Code


@message(0x13)
class OpenExtendedMiningChannel(Message, frozen=True):
    """A client wants a channel in which it rolls an extranonce.

    Attributes:
        nominal_hash_rate: Hashes per second.
        max_target: It cannot work at an easier target.
        min_extranonce_size: Bytes that it needs to roll.
    """

    request_id: U32
    user_identity: Text
    nominal_hash_rate: F32
    max_target: Target
    min_extranonce_size: U16


@message(0x14)
class OpenExtendedMiningChannelSuccess(Message, frozen=True):
    """The channel is open.

    Attributes:
        extranonce_size: Bytes that the client rolls, after the prefix.
        group_channel_id: None from servers older than December 2025.
    """

    request_id: U32
    channel_id: U32
    target: Target
    extranonce_size: U16
    extranonce_prefix: Extranonce
    group_channel_id: LateU32


@message(0x15, is_channel=True)
class NewMiningJob(Message, frozen=True):
    """Work for a standard channel.

    Attributes:
        min_ntime: None makes it a future job: SetNewPrevHash will start it.
    """

    channel_id: U32
    job_id: U32
    min_ntime: OptionU32
    version: U32
    merkle_root: Hash


@message(0x16, is_channel=True)
class UpdateChannel(Message, frozen=True):
    """A client's hashrate, or the easiest target it can work at, has changed."""

    channel_id: U32
    nominal_hash_rate: F32
    maximum_target: Target


@message(0x17, is_channel=True)
class UpdateChannelError(Message, frozen=True):
    """The change is refused."""

    channel_id: U32
    error_code: Code


@message(0x18, is_channel=True)
class CloseChannel(Message, frozen=True):
    """The channel, or each of the group, ends."""

    channel_id: U32
    reason_code: Code


@message(0x19, is_channel=True)
class SetExtranoncePrefix(Message, frozen=True):
    """Jobs sent from here on have another prefix of the same length."""

    channel_id: U32
    extranonce_prefix: Extranonce


@message(0x1A, is_channel=True, by_hand=ByHand(read=read_standard))
class SubmitSharesStandard(Message, frozen=True):
    """A share of a standard channel; `version` is that of the whole header."""

    channel_id: U32
    sequence_number: U32
    job_id: U32
    nonce: U32
    ntime: U32
    version: U32


@message(0x1B, is_channel=True, by_hand=ByHand(read=read_extended))
class SubmitSharesExtended(Message, frozen=True):
    """A share of an extended channel.

    Attributes:
        trailing: TLVs, the worker's name among them (extension 0x0002).
    """

    channel_id: U32
    sequence_number: U32
    job_id: U32
    nonce: U32
    ntime: U32
    version: U32
    extranonce: Extranonce
    trailing: Trailing = b""


@message(0x1C, is_channel=True, by_hand=ByHand(write=write_success))
class SubmitSharesSuccess(Message, frozen=True):
    """Shares since the last of these are accepted.

    Attributes:
        last_sequence_number: Of the newest of them.
        new_submits_accepted_count: How many they are.
        new_shares_sum: Their difficulties, added.
    """

    channel_id: U32
    last_sequence_number: U32
    new_submits_accepted_count: U32
    new_shares_sum: U64


@message(0x1D, is_channel=True)
class SubmitSharesError(Message, frozen=True):
    """A share is refused."""

    channel_id: U32
    sequence_number: U32
    error_code: Code


# 0x1E is reserved in the specification's table.
@message(0x1F, is_channel=True)
class NewExtendedMiningJob(Message, frozen=True):
    """Work for an extended channel, or for all channels of a group.

    The coinbase, serialised without witness, is prefix, extranonce_prefix,
    extranonce, suffix.

    Attributes:
        min_ntime: None makes it a future job: SetNewPrevHash will start it.
    """

    channel_id: U32
    job_id: U32
    min_ntime: OptionU32
    version: U32
    version_rolling_allowed: Bool
    merkle_path: Hashes255
    coinbase_tx_prefix: Bytes64K
    coinbase_tx_suffix: Bytes64K


@message(0x20, is_channel=True)
class SetNewPrevHash(Message, frozen=True):
    """Starts the future job `job_id` on a new block; all other jobs are over."""

    channel_id: U32
    job_id: U32
    prev_hash: Hash
    min_ntime: U32
    nbits: U32


@message(0x21, is_channel=True)
class SetTarget(Message, frozen=True):
    """The target of jobs that start from here on."""

    channel_id: U32
    maximum_target: Target


@message(0x22, is_channel=True)
class SetCustomMiningJob(Message, frozen=True):
    """A client that selects its own transactions announces its job."""

    channel_id: U32
    request_id: U32
    mining_job_token: Bytes255
    version: U32
    prev_hash: Hash
    min_ntime: U32
    nbits: U32
    coinbase_tx_version: U32
    coinbase_prefix: Bytes255
    coinbase_tx_input_nsequence: U32
    coinbase_tx_outputs: Bytes64K
    coinbase_tx_locktime: U32
    merkle_path: Hashes255


@message(0x23, is_channel=True)
class SetCustomMiningJobSuccess(Message, frozen=True):
    """The job may be mined."""

    channel_id: U32
    request_id: U32
    job_id: U32


@message(0x24, is_channel=True)
class SetCustomMiningJobError(Message, frozen=True):
    """The job is refused."""

    channel_id: U32
    request_id: U32
    error_code: Code


# Without the channel bit, though it is about channels: it names many (SV2 05).
@message(0x25)
class SetGroupChannel(Message, frozen=True):
    """These channels belong to the group from here on."""

    group_channel_id: U32
    channel_ids: U32s
