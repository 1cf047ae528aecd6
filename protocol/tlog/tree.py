"""Merkle trees: hashes, roots, proofs that a leaf is in one, that one extends another.

Hashes are 32 B, SHA-256. A proof is made from complete subtrees alone: `HashAt(level,
index)` gives the root of the 2**level leaves from index << level on.
Source: RFC 6962, section 2.1; the two checks are RFC 9162, 2.1.3.2 and 2.1.4.2.
"""

from collections.abc import Callable, Sequence
from hashlib import sha256

from attrs import define, field

from protocol.errors import MalformedMessageError

HASH_BYTES = 32

EMPTY_ROOT = sha256(b"").digest()

MAX_PROOF = 63
"""Hashes of a proof: sizes are below 2**63. Source: c2sp.org/tlog-witness."""

HashAt = Callable[[int, int], bytes]


class ProofError(MalformedMessageError):
    """A proof that does not hold."""


def leaf_hash(data: bytes) -> bytes:
    """Return the hash of a leaf."""
    return sha256(b"\x00" + data).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """Return the hash of a node over two subtrees."""
    return sha256(b"\x01" + left + right).digest()


def complete_root(hashes: Sequence[bytes]) -> bytes:
    """Return the root over `hashes`, a power of two of them."""
    row = list(hashes)
    while len(row) > 1:
        pairs = zip(row[::2], row[1::2], strict=True)
        row = [sha256(b"\x01" + left + right).digest() for left, right in pairs]
    return row[0]


def peaks(hashes: Sequence[bytes]) -> list[bytes]:
    """Return the roots of the complete subtrees over `hashes`, the largest first."""
    found, begin = [], 0
    for bit in reversed(range(len(hashes).bit_length())):
        if len(hashes) >> bit & 1:
            found.append(complete_root(hashes[begin : begin + (1 << bit)]))
            begin += 1 << bit
    return found


def folded(found: Sequence[bytes]) -> bytes:
    """Return the root of the tree whose complete subtrees these are, largest first."""
    if not found:
        return EMPTY_ROOT
    root = found[-1]
    for peak in reversed(found[:-1]):
        root = node_hash(peak, root)
    return root


@define(eq=False, repr=False)
class Frontier:
    """A tree that only grows: one hash for each bit of its size.

    Attributes:
        size: Leaves.
    """

    size: int = 0
    _levels: list[bytes | None] = field(factory=list, init=False)

    def append(self, hash_: bytes, level: int = 0) -> None:
        """Add a complete subtree of 2**level leaves.

        Raises:
            ValueError: It does not begin where one of that size can.
        """
        if self.size % (1 << level):
            raise ValueError(f"no subtree of level {level} begins at {self.size}")
        self.size += 1 << level
        self._levels.extend([None] * (level + 1 - len(self._levels)))
        while (left := self._levels[level]) is not None:
            hash_, self._levels[level] = node_hash(left, hash_), None
            level += 1
            if level == len(self._levels):
                self._levels.append(None)
        self._levels[level] = hash_

    def root(self) -> bytes:
        """Return the root of all that was added."""
        return folded([h for h in reversed(self._levels) if h is not None])

    @property
    def peaks(self) -> list[bytes]:
        """The roots of its complete subtrees, the largest first."""
        return [h for h in reversed(self._levels) if h is not None]


def split_of(size: int) -> int:
    """Return the largest power of two below `size`, 2 or more: a tree's left side."""
    return 1 << ((size - 1).bit_length() - 1)


def range_hash(begin: int, end: int, hash_at: HashAt) -> bytes:
    """Return the root over the leaves from `begin` to `end`.

    They are what some step of the recursion of RFC 6962, 2.1, comes to.
    """
    size = end - begin
    if size == 0:
        return EMPTY_ROOT
    if size & (size - 1) == 0:
        level = size.bit_length() - 1
        return hash_at(level, begin >> level)
    middle = begin + split_of(size)
    left = range_hash(begin, middle, hash_at)
    return node_hash(left, range_hash(middle, end, hash_at))


