"""Merkle branches: how a coinbase reaches the root of its block."""

from collections.abc import Sequence
from hashlib import sha256

from protocol.bitcoin.hashes import sha256d


def root_from_branch(coinbase_txid: bytes, branch: Sequence[bytes]) -> bytes:
    """Fold `branch` onto `coinbase_txid`; all hashes are 32 B in internal order."""
    root = coinbase_txid
    for sibling in branch:  # not sha256d(): a call less, twelve times a share
        root = sha256(sha256(root + sibling).digest()).digest()
    return root


def branch_of_coinbase(txids: Sequence[bytes]) -> tuple[bytes, ...]:
    """Return the siblings on the way from the first transaction to the root.

    Args:
        txids: Internal order, without the coinbase's own.
    """
    level: list[bytes] = list(txids)
    branch: list[bytes] = []
    while level:
        # The coinbase's way is the leftmost: its sibling stands first at every level.
        branch.append(level[0])
        rest = level[1:]
        # An odd level pairs its last with itself: consensus, though two lists of
        # transactions have one root by it (CVE-2012-2459).
        if len(rest) % 2:
            rest.append(rest[-1])
        level = [sha256d(a + b) for a, b in zip(rest[::2], rest[1::2], strict=True)]
    return tuple(branch)
