"""Coinbases to the byte."""

import pytest
from bitcoin.core import CTransaction
from bitcoin.core.script import CScript

from protocol.bitcoin.coinbase import (
    Output,
    height_in_coinbase,
    height_push,
    split_coinbase,
    with_witness,
)
from protocol.bitcoin.commitment import witness_commitment
from protocol.bitcoin.hashes import sha256d


@pytest.mark.parametrize(
    ("height", "script"),
    [
        (1, "51"),
        (16, "60"),
        (17, "0111"),
        (127, "017f"),
        (128, "028000"),
        (255, "02ff00"),
        (256, "020001"),
        (32767, "02ff7f"),
        (32768, "03008000"),
        (413567, "037f4f06"),
        (8388607, "03ffff7f"),
        (8388608, "0400008000"),
    ],
)
def test_a_height_is_pushed_as_core_pushes_it(height: int, script: str) -> None:
    assert height_push(height).hex() == script


def test_the_genesis_block_has_no_height_to_push() -> None:
    with pytest.raises(ValueError, match="height 0"):
        height_push(0)


def whole(height: int, commitment: bytes | None = None) -> bytes:
    coinb1, coinb2 = split_coinbase(
        height,
        (Output(50, b"\x51"),),
        commitment=commitment,
        tag=b"/t/",
        extranonce_bytes=8,
    )
    return coinb1 + bytes(range(8)) + coinb2


def test_a_coinbase_reads_as_core_reads_transactions() -> None:
    coinbase = whole(205, commitment=b"\x6a\x00")

    transaction = CTransaction.deserialize(coinbase)

    script_sig = bytes.fromhex("02cd00" + "032f742f" + "08") + bytes(range(8))
    assert transaction.is_coinbase()
    assert transaction.nVersion == 2
    assert transaction.vin[0].scriptSig == CScript(script_sig)
    assert transaction.vin[0].nSequence == 0xFFFFFFFE
    assert transaction.nLockTime == 204
    assert [(o.nValue, bytes(o.scriptPubKey)) for o in transaction.vout] == [
        (50, b"\x51"),
        (0, b"\x6a\x00"),
    ]


def test_the_witness_changes_the_bytes_but_not_the_txid() -> None:
    coinbase = whole(205)

    transaction = CTransaction.deserialize(with_witness(coinbase))

    assert transaction.wit.vtxinwit[0].scriptWitness.stack == (bytes(32),)
    assert transaction.GetTxid() == sha256d(coinbase)


@pytest.mark.parametrize("height", [1, 16, 17, 127, 128, 205, 413567, 8388608])
def test_the_height_is_read_back_from_the_first_part(height: int) -> None:
    assert height_in_coinbase(whole(height)) == height


@pytest.mark.parametrize(
    "coinb1",
    [
        b"",
        whole(205)[:42],
        whole(205)[:43],
        whole(205)[:44],
        b"\x02\0\0\0\x00\x01" + whole(205)[4:],
        whole(205)[:42] + b"\x00",
        whole(205)[:42] + b"\x4b" + bytes(75),
        whole(205)[:42] + b"\x02\xcd\x80",
    ],
)
def test_a_coinbase_without_a_height_tells_none(coinb1: bytes) -> None:
    assert height_in_coinbase(coinb1) is None


def test_a_script_sig_that_is_too_long_is_refused() -> None:
    with pytest.raises(ValueError, match="scriptSig of 101 B > 100 B"):
        split_coinbase(205, (), commitment=None, tag=bytes(21), extranonce_bytes=75)


@pytest.mark.parametrize("size", [0, 76])
def test_a_hole_that_no_push_makes_is_refused(size: int) -> None:
    with pytest.raises(ValueError, match=f"extranonce of {size} B"):
        split_coinbase(205, (), commitment=None, tag=b"", extranonce_bytes=size)


def test_a_block_of_nothing_commits_to_nothing() -> None:
    # As in every empty block since segwit.
    assert witness_commitment([]).hex() == (
        "6a24aa21a9ede2f61c3f71d1defd3fa999dfa36953755c690689799962b48bebd836974e8cf9"
    )