def inclusion(index: int, size: int, hash_at: HashAt) -> list[bytes]:
    """Return the proof that the leaf `index` is in the tree of `size`.

    Source: RFC 6962, 2.1.1.

    Raises:
        ValueError: The tree has no such leaf.
    """
    if not 0 <= index < size:
        raise ValueError(f"no leaf {index} in a tree of {size}")
    found: list[bytes] = []
    begin, end = 0, size
    while end - begin > 1:
        middle = begin + split_of(end - begin)
        if index < middle:
            found.append(range_hash(middle, end, hash_at))
            end = middle
        else:
            found.append(range_hash(begin, middle, hash_at))
            begin = middle
    return found[::-1]


def consistency(old: int, size: int, hash_at: HashAt) -> list[bytes]:
    """Return the proof that the tree of `size` begins with the tree of `old`.

    Source: RFC 6962, 2.1.2.

    Raises:
        ValueError: It is smaller.
    """
    if not 0 <= old <= size:
        raise ValueError(f"a tree of {size} does not begin with one of {old}")
    if old in {0, size}:
        return []
    found: list[bytes] = []
    begin, end = 0, size
    while end != old:
        middle = begin + split_of(end - begin)
        if old <= middle:
            found.append(range_hash(middle, end, hash_at))
            end = middle
        else:
            found.append(range_hash(begin, middle, hash_at))
            begin = middle
    if begin:  # else it is the old root itself, which the other side has
        found.append(range_hash(begin, end, hash_at))
    return found[::-1]


def check_inclusion(
    index: int, size: int, leaf: bytes, proof: Sequence[bytes], root: bytes
) -> None:
    """Check that a leaf is in a tree.

    Args:
        index: Where it shall be.
        size: Leaves of the tree.
        leaf: Its hash.
        proof: From `inclusion`.
        root: Of the tree.

    Raises:
        ProofError: It is not, as far as this proof shows.
    """
    if not 0 <= index < size:
        raise ProofError(f"no leaf {index} in a tree of {size}")
    node, last, found = index, size - 1, leaf
    for step in proof:
        if last == 0:
            raise ProofError("an inclusion proof that is too long")
        if node & 1 or node == last:
            found = node_hash(step, found)
            while not node & 1 and node:
                node, last = node >> 1, last >> 1
        else:
            found = node_hash(found, step)
        node, last = node >> 1, last >> 1
    if last:
        raise ProofError("an inclusion proof that is too short")
    if found != root:
        raise ProofError(f"leaf {index} is not in the tree with this root")


def check_consistency(
    old: int, size: int, proof: Sequence[bytes], old_root: bytes, root: bytes
) -> None:
    """Check that a tree begins with another.

    Raises:
        ProofError: It does not, as far as this proof shows.
    """
    if not 0 <= old <= size:
        raise ProofError(f"a tree of {size} does not begin with one of {old}")
    if old in {0, size}:
        if proof:
            raise ProofError("a consistency proof where none is needed")
        if old == 0 and old_root != EMPTY_ROOT:
            raise ProofError("an empty tree with another root than that of nothing")
        if old == size and old_root != root:
            raise ProofError(f"two roots of a tree of {old}")
        return
    if not proof:
        raise ProofError("no consistency proof")
    steps = list(proof)
    if old & (old - 1) == 0:
        steps.insert(0, old_root)
    before, after = _climbed(old, size, steps)
    if before != old_root or after != root:
        raise ProofError(f"the tree of {size} does not begin with that of {old}")


def _climbed(old: int, size: int, steps: list[bytes]) -> tuple[bytes, bytes]:
    """Return both roots that the steps come to. Source: RFC 9162, 2.1.4.2, 5 to 7."""
    node, last = old - 1, size - 1
    while node & 1:
        node, last = node >> 1, last >> 1
    before = after = steps[0]
    for step in steps[1:]:
        if last == 0:
            raise ProofError("a consistency proof that is too long")
        if node & 1 or node == last:
            before, after = node_hash(step, before), node_hash(step, after)
            while not node & 1 and node:
                node, last = node >> 1, last >> 1
        else:
            after = node_hash(after, step)
        node, last = node >> 1, last >> 1
    if last:
        raise ProofError("a consistency proof that is too short")
    return before, after
