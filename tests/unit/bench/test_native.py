"""What the load's C files read and hash, held against Python's own."""

import json
import math
from typing import Any

import pytest

from protocol.bitcoin.hashes import sha256d
from protocol.bitcoin.target import target_from_difficulty
from protocol.sv1.codec import swap_words
from protocol.units import Difficulty
from proxy.bench.serve import JobWriter

generator = pytest.importorskip("proxy.bench.native.generator")

DIFFICULTY = 1e-9
SLOT, ROLLED = bytes.fromhex("00c0ffee"), bytes(8)


def params_of(line: bytes) -> list[Any]:
    params: list[Any] = json.loads(line)["params"]
    return params


def digest_of(params: list[Any], nonce: int) -> int:
    """Return the hash of a header, as a number, from first principles."""
    prev, coinb1, coinb2, branches, version, nbits, ntime = params[1:8]
    root = sha256d(bytes.fromhex(coinb1) + SLOT + ROLLED + bytes.fromhex(coinb2))
    for branch in branches:
        root = sha256d(root + bytes.fromhex(branch))
    header = (
        bytes.fromhex(version)[::-1]
        + swap_words(bytes.fromhex(prev))
        + root
        + bytes.fromhex(ntime)[::-1]
        + bytes.fromhex(nbits)[::-1]
        + nonce.to_bytes(4, "little")
    )
    return int.from_bytes(sha256d(header), "little")


def found(params: list[Any], *, misses: bool, count: int = 64) -> list[int]:
    spelled = json.dumps(params).encode()
    nonces: list[int] = generator.find_nonces(
        spelled, SLOT, ROLLED, DIFFICULTY, count, misses
    )
    return nonces


@pytest.mark.parametrize("misses", [False, True])
def test_nonces_meet_the_difficulty_or_miss_it(*, misses: bool) -> None:
    params = params_of(JobWriter(DIFFICULTY).next_job(1_700_000_000))
    target = target_from_difficulty(Difficulty(DIFFICULTY))
    nonces = found(params, misses=misses)

    assert len(set(nonces)) == 64
    assert all((digest_of(params, n) > target) == misses for n in nonces)


def test_no_nonce_in_range_is_passed_over() -> None:
    params = params_of(JobWriter(DIFFICULTY).next_job(1_700_000_000))
    both = sorted(found(params, misses=False) + found(params, misses=True))
    tried = min(found(params, misses=k)[-1] for k in (False, True))

    assert both[: tried + 1] == list(range(tried + 1))


def test_a_prev_hash_is_turned_word_by_word() -> None:
    params = params_of(JobWriter(DIFFICULTY).next_job(1_700_000_000))
    params[1] = bytes(range(32)).hex()
    target = target_from_difficulty(Difficulty(DIFFICULTY))

    assert all(digest_of(params, n) <= target for n in found(params, misses=False))


@pytest.mark.parametrize("branches", [0, 1, 64])
@pytest.mark.parametrize("size", [0, 1, 55, 56, 64, 3000])
def test_coinbases_and_trees_of_any_size_are_hashed(branches: int, size: int) -> None:
    params = params_of(JobWriter(DIFFICULTY).next_job(1_700_000_000))
    params[3], params[4] = "ab" * size, ["cd" * 32] * branches
    target = target_from_difficulty(Difficulty(DIFFICULTY))
    nonces = found(params, misses=False, count=2)

    assert all(digest_of(params, n) <= target for n in nonces)


GOOD = ["1", "00" * 32, "01", "02", ["03" * 32], "20000000", "1d00ffff", "6553f100"]


@pytest.mark.parametrize(
    ("place", "value"),
    [
        (0, 1),
        (0, "x" * 65),
        (1, "00" * 31),
        (1, "zz" * 32),
        (2, "abc"),
        (3, "00" * 16385),
        (4, "03" * 32),
        (4, ["03" * 33]),
        (4, ["03" * 32] * 65),
        (5, "200000000"),
        (6, ""),
        (7, None),
    ],
)
def test_params_that_are_no_job_are_refused(place: int, value: object) -> None:
    params: list[object] = [*GOOD]
    params[place] = value

    with pytest.raises(ValueError, match="no params"):
        generator.find_nonces(json.dumps(params).encode(), b"", b"", 1e-9, 1)
    assert generator.find_nonces(json.dumps(GOOD).encode(), b"", b"", 1e-9, 1)


def read(line: str) -> tuple[bytes | None, ...] | None:
    got: tuple[bytes | None, ...] | None = generator.read_message(line.encode())
    return got


@pytest.mark.parametrize(
    "line",
    [
        '{"id":7,"result":true,"error":null}',
        '{"error":null,"result":true,"id":7}',
        '  {"id" : 7 , "result":true, "error" : null }',
        '{"id":7,"x":{"id":[{}]},"result":true,"y":"]}\\"","error":null}\r',
    ],
)
def test_an_answer_is_read_whatever_its_order(line: str) -> None:
    assert read(line) == (b"7", None, None, b"true", b"null")


def test_values_are_given_as_they_are_spelled() -> None:
    line = '{"method":"a\\"b","params":[1, ["]"],{"a":"}"}],"id":null}'

    assert read(line) == (
        b"null",
        b'"a\\"b"',
        b'[1, ["]"],{"a":"}"}]',
        None,
        None,
    )


@pytest.mark.parametrize(
    "line",
    [
        "",
        "x",
        "[]",
        "{",
        "{}",
        '{"id"',
        '{"id":',
        '{"id":}',
        '{"id":7',
        '{"id":7,',
        '{"id":7,}',
        '{"id":"7',
        '{"id":"7\\',
        '{"id":[7}',
        "{id:7}",
    ],
)
def test_a_line_that_is_cut_or_no_object_is_refused(line: str) -> None:
    assert read(line) is None


def test_a_percentile_is_a_little_too_high_at_most() -> None:
    times = [1000 * n for n in range(1, 1001)]
    for share in (0.01, 0.5, 0.99, 1.0):
        exact = times[math.ceil(share * len(times)) - 1] * 1e-9

        assert exact <= generator.time_within(times, share) <= exact * 1.016


def test_no_times_have_no_percentile() -> None:
    assert generator.time_within([], 0.99) == 0.0
    assert generator.time_within([2**62], 0.5) == pytest.approx(2**62 * 1e-9)
