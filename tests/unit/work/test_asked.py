"""Which difficulty a share is held to, whenever its miner took on the newest."""

from protocol.units import Difficulty
from protocol.work.asked import MAX_CHANGES, Asked


def test_before_any_job_nothing_was_asked() -> None:
    assert Asked().newest is None


def test_the_same_again_is_no_change() -> None:
    asked = Asked()

    assert asked.ask(1, Difficulty(8.0))
    assert not asked.ask(2, Difficulty(8.0))
    assert asked.newest == 8.0


def test_a_job_is_held_to_what_it_went_with_until_less_is_asked() -> None:
    asked = Asked()
    for seq, difficulty in ((1, 8.0), (5, 32.0), (9, 4.0)):
        asked.ask(seq, Difficulty(difficulty))

    assert [asked.required(seq) for seq in (1, 4, 5, 8, 9, 99)] == [4.0] * 6


def test_a_higher_one_counts_from_its_job_on() -> None:
    asked = Asked()
    asked.ask(1, Difficulty(8.0))
    alone = asked.required(7)
    asked.ask(5, Difficulty(32.0))

    assert alone == 8.0
    assert [asked.required(seq) for seq in (1, 4, 5, 9)] == [8.0, 8.0, 32.0, 32.0]


def test_older_jobs_than_are_remembered_have_the_oldest() -> None:
    asked = Asked()
    for seq in range(1, MAX_CHANGES + 3):
        asked.ask(seq, Difficulty(float(seq)))

    assert asked.required(1) == 3.0
