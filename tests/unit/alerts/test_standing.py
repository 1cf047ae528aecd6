"""An alarm begins when its condition has held, and ends when it has not for long."""

from protocol.units import Seconds, UnixTime
from proxy.alerts.alarm import MAX_NAMES, Condition, Severity
from proxy.alerts.standing import CLEAR_AFTER, StandingAlarms

WALL = 1_700_000_000.0
DOWN = Condition(
    "pool_down", "", Severity.WARNING, "a pool is away", ("main",), Seconds(60.0)
)


def look(alarms: StandingAlarms, at: float, *conditions: Condition) -> list[str]:
    over = alarms.look(conditions, Seconds(at), UnixTime(WALL + at))
    return [alarm.kind for alarm in over]


def kinds(alarms: StandingAlarms) -> list[str]:
    return [alarm.kind for alarm in alarms.all]


def test_a_condition_must_hold_without_a_break_to_be_an_alarm() -> None:
    alarms = StandingAlarms()
    for second in range(50):
        look(alarms, second, DOWN)
    look(alarms, 50)  # it came back
    for second in range(51, 110):
        look(alarms, second, DOWN)
    assert kinds(alarms) == []
    look(alarms, 111, DOWN)
    assert kinds(alarms) == ["pool_down"]
    assert alarms.all[0].since == WALL + 111


def test_what_comes_and_goes_is_one_alarm_and_its_end_is_told_once() -> None:
    alarms = StandingAlarms()
    trip = Condition("trip", "hall-a", Severity.CRITICAL, "above the budget")
    assert look(alarms, 0, trip) == []
    for second in range(1, 200):
        assert look(alarms, second, *([trip] if second % 50 == 0 else [])) == []
    assert kinds(alarms) == ["trip"]
    found = [kind for s in range(200, 300) for kind in look(alarms, s)]
    assert found == ["trip"]
    assert kinds(alarms) == []


def test_many_behind_one_alarm_are_counted_and_some_are_named() -> None:
    alarms = StandingAlarms()
    names = tuple(f"pool-{n}" for n in range(1000))
    look(alarms, 0, Condition("pool_down", "", Severity.WARNING, "away", names))
    (alarm,) = alarms.all
    assert alarm.count == 1000
    assert len(alarm.names) == MAX_NAMES


def test_the_same_at_two_sites_is_two_alarms() -> None:
    alarms = StandingAlarms()
    both = [Condition("trip", s, Severity.CRITICAL, "x") for s in ("a", "b")]
    look(alarms, 0, *both)
    look(alarms, CLEAR_AFTER, both[0])
    assert [alarm.site for alarm in alarms.all] == ["a"]
