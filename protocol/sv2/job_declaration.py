"""Messages of the job declaration protocol. Spec: SV2 06."""

from enum import IntFlag

from protocol.sv2.message import Message, message
from protocol.sv2.types import (
    U32,
    Blobs,
    Bytes64K,
    Bytes255,
    Code,
    Extranonce,
    Hash,
    Hashes64K,
    Text,
    U16s,
)


class DeclarationFlag(IntFlag):
    """What a client can do, in SetupConnection."""

    DECLARE_TX_DATA = 1


@message(0x50)
class AllocateMiningJobToken(Message, frozen=True):
    """A client wants to declare a job."""

    user_identifier: Text
    request_id: U32


@message(0x51)
class AllocateMiningJobTokenSuccess(Message, frozen=True):
    """It may, with these outputs of the coinbase."""

    request_id: U32
    mining_job_token: Bytes255
    coinbase_tx_outputs: Bytes64K


@message(0x55)
class ProvideMissingTransactions(Message, frozen=True):
    """The server lacks transactions, by their place in the declared list."""

    request_id: U32
    unknown_tx_position_list: U16s


@message(0x56)
class ProvideMissingTransactionsSuccess(Message, frozen=True):
    """Here they are."""

    request_id: U32
    transaction_list: Blobs


@message(0x57)
class DeclareMiningJob(Message, frozen=True):
    """What the client would mine."""

    request_id: U32
    mining_job_token: Bytes255
    version: U32
    coinbase_tx_prefix: Bytes64K
    coinbase_tx_suffix: Bytes64K
    wtxid_list: Hashes64K
    excess_data: Bytes64K


@message(0x58)
class DeclareMiningJobSuccess(Message, frozen=True):
    """It may be mined, under this token."""

    request_id: U32
    new_mining_job_token: Bytes255


@message(0x59)
class DeclareMiningJobError(Message, frozen=True):
    """It is refused."""

    request_id: U32
    error_code: Code
    error_details: Bytes64K


@message(0x60)
class PushSolution(Message, frozen=True):
    """A block of the declared job was found."""

    extranonce: Extranonce
    prev_hash: Hash
    nonce: U32
    ntime: U32
    nbits: U32
    version: U32
