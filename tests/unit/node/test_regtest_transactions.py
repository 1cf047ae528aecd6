"""The small pool of the embedded node: what it takes and in which order."""

import pytest
from bitcoin.core import (
    CMutableTransaction,
    CMutableTxIn,
    CMutableTxOut,
    COutPoint,
    lx,
)
from bitcoin.core.script import CScript

from protocol.bitcoin.block import assemble_block
from protocol.bitcoin.coinbase import Output, split_coinbase
from protocol.bitcoin.hashes import sha256d

pytest.importorskip("pbk", reason="needs the extra [regtest]")

from proxy.regtest.transactions import (
    MAX_POOL_TRANSACTIONS,
    CoinIndex,
    TransactionPool,
    TransactionRefusedError,
    carry_over,
)

ANYONE = b"\x51"
VALUE = 1_000_000


def coinbase() -> bytes:
    outputs = tuple(Output(VALUE, ANYONE) for _ in range(MAX_POOL_TRANSACTIONS + 2))
    coinb1, coinb2 = split_coinbase(
        1, outputs, commitment=None, tag=b"", extranonce_bytes=1
    )
    return coinb1 + b"\x00" + coinb2


COINBASE = sha256d(coinbase())


def coins() -> CoinIndex:
    index = CoinIndex()
    index.connect(assemble_block(bytes(80), coinbase(), [], has_witness=False), 1)
    return index


def a_pool(next_height: int = 101) -> TransactionPool:
    return TransactionPool(coins(), next_height, 1_000)


def spend(  # noqa: PLR0913  (each case changes one)
    n: int,
    *,
    txid: bytes = COINBASE,
    value: int = VALUE - 10,
    sequence: int = 0xFFFFFFFF,
    lock_time: int = 0,
    script_sig: bytes = b"",
) -> bytes:
    spent = CMutableTxIn(COutPoint(txid, n), CScript(script_sig), sequence)
    paid = CMutableTxOut(value, CScript(ANYONE))
    tx = CMutableTransaction([spent], [paid], lock_time, nVersion=2)
    return bytes(tx.serialize())


def test_a_transaction_waits_with_its_fee() -> None:
    pool = a_pool()

    txid = pool.add(spend(0))

    (waiting,) = pool.transactions
    assert txid == waiting.txid == sha256d(spend(0))
    assert (waiting.fee, waiting.depends) == (10, ())


def test_a_child_comes_after_its_parent_and_names_it() -> None:
    pool = a_pool()
    pool.add(spend(5))

    parent = pool.add(spend(0))
    pool.add(spend(0, txid=parent, value=VALUE - 30))

    assert [w.depends for w in pool.transactions] == [(), (), (2,)]
    assert pool.transactions[2].fee == 20


def test_the_same_transaction_again_changes_nothing() -> None:
    pool = a_pool()

    assert pool.add(spend(0)) == pool.add(spend(0))
    assert len(pool.transactions) == 1


@pytest.mark.parametrize(
    ("raw", "reason"),
    [
        (b"", "TX decode failed"),
        (b"\xff" * 50, "TX decode failed"),
        (spend(0) + b"\x00", "TX decode failed"),
        (coinbase(), "coinbase"),
        (spend(0, value=VALUE + 1), "bad-txns-in-belowout"),
        (spend(0, value=-1), "bad-txns-in-belowout"),
        (spend(0, txid=bytes(31) + b"\x01"), "bad-txns-inputs-missingorspent"),
        (spend(0, sequence=0, lock_time=101), "non-final"),
        (spend(0, sequence=0, lock_time=500_000_001), "non-final"),
        (spend(0, sequence=1), "non-BIP68-final"),
    ],
)
def test_what_no_block_could_take_is_refused(raw: bytes, reason: str) -> None:
    pool = a_pool()

    with pytest.raises(TransactionRefusedError, match=reason):
        pool.add(raw)

    assert len(pool.transactions) == 0


def test_a_script_that_fails_is_refused_by_the_kernel() -> None:
    with pytest.raises(TransactionRefusedError, match="script-verify"):
        a_pool().add(spend(0, script_sig=b"\x6a"))


def test_a_second_spend_of_a_coin_is_refused() -> None:
    pool = a_pool()
    pool.add(spend(0))

    with pytest.raises(TransactionRefusedError, match="txn-mempool-conflict"):
        pool.add(spend(0, value=VALUE - 20))


def test_a_coinbase_is_spent_after_a_hundred_blocks_and_not_before() -> None:
    with pytest.raises(TransactionRefusedError, match="premature-spend"):
        a_pool(next_height=100).add(spend(0))
    assert a_pool(next_height=101).add(spend(0))


def test_a_full_pool_takes_no_more() -> None:
    pool = a_pool()
    for n in range(MAX_POOL_TRANSACTIONS):
        pool.add(spend(n))

    with pytest.raises(TransactionRefusedError, match="mempool full"):
        pool.add(spend(MAX_POOL_TRANSACTIONS))


def test_a_new_tip_leaves_what_it_did_not_spend() -> None:
    index = coins()
    before = TransactionPool(index, 101, 1_000)
    before.add(spend(0))
    before.add(spend(1))
    mined = assemble_block(
        bytes(80), coinbase()[:-1] + b"\x07", [spend(0)], has_witness=False
    )

    index.connect(mined, 101)
    after = TransactionPool(index, 102, 1_000)
    carry_over(after, before.transactions)

    assert [w.raw for w in after.transactions] == [spend(1)]
    assert index.find(COutPoint(COINBASE, 0)) is None
    assert lx(COINBASE[::-1].hex()) == COINBASE
