"""A command is believed step by step, or given up."""

import pytest

from protocol.units import Seconds, Watts
from proxy.power.actuation.verify import (
    ACK_WITHIN,
    Actuation,
    Evidence,
    Rung,
    Stage,
    is_meter_consistent,
    verify,
)

START = Seconds(100.0)
NOTHING = Evidence()


def sleep_command(allowance: float = 0.0) -> Actuation:
    return Actuation("rack-a.1", 0, Watts(25.0), Rung.SLEEP, START, allowance)


def after(*seen: tuple[float, Evidence], allowance: float = 0.0) -> Actuation:
    actuation = sleep_command(allowance)
    for seconds, evidence in seen:
        actuation = verify(actuation, evidence, Seconds(START + seconds))
    return actuation


ACK = Evidence(acknowledged=True)
ASLEEP = Evidence(level=0)
METERED = Evidence(is_metered=True)


def test_a_command_settles_once_acknowledged_read_back_and_metered() -> None:
    seen = [(0.5, ACK), (8.0, ASLEEP), (20.0, METERED)]

    stages = [after(*seen[:count]).stage for count in range(4)]

    assert stages == [
        Stage.ISSUED,
        Stage.ACKNOWLEDGED,
        Stage.READ_BACK,
        Stage.SETTLED,
    ]
    assert after(*seen).at == START + 20
    assert after(*seen).is_over


def test_all_evidence_at_once_settles_at_once() -> None:
    assert after((1.0, Evidence(True, 0, is_metered=True))).stage is Stage.SETTLED


def test_a_reading_without_an_acknowledgement_does_not_count() -> None:
    assert after((1.0, ASLEEP), (2.0, METERED)).stage is Stage.ISSUED


@pytest.mark.parametrize(
    ("seen", "last", "reason"),
    [
        ((), ACK_WITHIN, "no acknowledgement in 600 s"),
        (((21.0, ACK),), 36.0, "read back nothing, wanted level 0"),
        (((21.0, ACK), (22.0, ASLEEP)), 81.0, "the meter does not agree"),
    ],
)
def test_a_missed_deadline_makes_it_unresponsive(
    seen: tuple[tuple[float, Evidence], ...], last: float, reason: str
) -> None:
    just_before = after(*seen, (last - 0.01, NOTHING))
    at_last = after(*seen, (last, NOTHING))

    assert not just_before.is_over
    assert (at_last.stage, at_last.reason) == (Stage.UNRESPONSIVE, reason)


def test_a_liar_is_found_by_its_read_back() -> None:
    lied = after((1.0, ACK), (16.0, Evidence(level=3)))

    assert lied.stage is Stage.UNRESPONSIVE
    assert lied.reason == "read back level 3, wanted level 0"


def test_a_slow_machine_has_its_own_time_added_to_that_of_its_answer() -> None:
    assert not after((9.0, ACK), (158.0, NOTHING), allowance=135.0).is_over
    assert after((9.0, ACK), (159.0, NOTHING), allowance=135.0).is_over


def test_what_is_over_stays_over() -> None:
    missed = after((ACK_WITHIN, NOTHING))

    assert verify(missed, Evidence(True, 0, is_metered=True), START) is missed
    assert missed.deadline is None


def test_a_meter_is_consistent_up_to_its_noise_and_silent_when_lost() -> None:
    assert is_meter_consistent(Watts(1029.0), Watts(1000.0)) is True
    assert is_meter_consistent(Watts(1031.0), Watts(1000.0)) is False
    assert is_meter_consistent(None, Watts(1000.0)) is None


def test_connections_follow_at_once_or_are_told_again() -> None:
    parked = Actuation("rack-a.1", 0, Watts(25.0), Rung.PARK, START)

    assert not verify(parked, NOTHING, Seconds(START + 2.9)).is_over
    assert verify(parked, NOTHING, Seconds(START + 3.0)).is_over
