import json
from pathlib import Path
from typing import Any

import pytest

from protocol.bitcoin.hashes import sha256d
from protocol.bitcoin.target import target_from_difficulty
from protocol.units import Difficulty, Seconds
from proxy.sim.nonce_search import (
    DEFAULT_HASH_SCALE,
    MAX_NTIME_ROLL,
    S21_HASHRATE,
    STRIDE,
    FoundShare,
    Search,
    WorkOrder,
    header_of,
    spread_bits,
)

VECTORS: list[dict[str, Any]] = json.loads(
    (Path(__file__).parents[2] / "vectors" / "protocol_vectors.json").read_text()
)["sv1"]
EASY = Difficulty(2.0**-26)


def order_of(vector: dict[str, Any]) -> WorkOrder:
    job_id, prev, c1, c2, branch, version, nbits, ntime, _ = vector["notify"]
    words = [bytes.fromhex(prev[i : i + 8])[::-1] for i in range(0, 64, 8)]
    return WorkOrder(
        job_id,
        b"".join(words),
        bytes.fromhex(c1),
        bytes.fromhex(c2),
        tuple(bytes.fromhex(sibling) for sibling in branch),
        int(version, 16),
        int(nbits, 16),
        int(ntime, 16),
        bytes.fromhex(vector["extranonce1"]),
        vector["extranonce2_size"],
    )


def header_of_share(order: WorkOrder, share: FoundShare, mask: int) -> bytes:
    version = order.version & ~mask | share.version_bits
    return header_of(order, share.extranonce2, version, share.ntime, share.nonce)


@pytest.mark.parametrize("vector", VECTORS, ids=[v["name"][:2] for v in VECTORS])
def test_known_shares_reproduce_their_headers_and_hashes(
    vector: dict[str, Any],
) -> None:
    _, _, extranonce2, ntime, nonce, *bits = vector["submit"]
    order = order_of(vector)
    mask = int(vector["mask"] or "0", 16)
    rolled = int(bits[0], 16) if bits else order.version & mask
    version = order.version & ~mask | rolled

    header = header_of(
        order, bytes.fromhex(extranonce2), version, int(ntime, 16), int(nonce, 16)
    )

    assert header.hex() == vector["expect"]["header"]
    assert sha256d(header)[::-1].hex() == vector["expect"]["hash_display"]


def test_every_found_share_is_a_proof_of_work_that_the_header_repeats() -> None:
    order = order_of(VECTORS[0])
    search = Search(order, 0x1FFFE000, 7, Seconds(0.0))
    target = target_from_difficulty(EASY)

    shares = search.run(3 * STRIDE, EASY, Seconds(5.0))

    assert len(shares) > 100
    for share in shares:
        header = header_of_share(order, share, 0x1FFFE000)
        assert sha256d(header) == share.hash
        assert int.from_bytes(share.hash, "little") <= target


def test_the_share_rate_is_the_one_that_the_difficulty_promises() -> None:
    search = Search(order_of(VECTORS[0]), 0x1FFFE000, 1, Seconds(0.0))

    shares = search.run(100 * 64, EASY, Seconds(0.0))

    assert 60 <= len(shares) <= 140  # 100 expected, four standard deviations


def test_slices_make_the_same_hashes_as_one_long_run() -> None:
    order = order_of(VECTORS[1])
    whole = Search(order, 0, 5, Seconds(0.0)).run(6000, EASY, Seconds(0.0))
    sliced = Search(order, 0, 5, Seconds(0.0))

    pieces = [sliced.run(n, EASY, Seconds(0.0)) for n in (1, 999, 4000, 1000)]

    assert [share for piece in pieces for share in piece] == whole


def test_version_bits_roll_before_extranonce2_and_stay_inside_the_mask() -> None:
    search = Search(order_of(VECTORS[3]), 0x00006000, 0, Seconds(0.0))

    shares = search.run(5 * STRIDE, EASY, Seconds(0.0))

    rolled = [(s.extranonce2.hex(), s.version_bits) for s in shares]
    assert list(dict.fromkeys(rolled)) == [
        ("00000000", 0x0000),
        ("00000000", 0x2000),
        ("00000000", 0x4000),
        ("00000000", 0x6000),
        ("00000001", 0x0000),
    ]


def test_ntime_follows_real_time_up_to_the_bound() -> None:
    order = order_of(VECTORS[0])
    search = Search(order, 0, 0, Seconds(100.0))

    soon = search.run(STRIDE, EASY, Seconds(107.9))
    late = search.run(STRIDE, EASY, Seconds(1e6))

    assert {share.ntime for share in soon} == {order.ntime + 7}
    assert {share.ntime for share in late} == {order.ntime + MAX_NTIME_ROLL}


def test_a_changed_mask_is_obeyed_at_once() -> None:
    search = Search(order_of(VECTORS[0]), 0x1FFFE000, 3, Seconds(0.0))
    search.run(2 * STRIDE, EASY, Seconds(0.0))

    search.change_mask(0)

    shares = search.run(2 * STRIDE, EASY, Seconds(0.0))
    assert {share.version_bits for share in shares} == {0}


def test_spread_bits_fills_the_mask_from_its_low_end() -> None:
    assert spread_bits(0b101, 0x1FFFE000) == 0xA000
    assert spread_bits(0b111, 0b100010) == 0b100010


def test_a_simulated_s21_finds_20_shares_a_minute_at_the_scale_difficulty() -> None:
    hashes_per_share = 2.0**-20 * 2**32

    assert S21_HASHRATE * DEFAULT_HASH_SCALE * 60 / hashes_per_share == pytest.approx(
        20.0
    )
