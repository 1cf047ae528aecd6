"""How hard a target a regtest node serves."""

import random

import pytest

from protocol.bitcoin.target import target_from_nbits
from protocol.units import HashesPerSecond, Seconds, UnixTime
from proxy.regtest.pace import FIRST_GUESS, NBITS, PATIENCE, BlockPace

NETWORK = target_from_nbits(NBITS)
START = UnixTime(1000.0)
STEP = 0.05  # seconds between two looks at whether a block was found


def test_a_pace_never_makes_the_target_easier_than_the_networks() -> None:
    assert BlockPace().target(START) == NETWORK
    assert BlockPace(Seconds(5.0), HashesPerSecond(0.1)).target(START) == NETWORK


def test_a_known_hashrate_sets_the_target_for_good() -> None:
    pace = BlockPace(Seconds(5.0), HashesPerSecond(1e6))
    pace.block_found(START)

    for now in (START, UnixTime(START + 1000)):
        assert pace.target(now) == (1 << 256) // 5_000_000
        assert pace.level(now) == 0


def test_the_first_block_may_come_sooner() -> None:
    pace = BlockPace(Seconds(5.0), HashesPerSecond(1e6), first_after=Seconds(1.0))
    assert pace.target(START) == (1 << 256) // 1_000_000

    pace.block_found(START)

    assert pace.target(START) == (1 << 256) // 5_000_000


def test_an_unknown_hashrate_begins_low() -> None:
    pace = BlockPace(Seconds(5.0))

    assert pace.target(START) == (1 << 256) // int(5 * FIRST_GUESS)


def mine(pace: BlockPace, hashrate: float, now: float, seconds: float) -> list[float]:
    """Mine by chance and return when blocks were found."""
    rng, found, end = random.Random(5), [], now + seconds  # noqa: S311
    while now < end:
        now += STEP
        chance = pace.target(UnixTime(now)) / (1 << 256) * hashrate * STEP
        if rng.random() < chance:
            pace.block_found(UnixTime(now))
            found.append(now)
    return found


@pytest.mark.parametrize("hashrate", [2e4, 1e6, 1e9])
def test_a_hashrate_is_learned_by_the_blocks_that_come(hashrate: float) -> None:
    pace = BlockPace(Seconds(5.0))

    found = mine(pace, hashrate, START, 1000.0)

    later = [at for at in found if at > START + 200.0]
    assert len(later) == pytest.approx(160, rel=0.3)


def test_miners_that_have_mostly_gone_find_blocks_again() -> None:
    pace = BlockPace(Seconds(5.0))
    mine(pace, 1e8, START, 300.0)

    found = mine(pace, 1e6, START + 300.0, 700.0)

    assert len([at for at in found if at > START + 700.0]) > 30


def test_a_target_is_eased_by_doublings_once_patience_is_over() -> None:
    pace = BlockPace(Seconds(5.0))
    pace.block_found(START)
    levels = [
        pace.level(UnixTime(START + PATIENCE * 5.0 * waited))
        for waited in (0.0, 0.9, 1.0, 2.0, 4.0)
    ]

    assert levels == [0, 0, 1, 2, 3]
    hardest = pace.target(START)
    assert pace.target(UnixTime(START + PATIENCE * 10.0)) == pytest.approx(hardest * 4)
