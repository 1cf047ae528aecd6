"""Whole blocks, as submitblock takes them."""

from collections.abc import Sequence

from protocol.bitcoin.coinbase import with_witness
from protocol.bitcoin.serialize import compact_size


def assemble_block(
    header: bytes,
    coinbase: bytes,
    transactions: Sequence[bytes],
    *,
    has_witness: bool = True,
) -> bytes:
    """Return a block's bytes.

    Args:
        header: 80 B.
        coinbase: Stripped of its witness, as it was hashed.
        transactions: The others, whole, in the order of the merkle tree.
        has_witness: The coinbase commits to witnesses, so it needs its own.
    """
    first = with_witness(coinbase) if has_witness else coinbase
    count = compact_size(1 + len(transactions))
    return b"".join((header, count, first, *transactions))
