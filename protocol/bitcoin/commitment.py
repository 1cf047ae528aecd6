"""The witness commitment that a block's coinbase carries (BIP 141)."""

from collections.abc import Sequence

from protocol.bitcoin.hashes import sha256d
from protocol.bitcoin.merkle import branch_of_coinbase, root_from_branch

_HEADER = bytes.fromhex("6a24aa21a9ed")  # OP_RETURN, 36 bytes, the magic number
_RESERVED = bytes(32)


def witness_commitment(wtxids: Sequence[bytes]) -> bytes:
    """Return the scriptPubKey that commits to a block's witnesses.

    Args:
        wtxids: Of all transactions but the coinbase, 32 B each, internal order.
    """
    # The coinbase's own wtxid counts as zeros, since it holds the commitment (BIP 141).
    root = root_from_branch(bytes(32), branch_of_coinbase(wtxids))
    return _HEADER + sha256d(root + _RESERVED)
