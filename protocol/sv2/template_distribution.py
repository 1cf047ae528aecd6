"""Messages of the template distribution protocol. Spec: SV2 07."""

from protocol.sv2.message import Message, message
from protocol.sv2.types import (
    U16,
    U32,
    U64,
    Blobs,
    Bool,
    Bytes64K,
    Bytes255,
    Code,
    Hash,
    Hashes255,
    Target,
)


@message(0x70)
class CoinbaseOutputConstraints(Message, frozen=True):
    """Room that templates shall leave for outputs of the client's."""

    coinbase_output_max_additional_size: U32
    coinbase_output_max_additional_sigops: U16


@message(0x71)
class NewTemplate(Message, frozen=True):
    """Transactions to mine, and what the coinbase must have."""

    template_id: U64
    future_template: Bool
    version: U32
    coinbase_tx_version: U32
    coinbase_prefix: Bytes255
    coinbase_tx_input_sequence: U32
    coinbase_tx_value_remaining: U64
    coinbase_tx_outputs_count: U32
    coinbase_tx_outputs: Bytes64K
    coinbase_tx_locktime: U32
    merkle_path: Hashes255


@message(0x72)
class SetNewPrevHash(Message, frozen=True):
    """Starts a future template on a new block; not the mining protocol's."""

    template_id: U64
    prev_hash: Hash
    header_timestamp: U32
    nbits: U32
    target: Target


@message(0x73)
class RequestTransactionData(Message, frozen=True):
    """A client wants the transactions of a template."""

    template_id: U64


@message(0x74)
class RequestTransactionDataSuccess(Message, frozen=True):
    """Here they are."""

    template_id: U64
    excess_data: Bytes64K
    transaction_list: Blobs


@message(0x75)
class RequestTransactionDataError(Message, frozen=True):
    """The template is unknown or too old."""

    template_id: U64
    error_code: Code


@message(0x76)
class SubmitSolution(Message, frozen=True):
    """A block was found; `coinbase_tx` has its witness."""

    template_id: U64
    version: U32
    header_timestamp: U32
    header_nonce: U32
    coinbase_tx: Bytes64K
