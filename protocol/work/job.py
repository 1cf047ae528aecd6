"""What a source wants hashed (`Work`) and how a group of miners hears it (`Job`)."""

from typing import NamedTuple, Protocol

import msgspec

from protocol.errors import MalformedMessageError
from protocol.units import Difficulty, JobId

MAX_COINB2_BYTES = 65_535
"""Of a coinbase after the extranonce: what a B0_64K of Stratum V2 carries.

Some miners of a source speak V2, whatever the source speaks: what one of them could
not be told is refused where it comes in. Spec: SV2 05, NewExtendedMiningJob.
"""

MAX_COINB1_BYTES = MAX_COINB2_BYTES - 48
"""Before it: an extranonce1 of 32 B at the most and padding of 16 go behind it."""


class SeenKeys(Protocol):
    """Keys of hashes that were submitted: a set, or what a share engine has."""

    def __contains__(self, key: bytes, /) -> bool:
        """Tell whether `key` was added."""

    def __len__(self) -> int:
        """Return the number of keys."""

    def add(self, key: bytes, /) -> None:
        """Remember `key`."""


class Content(NamedTuple):
    """What two works have in common whose headers can be the same.

    Version, ntime and nonce are rolled, and where the coinbase is cut is our affair:
    headers differ for certain only by the block before, the transactions beside the
    coinbase, and the coinbase's length.
    """

    prev_hash: bytes
    nbits: int
    merkle_branch: tuple[bytes, ...]
    coinbase_size: int


class Work(msgspec.Struct, frozen=True, kw_only=True, eq=False):
    """One job of a source, as that source judges it. Compared by identity.

    Attributes:
        source: Name of the pool or node.
        source_job: The source's own name for it.
        prev_hash: 32 B, internal order.
        coinb1: Coinbase up to `extranonce1`, serialised without witness.
        extranonce1: The source's own bytes of the extranonce; empty for a node.
        extranonce2_size: Bytes that the source leaves to us after `extranonce1`.
        coinb2: Coinbase after the extranonce.
        merkle_branch: 32 B each, internal order.
        version_mask: Version bits that the source lets us roll (BIP 310).
        target: A hash not above it is a share for the source.
        difficulty: The same as a number, for people and sums.
        block_target: A hash not above it is a block that the source takes: a pool's is
            never easier than `target`, whatever the network allows.
        clean: The source wants older jobs dropped.
        max_ntime: Last ntime that the source takes, Unix seconds.
        session: Which connection to the source it came on; unique in a process.
    """

    source: str
    source_job: str
    prev_hash: bytes
    coinb1: bytes
    extranonce1: bytes
    extranonce2_size: int
    coinb2: bytes
    merkle_branch: tuple[bytes, ...]
    version: int
    nbits: int
    ntime: int
    version_mask: int
    target: int
    difficulty: Difficulty
    block_target: int
    clean: bool
    max_ntime: int
    session: int = 0

    @property
    def content(self) -> Content:
        """What decides which other works' shares could be shares of this one."""
        # By its length alone: its bytes differ from miner to miner.
        extranonce_size = len(self.extranonce1) + self.extranonce2_size
        size = len(self.coinb1) + extranonce_size + len(self.coinb2)
        return Content(self.prev_hash, self.nbits, self.merkle_branch, size)

    @property
    def tip(self) -> tuple[bytes, int]:
        """The block that it stands on, and the bits that the next one needs."""
        return self.prev_hash, self.nbits

    @property
    def size(self) -> int:
        """Bytes of what is large in it."""
        return len(self.coinb1) + len(self.coinb2) + 32 * len(self.merkle_branch)

    def is_again(self, other: "Work") -> bool:
        """Return whether the source sends `other` once more, with nothing changed.

        Whether older jobs are to be dropped is not part of a work.
        """
        # As tuples, since works are compared by identity otherwise: each is a key of
        # its own.
        same = msgspec.structs.replace(other, clean=self.clean)
        return msgspec.structs.astuple(self) == msgspec.structs.astuple(same)


def check_coinbase(coinb1: bytes, coinb2: bytes) -> None:
    """Refuse a coinbase that not every miner can be told.

    Raises:
        MalformedMessageError: A part is too long.
    """
    for part, size, most in (
        ("before", len(coinb1), MAX_COINB1_BYTES),
        ("after", len(coinb2), MAX_COINB2_BYTES),
    ):
        if size > most:
            raise MalformedMessageError(
                f"coinbase of {size} B {part} the extranonce > {most} B"
            )


class Job(msgspec.Struct, frozen=True, kw_only=True, eq=False):
    """One revision of a `Work` for one group of miners: what they hash and we judge.

    A row that a share engine can copy: nothing in it changes, but for `seen`.

    Attributes:
        id: Its name towards miners; never used twice in the life of a process.
        seq: Grows with every job of a site: orders jobs in time.
        coinb1: The work's coinb1, its extranonce1 and our `padding`.
        padding: Our constant bytes between extranonce1 and slot; the group's number.
        room: Bytes between `coinb1` and the work's coinb2: a miner's slot and what it
            rolls. Slots of one job need not be of one length.
        ntime: At or after the work's.
        clean: Miners shall drop older jobs.
        ceiling: Highest difficulty that a miner may be asked for: the source's,
            rounded down to a power of two where it is above 1.
        seen: First 16 B of the hash of every share so far, for all jobs of the site
            whose works have the same `content`. The judge adds to it.
    """

    id: JobId
    seq: int
    work: Work
    coinb1: bytes
    padding: bytes
    room: int
    ntime: int
    clean: bool
    ceiling: Difficulty
    seen: SeenKeys
