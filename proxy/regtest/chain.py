"""A regtest chain that serves templates, takes blocks and mines some itself."""

from collections.abc import Callable
from itertools import count
from pathlib import Path
from tempfile import TemporaryDirectory

from attrs import define, evolve, field

from protocol.bitcoin.block import assemble_block
from protocol.bitcoin.coinbase import Output, split_coinbase
from protocol.bitcoin.commitment import witness_commitment
from protocol.bitcoin.hashes import sha256d
from protocol.bitcoin.header import HEADER_BYTES, Header, parse_header
from protocol.bitcoin.merkle import branch_of_coinbase, root_from_branch
from protocol.bitcoin.target import target_from_nbits
from protocol.units import UnixTime
from proxy.regtest.kernel import RegtestKernel, open_kernel
from proxy.regtest.pace import NBITS
from proxy.regtest.transactions import CoinIndex, TransactionPool, carry_over

BLOCK_VERSION = 0x20000000

_SUBSIDY = 50 * 100_000_000
_HALVING_INTERVAL = 150
_EXTRANONCE_BYTES = 8


def subsidy(height: int) -> int:
    """Return the satoshis that a block at `height` may create."""
    return _SUBSIDY >> height // _HALVING_INTERVAL


@define
class RegtestChain:
    """The chain, its coins, and the transactions for the next block.

    Attributes:
        pool: Transactions for the next block.
        changes: Grows whenever another template would be served.
    """

    _kernel: RegtestKernel
    _wall_clock: Callable[[], UnixTime]
    _on_tip: Callable[[bytes], None]
    pool: TransactionPool = field(init=False)
    changes: int = field(default=0, init=False)
    _coins: CoinIndex = field(factory=CoinIndex, init=False)
    _extranonces: "count[int]" = field(factory=lambda: count(1), init=False)

    def __attrs_post_init__(self) -> None:
        self._read_coins()
        self.pool = self._new_pool()

    @property
    def kernel(self) -> RegtestKernel:
        """The chain itself, for reading."""
        return self._kernel

    @property
    def now(self) -> UnixTime:
        """Wall time."""
        return self._wall_clock()

    @property
    def min_ntime(self) -> int:
        """First valid time of the next block, Unix seconds."""
        return self._kernel.median_time() + 1

    @property
    def ntime(self) -> int:
        """Time to start the next block from: now, unless that is too early."""
        return max(self.min_ntime, int(self.now))

    @property
    def reward(self) -> int:
        """Satoshis that the next coinbase may spend."""
        fees = sum(waiting.fee for waiting in self.pool.transactions)
        return subsidy(self._kernel.height + 1) + fees

    @property
    def commitment(self) -> bytes:
        """Witness commitment of the next block with all of the pool."""
        return witness_commitment([w.wtxid for w in self.pool.transactions])

    def submit(self, raw: bytes) -> str | None:
        """Take a block in; return what submitblock answers."""
        before = self._kernel.tip
        verdict = self._kernel.process(raw)
        if self._kernel.tip != before:
            self._tip_moved(before)
        return verdict

    def propose(self, raw: bytes) -> str | None:
        """Return what the kernel would say to a block with proof of work.

        Asked on a throwaway copy, of the same block with a nonce that fits.
        """
        header = parse_header(raw)
        if header.prev_hash != self._kernel.tip:
            return "inconclusive-not-best-prevblk"
        worked = _with_work(header).packed + raw[HEADER_BYTES:]
        with TemporaryDirectory(prefix="baseload-proposal-") as directory:
            twin = self._kernel.copy(Path(directory))
            try:
                return twin.process(worked)
            finally:
                twin.close()

    def send(self, raw: bytes) -> bytes:
        """Take a transaction into the pool; return its txid, internal order.

        Raises:
            TransactionRefusedError: No block could take it now.
        """
        txid = self.pool.add(raw)
        self.changes += 1
        return txid

    def mine(self, script: bytes, blocks: int) -> list[bytes]:
        """Mine `blocks` blocks that pay to `script`; return their hashes.

        Their times end at the present: the chain's clock does not run ahead.
        """
        now = int(self.now)
        return [
            self._mine_one(script, max(self.min_ntime, now - left))
            for left in reversed(range(blocks))
        ]

    def close(self) -> None:
        """Close the kernel."""
        self._kernel.close()

    def _mine_one(self, script: bytes, ntime: int) -> bytes:
        waiting = self.pool.transactions
        coinb1, coinb2 = split_coinbase(
            self._kernel.height + 1,
            (Output(self.reward, script),),
            commitment=self.commitment,
            tag=b"",
            extranonce_bytes=_EXTRANONCE_BYTES,
        )
        extranonce = next(self._extranonces).to_bytes(_EXTRANONCE_BYTES, "big")
        coinbase = coinb1 + extranonce + coinb2
        branch = branch_of_coinbase([w.txid for w in waiting])
        root = root_from_branch(sha256d(coinbase), branch)
        header = _with_work(
            Header(BLOCK_VERSION, self._kernel.tip, root, ntime, NBITS, 0)
        )
        raw = assemble_block(header.packed, coinbase, [w.raw for w in waiting])
        verdict = self.submit(raw)
        if verdict is not None:
            raise RuntimeError(f"our own block is refused: {verdict}")
        return header.hash

    def _tip_moved(self, before: bytes) -> None:
        height = self._kernel.height
        if self._kernel.header_at(height).prev_hash == before:
            self._coins.connect(self._kernel.block_at(height), height)
        else:
            self._read_coins()
        waiting = self.pool.transactions
        self.pool = self._new_pool()
        carry_over(self.pool, waiting)
        self.changes += 1
        self._on_tip(self._kernel.tip)

    def _new_pool(self) -> TransactionPool:
        kernel = self._kernel
        return TransactionPool(self._coins, kernel.height + 1, kernel.median_time())

    def _read_coins(self) -> None:
        """Start over: at opening, and after a reorganisation."""
        self._coins = CoinIndex()
        for height in range(1, self._kernel.height + 1):
            self._coins.connect(self._kernel.block_at(height), height)


def open_chain(
    directory: Path,
    *,
    in_memory: bool,
    wall_clock: Callable[[], UnixTime],
    on_tip: Callable[[bytes], None],
) -> RegtestChain:
    """Open the chain in `directory`; `on_tip` hears of each new tip's hash."""
    kernel = open_kernel(directory, in_memory=in_memory)
    return RegtestChain(kernel, wall_clock, on_tip)


def _with_work(header: Header) -> Header:
    """Return `header` with the next nonce that regtest's target takes."""
    target = target_from_nbits(NBITS)
    while int.from_bytes(header.hash, "little") > target:
        header = evolve(header, nonce=header.nonce + 1 & 0xFFFFFFFF)
    return header
