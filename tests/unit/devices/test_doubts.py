import pytest

from protocol.units import Seconds
from proxy.devices.doubts import FORGET_AFTER, REFUSALS, UNPROVEN_AFTER, Doubts

NOW = Seconds(100.0)
LATER = Seconds(NOW + UNPROVEN_AFTER)


def refused(doubts: Doubts) -> None:
    doubts.commanded(is_sleep=True, is_taken=False, now=NOW)


def slept(doubts: Doubts) -> None:
    doubts.commanded(is_sleep=True, is_taken=True, now=NOW)


def test_a_device_is_what_it_was_until_commands_are_refused() -> None:
    doubts = Doubts()

    seen = []
    for _ in range(REFUSALS):
        seen.append(doubts.is_in_doubt)
        refused(doubts)

    assert seen == [False] * REFUSALS
    assert doubts.is_in_doubt


def test_a_command_that_is_taken_ends_what_refusals_began() -> None:
    doubts = Doubts()
    refused(doubts)
    slept(doubts)
    refused(doubts)

    assert not doubts.is_in_doubt


@pytest.mark.parametrize(
    ("is_asleep", "at", "is_in_doubt"),
    [(False, LATER, True), (False, NOW, False), (True, LATER, False),
     (None, LATER, False)],
)  # fmt: skip
def test_a_sleep_that_was_acknowledged_and_has_no_effect_is_doubted(
    is_asleep: bool | None,  # noqa: FBT001
    at: Seconds,
    is_in_doubt: bool,  # noqa: FBT001
) -> None:
    doubts = Doubts()
    slept(doubts)

    doubts.read(is_asleep=is_asleep, now=at)

    assert doubts.is_in_doubt is is_in_doubt


def test_a_machine_that_was_woken_since_is_at_work_and_no_doubt() -> None:
    doubts = Doubts()
    slept(doubts)
    doubts.commanded(is_sleep=False, is_taken=True, now=LATER)

    doubts.read(is_asleep=False, now=LATER)

    assert not doubts.is_in_doubt


def test_errors_in_a_row_are_doubted_and_a_read_ends_them() -> None:
    doubts = Doubts()
    for _ in range(FORGET_AFTER - 1):
        doubts.failed()
    doubts.read(is_asleep=False, now=NOW)
    doubts.failed()

    assert not doubts.is_in_doubt
    for _ in range(FORGET_AFTER - 1):
        doubts.failed()
    assert doubts.is_in_doubt
