"""The coins of a regtest chain and the small pool of transactions that spend them."""

from collections.abc import Iterable, Sequence

import pbk
from attrs import define, field, frozen
from bitcoin.core import CBlock, COutPoint, CTransaction, CTxIn
from bitcoin.core.serialize import SerializationError
from pbk.script import PrecomputedTransactionData

MAX_POOL_TRANSACTIONS = 200
MAX_POOL_BYTES = 500_000
"""Room enough for demos and tests, and far below a block."""

_COINBASE_MATURITY = 100
_LOCKTIME_THRESHOLD = 500_000_000
_SEQUENCE_FINAL = 0xFFFFFFFF
_SEQUENCE_UNLOCKED = 1 << 31
_SEQUENCE_VALUE = 0xFFFF


class TransactionRefusedError(Exception):
    """A transaction that no block could take now; the message is Core's reason."""


@frozen
class Coin:
    """An output that is not spent."""

    value: int
    script: bytes
    height: int
    is_coinbase: bool


@frozen
class PooledTransaction:
    """A transaction that waits for a block.

    Attributes:
        fee: Satoshis.
        depends: Positions in the pool, from 1, of those that it spends from.
    """

    transaction: CTransaction
    raw: bytes
    fee: int
    depends: tuple[int, ...]

    @property
    def txid(self) -> bytes:
        """32 B, internal order."""
        return bytes(self.transaction.GetTxid())

    @property
    def wtxid(self) -> bytes:
        """32 B, internal order."""
        return bytes(self.transaction.GetHash())


@define
class CoinIndex:
    """The unspent outputs of the active chain, as large as the chain makes it."""

    _coins: dict[COutPoint, Coin] = field(factory=dict, init=False)

    def connect(self, raw_block: bytes, height: int) -> None:
        """Follow the chain by one valid block."""
        for position, tx in enumerate(CBlock.deserialize(raw_block).vtx):
            for spent in tx.vin if position else ():
                self._coins.pop(spent.prevout, None)
            self._add(tx, height, is_coinbase=position == 0)

    def find(self, outpoint: COutPoint) -> Coin | None:
        """Return the coin at `outpoint`; None if there is none, or it is spent."""
        return self._coins.get(outpoint)

    def _add(self, tx: CTransaction, height: int, *, is_coinbase: bool) -> None:
        txid = tx.GetTxid()
        for n, out in enumerate(tx.vout):
            coin = Coin(out.nValue, bytes(out.scriptPubKey), height, is_coinbase)
            self._coins[COutPoint(txid, n)] = coin


