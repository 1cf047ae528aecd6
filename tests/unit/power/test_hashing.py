"""What a machine's own shares prove of it."""

import pytest

from protocol.units import HashesPerSecond, Seconds
from protocol.work.hashrate import HASHES_PER_DIFFICULTY
from proxy.power.machines.hashing import HALF, STRAYS, Hashing
from proxy.power.machines.share_proof import ShareSum

MODEL = HashesPerSecond(2e14)
STEP = Seconds(5.0)


def difficulty(shares_per_minute: float) -> float:
    return MODEL * 60.0 / shares_per_minute / HASHES_PER_DIFFICULTY


def some(count: int, each: float) -> ShareSum:
    return ShareSum(count, count * each, count * each**2, Seconds(0.0))


def silence_until_stopped(hashing: Hashing) -> float:
    seconds = 0.0
    while not hashing.has_stopped:
        hashing.owe(MODEL, Seconds(0.1))
        seconds += 0.1
    return seconds


@pytest.mark.parametrize(("pace", "seconds"), [(20.0, 41.4), (6.0, 138.2)])
def test_silence_says_stopped_after_the_known_times(
    pace: float, seconds: float
) -> None:
    hashing = Hashing(difficulty(pace))

    assert silence_until_stopped(hashing) == pytest.approx(seconds, abs=0.2)
    assert hashing.silence_limit(MODEL) == pytest.approx(seconds, abs=0.1)


def test_a_share_ends_the_silence() -> None:
    hashing = Hashing(difficulty(20.0))
    silence_until_stopped(hashing)

    hashing.add(some(1, hashing.difficulty))

    assert not hashing.has_stopped


def test_a_retarget_counts_from_when_it_comes() -> None:
    hashing = Hashing(difficulty(20.0))
    for _ in range(6):
        hashing.owe(MODEL, STEP)  # 10 shares owed
    hashing.difficulty = difficulty(2.0)

    assert silence_until_stopped(hashing) == pytest.approx(3.8 * 30.0, abs=1.0)


def test_without_a_difficulty_nothing_is_expected() -> None:
    hashing = Hashing()
    for _ in range(1000):
        hashing.owe(MODEL, STEP)

    assert not hashing.has_stopped


def at_work(hashing: Hashing, minutes: int, a_minute: int) -> None:
    for step in range(12 * minutes):
        hashing.owe(MODEL, STEP)
        done = (step + 1) * a_minute // 12 - step * a_minute // 12
        hashing.add(some(done, hashing.difficulty))


def test_a_machine_with_a_dead_board_is_expected_to_go_on_as_it_was() -> None:
    hashing = Hashing(difficulty(20.0))

    at_work(hashing, 9, 13)

    assert hashing.shares.hash_hs == pytest.approx(0.65 * MODEL, rel=0.03)
    assert 0.5 * MODEL < hashing.expected_hs(MODEL) < 0.65 * MODEL
    assert silence_until_stopped(hashing) > 65.0


def test_one_that_finds_more_than_its_model_is_expected_to_find_its_model() -> None:
    hashing = Hashing(difficulty(20.0))

    at_work(hashing, 9, 40)

    assert hashing.expected_hs(MODEL) == MODEL


def test_what_it_found_long_ago_is_forgotten() -> None:
    hashing = Hashing(difficulty(20.0))
    at_work(hashing, 9, 5)

    at_work(hashing, 12, 20)

    assert hashing.shares.hash_hs == pytest.approx(MODEL, rel=0.05)
    assert hashing.shares.seconds <= 2 * HALF + STEP


def test_one_share_on_its_way_is_no_proof_of_hashing_on() -> None:
    hashing = Hashing()
    for number in range(STRAYS):
        assert not hashing.hashes_on
        hashing.stray(Seconds(float(number)))

    assert hashing.hashes_on


def test_a_share_or_a_rest_leaves_nothing_owed() -> None:
    hashing = Hashing(difficulty(20.0))
    for excuse in (hashing.rest, lambda: hashing.add(some(1, 1.0))):
        hashing.owe(MODEL, STEP)
        assert hashing.missed == pytest.approx(20.0 / 12.0)

        excuse()

        assert hashing.missed == 0.0


def test_of_the_time_in_which_a_share_came_nothing_is_owed() -> None:
    hashing = Hashing(difficulty(300.0))  # 25 a look: more than prove a silence

    hashing.add(some(9, hashing.difficulty))
    hashing.owe(MODEL, STEP)
    assert hashing.missed == 0.0
    hashing.owe(MODEL, STEP)

    assert hashing.missed == pytest.approx(25.0)


def test_a_share_from_before_a_rest_excuses_nothing_after_it() -> None:
    hashing = Hashing(difficulty(20.0))

    hashing.add(some(1, hashing.difficulty))
    hashing.rest()
    hashing.owe(MODEL, STEP)

    assert hashing.missed == pytest.approx(20.0 / 12.0)


def test_time_without_shares_is_no_work() -> None:
    hashing = Hashing(difficulty(20.0))

    hashing.owe(MODEL, STEP)

    assert hashing.shares == ShareSum(0, 0.0, 0.0, STEP)


def test_a_simulated_machine_owes_shares_of_any_difficulty() -> None:
    hashing = Hashing(0.25)

    hashing.owe(HashesPerSecond(HASHES_PER_DIFFICULTY), STEP)

    assert hashing.missed == pytest.approx(20.0)


@pytest.mark.parametrize(("count", "is_own"), [(9, False), (10, True)])
def test_ten_shares_are_enough_to_go_by(count: int, *, is_own: bool) -> None:
    hashing = Hashing(difficulty(20.0))
    hashing.owe(MODEL, Seconds(60.0))
    hashing.add(some(count, hashing.difficulty))

    assert (hashing.expected_hs(MODEL) < MODEL) is is_own


def test_a_machine_that_finds_nothing_by_its_model_has_stopped_at_once() -> None:
    assert Hashing(1.0).silence_limit(HashesPerSecond(0.0)) == 0.0


def test_the_last_stray_share_is_remembered() -> None:
    hashing = Hashing()
    for second in (3.0, 7.0):
        hashing.stray(Seconds(second))

    assert (hashing.strays, hashing.stray_at) == (2, 7.0)
