"""Search for shares as an ASIC does, with every hash really made.

The order of the search: 4,096 nonces, then the next version bits, then the next
extranonce2, then the next nonces. ntime follows real time and is never relied on to
tell two headers apart.
"""

import struct
from hashlib import sha256

import msgspec
from attrs import define, field

from protocol.bitcoin.hashes import sha256d
from protocol.bitcoin.merkle import root_from_branch
from protocol.bitcoin.target import target_from_difficulty
from protocol.units import Difficulty, HashesPerSecond, Seconds

HASHES_PER_DIFFICULTY = float(1 << 32)
SCALE_DIFFICULTY = Difficulty(2.0**-20)
"""Difficulty at which the default scale is defined."""

SCALE_SHARES_PER_MINUTE = 20.0
S21_HASHRATE = HashesPerSecond(200e12)
"""Nameplate of an Antminer S21."""

DEFAULT_HASH_SCALE = (
    SCALE_SHARES_PER_MINUTE / 60.0 * SCALE_DIFFICULTY * HASHES_PER_DIFFICULTY
) / S21_HASHRATE
"""A simulated S21 makes 1,365 hashes a second: 20 shares a minute at 2**-20."""

STRIDE = 4096
"""Nonces that are tried before anything else is rolled."""

MAX_NTIME_ROLL = 7000
"""Seconds that ntime may run ahead of its job: the bound that ckpool checks."""

_NONCE_BLOCKS = (1 << 32) // STRIDE
_LOW_BITS = 16
_LOW_MASK = (1 << _LOW_BITS) - 1
_HIGH_HALVES = tuple(struct.pack("<H", high) for high in range(1 << 16))
_EMPTY = sha256()
_pack_u16 = struct.Struct("<H").pack
_pack_u32 = struct.Struct("<I").pack
_pack_tail = struct.Struct("<4sII").pack


class WorkOrder(msgspec.Struct, frozen=True):
    """A mining.notify, decoded, with the extranonce1 it is to be hashed with.

    Attributes:
        prev_hash: 32 B, internal order.
        merkle_branch: 32 B each, internal order.
        version: As the job has it, nothing rolled.
    """

    job_id: str
    prev_hash: bytes
    coinb1: bytes
    coinb2: bytes
    merkle_branch: tuple[bytes, ...]
    version: int
    nbits: int
    ntime: int
    extranonce1: bytes
    extranonce2_size: int


class FoundShare(msgspec.Struct, frozen=True):
    """A proof of work that was searched for and found.

    Attributes:
        version_bits: The rolled bits alone, within the mask.
        hash: 32 B, internal order.
    """

    job_id: str
    extranonce2: bytes
    ntime: int
    nonce: int
    version_bits: int
    hash: bytes


def header_of(
    order: WorkOrder, extranonce2: bytes, version: int, ntime: int, nonce: int
) -> bytes:
    """Return the 80-byte block header. Layout: Bitcoin Core, CBlockHeader."""
    root = root_from_branch(
        sha256d(order.coinb1 + order.extranonce1 + extranonce2 + order.coinb2),
        order.merkle_branch,
    )
    return (
        _pack_u32(version)
        + order.prev_hash
        + root
        + struct.pack("<III", ntime, order.nbits, nonce)
    )


def spread_bits(value: int, mask: int) -> int:
    """Return the low bits of `value` placed, in order, where `mask` has ones."""
    bits = 0
    while mask:
        lowest = mask & -mask
        if value & 1:
            bits |= lowest
        mask ^= lowest
        value >>= 1
    return bits


