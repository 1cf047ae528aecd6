"""Alarms are told once when they begin, and once when they are over."""

from typing import Any

from protocol.units import Seconds
from proxy.power.journal.alarms import CLEAR_AFTER, MAX_NAMED, AlarmName, Alarms

NOW = Seconds(1000.0)


class Told(list[tuple[str, str, dict[str, Any]]]):
    """The events of a site."""

    def __call__(self, kind: str, cause: str, body: dict[str, Any]) -> None:
        self.append((kind, cause, body))

    @property
    def kinds(self) -> list[str]:
        return [kind for kind, _, _ in self]


def later(seconds: float) -> Seconds:
    return Seconds(NOW + seconds)


def test_what_goes_on_is_told_once_with_its_figures() -> None:
    told = Told()
    alarms = Alarms(told)
    for second in range(100):
        alarms.holds(AlarmName.CAP, "too much", {"cap_hs": 5.0}, later(second))

    assert told == [("alarm", "too much", {"alarm": "cap_exceeded", "cap_hs": 5.0})]
    assert [a.since for a in alarms.standing] == [NOW]


def test_what_comes_and_goes_is_one_alarm_until_it_stays_away() -> None:
    told = Told()
    alarms = Alarms(told)
    for second in range(0, 600, 60):
        alarms.holds(AlarmName.CAP, "too much", {}, later(second))
        alarms.lapses(AlarmName.CAP, later(second + 30))
    alarms.lapses(AlarmName.CAP, later(540 + CLEAR_AFTER - 1))
    assert told.kinds == ["alarm"]

    alarms.lapses(AlarmName.CAP, later(540 + CLEAR_AFTER))
    alarms.lapses(AlarmName.CAP, later(900))

    assert told[1:] == [
        ("cleared", "over: too much", {"alarm": "cap_exceeded", "for_s": 660.0})
    ]
    assert not alarms.standing


def test_an_alarm_that_is_over_can_begin_anew() -> None:
    told = Told()
    alarms = Alarms(told)
    for begin in (0.0, 500.0):
        alarms.holds(AlarmName.SILENT, "silent", {}, later(begin), "a")
        alarms.lapses(AlarmName.SILENT, later(begin + 200), "a")

    assert told.kinds == ["alarm", "cleared", "alarm", "cleared"]


def test_beyond_ten_machines_one_alarm_speaks_for_the_rest() -> None:
    told = Told()
    alarms = Alarms(told)
    for number in range(MAX_NAMED + 5):
        alarms.holds(AlarmName.SILENT, "silent", {}, NOW, f"m{number}")

    assert told.kinds.count("alarm") == MAX_NAMED + 1
    assert told.kinds.count("mark") == 5
    assert alarms.machines(AlarmName.SILENT) == MAX_NAMED + 5
    assert alarms.of_machine(f"m{MAX_NAMED + 4}") == [AlarmName.SILENT]
    assert len(alarms.standing) == MAX_NAMED + 1

    for number in range(4):  # of those that were told: still more than ten are left
        alarms.lapses(AlarmName.SILENT, later(200), f"m{number}")
    assert told.kinds.count("cleared") == 4
    alarms.lapses(AlarmName.SILENT, later(200), "m4")

    assert told[-1][1].startswith("over: more than 10 machines")
    assert alarms.machines(AlarmName.SILENT) == MAX_NAMED


def test_a_machine_that_is_gone_has_no_alarm() -> None:
    told = Told()
    alarms = Alarms(told)
    alarms.holds(AlarmName.SILENT, "silent", {}, NOW, "a")
    alarms.holds(AlarmName.HASHES_ON, "hashes", {}, NOW, "a")
    alarms.holds(AlarmName.SILENT, "silent", {}, NOW, "b")

    alarms.forget("a", later(1))

    assert alarms.of_machine("a") == []
    assert alarms.machines(AlarmName.SILENT) == 1
    assert told.kinds == ["alarm"] * 3 + ["cleared"] * 2


def test_the_machine_is_named_and_the_time_told_to_a_tenth() -> None:
    told = Told()
    alarms = Alarms(told)

    alarms.holds(AlarmName.SILENT, "no shares", {"for": 9}, NOW, "10.0.0.1")
    assert [a.body for a in alarms.standing] == [{"for": 9}]
    alarms.forget("10.0.0.1", later(123.46))

    name = {"alarm": "silent", "machine": "10.0.0.1"}
    assert told == [
        ("alarm", "no shares", name | {"for": 9}),
        ("cleared", "over: no shares", name | {"for_s": 123.5}),
    ]


def test_a_place_among_the_named_is_free_again_when_one_is_over() -> None:
    told = Told()
    alarms = Alarms(told)
    for n in range(MAX_NAMED):
        alarms.holds(AlarmName.SILENT, "no shares", {}, NOW, f"m{n}")
    alarms.forget("m0", NOW)
    alarms.forget("m1", NOW)
    told.clear()

    for n in range(3):
        alarms.holds(AlarmName.SILENT, "no shares", {}, NOW, f"new{n}")
    alarms.forget("new2", NOW)

    kinds = [(kind, body.get("machine")) for kind, _, body in told]
    assert kinds == [
        ("alarm", "new0"),
        ("alarm", "new1"),
        ("mark", "new2"),
        ("alarm", None),  # more than those named
        ("mark", "new2"),
        ("cleared", None),
    ]
