"""Trust that is lost at a threshold stays lost for a while, however noise falls."""

import random
from collections.abc import Callable, Iterator
from itertools import pairwise

import pytest
from attrs import evolve

from protocol.units import Seconds, Watts
from proxy.power.actuation.recovery import RETRY
from proxy.power.control.meter import judge
from proxy.power.control.meter_state import Expected, Meter, MeterParams
from proxy.power.control.safety import Conditions, Safety, SafetyState, assess
from proxy.power.control.safety_params import SafetyParams
from proxy.power.journal.alarms import CLEAR_AFTER, AlarmName, Alarms
from proxy.power.orders.budget import Budget, Rule
from proxy.power.ports import DeviceError
from tests.unit.power.test_recovery import ASLEEP, AWAKE, OFF, TOP, Hall

HOUR = 3600
PARAMS, METER = SafetyParams(), MeterParams(slope_w_per_s=50_000.0)
ORDERED = Budget("hall-a", Watts(1000.0), Rule.ORDER, "order 1 of cli")
LAPSED = evolve(ORDERED, rule=Rule.LAPSE, lapsed=("grid",))
WELL = Conditions(
    now=Seconds(0.0),
    budget=ORDERED,
    fail_safe_w=Watts(100.0),
    limit_w=Watts(1000.0),
    power_w=Watts(900.0),
    falling_w=Watts(0.0),
    expected_w=Watts(950.0),
)
Noise = Callable[[], float]
"""Returns about -1 to 1 about a threshold."""


def flips(states: Iterator[object]) -> int:
    return sum(before != after for before, after in pairwise(states))


def states(looks: Iterator[Conditions]) -> Iterator[SafetyState]:
    safety = Safety(SafetyState.NORMAL)
    for second, look in enumerate(looks):
        safety, _, _ = assess(safety, evolve(look, now=Seconds(float(second))), PARAMS)
        yield safety.state


def silences(noise: Noise) -> Iterator[Conditions]:
    for _ in range(HOUR):
        yield evolve(WELL, silence=PARAMS.hold_silence + 0.1 * noise())


def lapses(noise: Noise) -> Iterator[Conditions]:
    for _ in range(HOUR):
        yield evolve(WELL, budget=LAPSED if noise() > 0 else ORDERED)


def losses(noise: Noise) -> Iterator[Conditions]:
    for _ in range(HOUR):
        lost = Seconds(PARAMS.meter_failsafe_s + noise())
        yield evolve(WELL, meter_lost_for=lost if noise() > 0 else None)


def trips(noise: Noise) -> Iterator[Conditions]:
    """By far over the limit until it trips, then within it, again and again."""
    for second in range(HOUR):
        is_over = second % 100 < 25
        yield evolve(WELL, power_w=Watts(1100.0 if is_over else 900.0 + noise()))


@pytest.fixture(params=range(5))
def noise(request: pytest.FixtureRequest) -> Noise:
    chance = random.Random(request.param)  # noqa: S311  (reproducible)
    return lambda: chance.uniform(-1.0, 1.0)


@pytest.mark.parametrize(
    ("looks", "stays_s"),
    [
        (silences, PARAMS.hold_clear_s),
        (lapses, PARAMS.failsafe_clear_s),
        (losses, PARAMS.failsafe_clear_s),
        (trips, 1.6 * PARAMS.trip_clear_s),
    ],
)
def test_a_state_is_left_once_in_its_time_at_the_most(
    looks: Callable[[Noise], Iterator[Conditions]], stays_s: float, noise: Noise
) -> None:
    found = flips(states(looks(noise)))

    assert found <= 2 * (1 + HOUR / stays_s)


def test_trips_again_and_again_keep_the_machines_asleep_for_longer(
    noise: Noise,
) -> None:
    assert flips(states(trips(noise))) <= 8


@pytest.mark.parametrize("kind", ["freezes", "spikes", "too low", "silent"])
def test_a_meter_is_trusted_again_once_a_minute_at_the_most(
    kind: str, noise: Noise
) -> None:
    def trusted() -> Iterator[bool]:
        meter, reading, still = Meter(Seconds(0.0)), 5000.0, 0
        for second in range(HOUR):
            still = int(20 + 15 * noise()) if still <= 0 else still - 1
            is_sick, must = still > 12, 0.0
            reading = reading if kind == "freezes" and is_sick else 5000.0 + noise()
            shown = reading
            if kind == "spikes" and noise() > 0.9:
                shown = 80_000.0
            if kind == "too low":
                shown, must = 3500.0 + 10.0 * noise() * (second % 200 > 100), 5000.0
            expected = Expected(5000.0 + 200.0 * noise(), 4500.0, must)
            silent = kind == "silent" and is_sick
            now = Seconds(float(second))
            meter = judge(meter, None if silent else shown, now, expected, METER)
            yield meter.doubt is None

    assert flips(trusted()) <= 2 * (1 + HOUR / METER.proof_s)


def test_a_meter_at_rest_that_loses_polls_by_chance_is_believed_again(
    noise: Noise,
) -> None:
    """It hung as the site went to rest, and shows one number since it was repaired."""
    meter = Meter(Seconds(0.0))
    trusted: list[bool] = []
    for second in range(HOUR):
        expected = Expected(5000.0, 4500.0) if second < 60 else Expected(40.0, 30.0)
        expected = evolve(expected, is_at_rest=second >= 60)
        shown = 5000.0 + second if second < 60 else 5059.0 if second < 120 else 80.0
        is_lost = second > 120 and noise() > 0.96  # one in fifty
        now = Seconds(float(second))
        meter = judge(meter, None if is_lost else shown, now, expected, METER)
        trusted.append(meter.doubt is None)

    assert not trusted[119]
    assert flips(iter(trusted)) == 2


def test_a_device_that_obeys_by_chance_is_trusted_again_once_in_its_time(
    noise: Noise,
) -> None:
    hall = Hall()
    trusted: list[bool] = []
    for second in range(0, HOUR, 5):
        if second % 300 == 0:
            hall.tell(OFF if second % 600 else TOP, second)
        hall.tick(second)
        hall.answer(DeviceError("locked") if noise() > 0 else None, second)
        hall.says(AWAKE if noise() > 0 else ASLEEP, second)
        trusted.append(hall.machine.is_responsive)

    assert flips(iter(trusted)) <= 2 * (1 + HOUR / RETRY)


def test_an_alarm_at_its_threshold_is_told_once(noise: Noise) -> None:
    """A hidden load, models that devices belie, a machine that is silent."""
    told: list[str] = []
    alarms = Alarms(lambda kind, _cause, _body: told.append(kind))
    for second in range(HOUR):
        now = Seconds(float(second))
        if noise() > 0:
            alarms.holds(AlarmName.HIDDEN_LOAD, "a load", {}, now)
        else:
            alarms.lapses(AlarmName.HIDDEN_LOAD, now)

    assert told == ["alarm"]
    alarms.lapses(AlarmName.HIDDEN_LOAD, Seconds(HOUR + CLEAR_AFTER))
    assert told == ["alarm", "cleared"]