@define
class Search:
    """The search through one job: never the same header twice.

    Attributes:
        order: What is hashed.
        mask: Version bits that may be rolled; see `change_mask`.
        seed: Where in the space to begin; anything.
        started: When the job came, on the clock that `run` is told.
    """

    order: WorkOrder
    mask: int
    seed: int
    started: Seconds
    is_exhausted: bool = field(default=False, init=False)
    _version_at: int = field(default=0, init=False)
    _extranonce2_at: int = field(default=0, init=False)
    _block_at: int = field(default=0, init=False)
    _nonce_at: int = field(default=0, init=False)
    _extranonce2: bytes = field(default=b"", init=False)
    _root: bytes = field(default=b"", init=False)
    _version_bits: int = field(default=0, init=False)

    def __attrs_post_init__(self) -> None:
        self._enter_extranonce2()

    def run(
        self, hashes: int, difficulty: Difficulty, now: Seconds
    ) -> list[FoundShare]:
        """Make `hashes` hashes, fewer if the space ends, and return the shares."""
        target = target_from_difficulty(difficulty)
        rolled = min(int(now - self.started), MAX_NTIME_ROLL)
        ntime = self.order.ntime + max(rolled, 0)
        found: list[FoundShare] = []
        while hashes > 0 and not self.is_exhausted:
            count = min(hashes, STRIDE - self._nonce_at)
            self._run_stride(count, target, ntime, found)
            hashes -= count
            self._nonce_at += count
            if self._nonce_at == STRIDE:
                self._next_stride()
        return found

    def change_mask(self, mask: int) -> None:
        """Roll the bits of `mask` from now on."""
        self.mask = mask
        self._version_at = 0
        self._nonce_at = 0
        self._next_extranonce2()

    def _run_stride(
        self, count: int, target: int, ntime: int, found: list[FoundShare]
    ) -> None:
        block = (self.seed + self._block_at) % _NONCE_BLOCKS
        low, first = block & _LOW_MASK, (block >> _LOW_BITS) * STRIDE + self._nonce_at
        base = sha256(self._head())
        base.update(_pack_tail(self._root[28:], ntime, self.order.nbits))
        base.update(_pack_u16(low))
        top = target >> 248
        copy, fresh = base.copy, _EMPTY.copy
        for high in _HIGH_HALVES[first : first + count]:
            inner = copy()
            inner.update(high)
            outer = fresh()  # copying beats constructing: 0.60 us a hash, not 1.04
            outer.update(inner.digest())
            digest = outer.digest()
            if digest[31] <= top and int.from_bytes(digest, "little") <= target:
                nonce = int.from_bytes(high, "little") << _LOW_BITS | low
                found.append(self._share(ntime, nonce, digest))

    def _head(self) -> bytes:
        version = self.order.version & ~self.mask | self._version_bits
        return _pack_u32(version) + self.order.prev_hash + self._root[:28]

    def _share(self, ntime: int, nonce: int, digest: bytes) -> FoundShare:
        return FoundShare(
            self.order.job_id,
            self._extranonce2,
            ntime,
            nonce,
            self._version_bits,
            digest,
        )

    def _next_stride(self) -> None:
        self._nonce_at = 0
        self._version_at += 1
        if self._version_at < 1 << self.mask.bit_count():
            self._enter_version()
            return
        self._version_at = 0
        self._next_extranonce2()

    def _next_extranonce2(self) -> None:
        self._extranonce2_at += 1
        if self._extranonce2_at == 1 << 8 * self.order.extranonce2_size:
            self._extranonce2_at = 0
            self._block_at += 1
        self.is_exhausted = self._block_at == _NONCE_BLOCKS
        self._enter_extranonce2()

    def _enter_extranonce2(self) -> None:
        size = self.order.extranonce2_size
        value = (self.seed + self._extranonce2_at) % (1 << 8 * size)
        self._extranonce2 = value.to_bytes(size, "big")
        coinbase = (
            self.order.coinb1
            + self.order.extranonce1
            + self._extranonce2
            + self.order.coinb2
        )
        self._root = root_from_branch(sha256d(coinbase), self.order.merkle_branch)
        self._enter_version()

    def _enter_version(self) -> None:
        self._version_bits = spread_bits(self.seed + self._version_at, self.mask)
