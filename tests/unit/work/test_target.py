import math

import pytest

from protocol.bitcoin.merkle import branch_of_coinbase, root_from_branch
from protocol.bitcoin.target import (
    DIFFICULTY_1_TARGET,
    MAX_TARGET,
    difficulty_from_target,
    floor_power_of_two,
    target_from_difficulty,
    target_from_nbits,
)
from protocol.units import Difficulty
from tests.builders import VECTORS


@pytest.mark.parametrize("vector", VECTORS["difficulty"], ids=lambda v: str(v["diff"]))
def test_the_target_of_a_difficulty_is_exact(vector: dict[str, str]) -> None:
    target = target_from_difficulty(Difficulty(float(vector["diff"])))

    assert f"{target:064x}" == vector["target_be"]


@pytest.mark.parametrize("bad", [0.0, -1.0, math.nan, math.inf])
def test_what_is_no_difficulty_has_no_target(bad: float) -> None:
    with pytest.raises(ValueError, match="not a finite number"):
        target_from_difficulty(Difficulty(bad))


def test_a_target_never_leaves_256_bits() -> None:
    assert target_from_difficulty(Difficulty(1e-300)) == MAX_TARGET


def test_compact_targets_are_read_as_bitcoin_core_reads_them() -> None:
    assert target_from_nbits(0x1D00FFFF) == DIFFICULTY_1_TARGET
    assert target_from_nbits(0x207FFFFF) == 0x7FFFFF << 232
    assert target_from_nbits(0x03123456) == 0x123456
    assert target_from_nbits(0x02123456) == 0x1234


@pytest.mark.parametrize("bad", [0, 0x1D800000, 0x01003456, 0x23FFFFFF, 0x1D000000])
def test_what_is_no_compact_target_is_refused(bad: int) -> None:
    with pytest.raises(ValueError, match="no target"):
        target_from_nbits(bad)


def test_difficulty_and_target_are_each_others_inverse() -> None:
    assert difficulty_from_target(DIFFICULTY_1_TARGET) == 1.0
    assert difficulty_from_target(0) == float(DIFFICULTY_1_TARGET)


@pytest.mark.parametrize(
    ("value", "floor"), [(1, 1), (1.9, 1), (2, 2), (65537, 65536), (0.3, 0.25)]
)
def test_powers_of_two_are_rounded_down_to(value: float, floor: float) -> None:
    assert floor_power_of_two(Difficulty(value)) == floor


@pytest.mark.parametrize("number", range(9))
def test_a_branch_leads_from_the_coinbase_to_the_root(number: int) -> None:
    from bitcoin.core import CBlock  # noqa: PLC0415

    txids = [bytes([n]) * 32 for n in range(number + 1)]
    tree = CBlock.build_merkle_tree_from_txids(txids)

    assert root_from_branch(txids[0], branch_of_coinbase(txids[1:])) == tree[-1]