@define
class TransactionPool:
    """Transactions for the next block, in an order that a block can have."""

    _coins: CoinIndex
    _next_height: int
    _median_time: int
    _waiting: list[PooledTransaction] = field(factory=list, init=False)
    _created: dict[COutPoint, tuple[int, Coin]] = field(factory=dict, init=False)
    _spent: set[COutPoint] = field(factory=set, init=False)
    _bytes: int = field(default=0, init=False)

    @property
    def transactions(self) -> Sequence[PooledTransaction]:
        """Parents before children."""
        return self._waiting

    def add(self, raw: bytes) -> bytes:
        """Take a transaction; return its txid, internal order.

        Raises:
            TransactionRefusedError: It is invalid, conflicts with another, or
                there is no room.
        """
        tx = decode_transaction(raw)
        txid = bytes(tx.GetTxid())
        if any(waiting.txid == txid for waiting in self._waiting):
            return txid
        self._check_room(len(raw))
        self._check_form(tx)
        coins = [self._coin_of(spent) for spent in tx.vin]
        fee = sum(c.value for c in coins) - sum(out.nValue for out in tx.vout)
        if fee < 0 or any(out.nValue < 0 for out in tx.vout):
            raise TransactionRefusedError("bad-txns-in-belowout")
        _verify_scripts(raw, coins)
        self._insert(tx, raw, fee)
        return txid

    def _insert(self, tx: CTransaction, raw: bytes, fee: int) -> None:
        outpoints = [spent.prevout for spent in tx.vin]
        parents = {self._created[o][0] for o in outpoints if o in self._created}
        self._waiting.append(PooledTransaction(tx, raw, fee, tuple(sorted(parents))))
        self._spent.update(outpoints)
        self._bytes += len(raw)
        for n, out in enumerate(tx.vout):
            coin = Coin(out.nValue, bytes(out.scriptPubKey), self._next_height, False)
            self._created[COutPoint(tx.GetTxid(), n)] = (len(self._waiting), coin)

    def _check_room(self, size: int) -> None:
        if len(self._waiting) >= MAX_POOL_TRANSACTIONS:
            raise TransactionRefusedError("mempool full")
        if self._bytes + size > MAX_POOL_BYTES:
            raise TransactionRefusedError("mempool full")

    def _check_form(self, tx: CTransaction) -> None:
        if tx.is_coinbase():
            raise TransactionRefusedError("coinbase")
        if not tx.vin or not tx.vout:
            raise TransactionRefusedError("bad-txns-vin-empty")
        if len({spent.prevout for spent in tx.vin}) != len(tx.vin):
            raise TransactionRefusedError("bad-txns-inputs-duplicate")
        if not self._is_final(tx):
            raise TransactionRefusedError("non-final")
        if tx.nVersion > 1 and any(_is_sequence_locked(spent) for spent in tx.vin):
            raise TransactionRefusedError("non-BIP68-final")  # not worth following

    def _is_final(self, tx: CTransaction) -> bool:
        """BIP 113: lock times are compared with the median time."""
        is_height = tx.nLockTime < _LOCKTIME_THRESHOLD
        limit = self._next_height if is_height else self._median_time
        return tx.nLockTime < limit or all(
            spent.nSequence == _SEQUENCE_FINAL for spent in tx.vin
        )

    def _coin_of(self, spent: CTxIn) -> Coin:
        if spent.prevout in self._spent:
            raise TransactionRefusedError("txn-mempool-conflict")
        _, coin = self._created.get(spent.prevout, (0, None))
        coin = coin or self._coins.find(spent.prevout)
        if coin is None:
            raise TransactionRefusedError("bad-txns-inputs-missingorspent")
        age = self._next_height - coin.height
        if coin.is_coinbase and age < _COINBASE_MATURITY:
            raise TransactionRefusedError("bad-txns-premature-spend-of-coinbase")
        return coin


def carry_over(
    pool: TransactionPool, transactions: Iterable[PooledTransaction]
) -> None:
    """Take into `pool` those of `transactions` that a new tip has left valid."""
    for waiting in transactions:
        try:
            pool.add(waiting.raw)
        except TransactionRefusedError:
            continue  # mined, or in conflict with what was


def decode_transaction(raw: bytes) -> CTransaction:
    """Return the transaction that is serialized in `raw`, with a witness or without.

    Raises:
        TransactionRefusedError: It is none.
    """
    try:
        return CTransaction.deserialize(raw)
    except (SerializationError, ValueError) as error:
        raise TransactionRefusedError("TX decode failed") from error


def _is_sequence_locked(spent: CTxIn) -> bool:
    sequence = spent.nSequence
    return not sequence & _SEQUENCE_UNLOCKED and bool(sequence & _SEQUENCE_VALUE)


def _verify_scripts(raw: bytes, coins: Sequence[Coin]) -> None:
    tx = pbk.Transaction(raw)
    outputs = [
        pbk.TransactionOutput(pbk.ScriptPubkey(c.script), c.value) for c in coins
    ]
    data = PrecomputedTransactionData(tx, outputs)
    flags = pbk.ScriptVerificationFlags.ALL
    for n, coin in enumerate(coins):
        script = pbk.ScriptPubkey(coin.script)
        if not script.verify(coin.value, tx, data, n, flags):
            raise TransactionRefusedError("mandatory-script-verify-flag-failed")
