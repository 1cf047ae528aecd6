"""Which devices are asked, and what becomes of those that answer or do not."""

import pytest

from protocol.units import Watts
from proxy.power.actuation.actuate import Actuations
from proxy.power.actuation.admission import Admission
from proxy.power.actuation.polls import GIVE_UP_AFTER, POLL, Polls
from proxy.power.actuation.recovery import RETRY
from proxy.power.journal.alarms import AlarmName, Alarms
from proxy.power.journal.effects import Call, Verb
from proxy.power.machines.kinds import Mode
from proxy.power.ports import DeviceReport
from tests.unit.power.tables import NOW, ToldOutbox, a_table, join, later

KEY = "10.0.0.1"
FULL = DeviceReport(is_asleep=False, limit_w=Watts(3068.0), power_w=Watts(3100.0))


def foreign(urls: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(url for url in urls if "elsewhere" in url)


class Hall:
    """A machine with a device API, one without, and the questions to them."""

    def __init__(self) -> None:
        self.table = a_table()
        self.machine = join(self.table, 1, "lux.1", KEY, is_parked=False)
        self.parked = join(self.table, 2, "park.1", "10.0.0.2", is_parked=False)
        self.table.adopt(NOW)
        self.outbox = ToldOutbox()
        self.alarms = Alarms(self.outbox.log)
        self.admission = Admission(self.table, self.outbox)
        self.actuations = Actuations(self.table, self.outbox, self.admission)
        self.polls = Polls(
            self.table, self.actuations, self.outbox, self.alarms, foreign
        )

    def tick(self, at: float) -> list[Call]:
        return self.polls.tick(later(at), is_metered=None)

    def says(self, report: DeviceReport | None, at: float = 0.0) -> None:
        self.polls.reported(KEY, report, later(at))


# whom to ask


def test_each_device_is_asked_once_a_minute_and_none_where_there_is_no_api() -> None:
    hall = Hall()

    asked = {s: hall.tick(s) for s in (0, 1, POLL - 1, POLL, POLL + 1, 2 * POLL)}

    read = [Call(KEY, KEY, Verb.READ)]
    assert [s for s, calls in asked.items() if calls] == [0, POLL, 2 * POLL]
    assert all(calls in ([], read) for calls in asked.values())


def test_while_a_command_is_under_way_its_read_backs_are_all_that_is_asked() -> None:
    hall = Hall()
    hall.table.command_one(hall.machine, 0, NOW)
    hall.actuations.command(hall.machine, "test", NOW)
    (sleep,) = hall.outbox.effects.calls
    hall.actuations.answered(sleep, None, NOW)

    asked = []
    for second in range(6):
        if hall.tick(second):
            asked.append(second)
            hall.says(FULL, second)

    assert asked == [1, 4]


def test_a_read_back_stands_for_a_question() -> None:
    hall = Hall()
    hall.tick(0)
    hall.says(FULL, 1)
    hall.table.command_one(hall.machine, 0, later(50))
    hall.actuations.command(hall.machine, "test", later(50))
    (sleep,) = hall.outbox.effects.calls
    hall.actuations.answered(sleep, None, later(50))
    hall.tick(51)
    asleep = DeviceReport(is_asleep=True, power_w=Watts(25.0))
    hall.says(asleep, 52)

    assert len(hall.actuations) == 0
    assert [s for s in (60, 110, 111) if hall.tick(s)] == [111]


def test_a_machine_without_an_api_that_failed_is_not_asked() -> None:
    hall = Hall()
    hall.actuations.recovery.unwell(hall.parked, "test", NOW)

    hall.tick(0)

    assert hall.tick(RETRY - 1) == []


def test_a_machine_that_is_gone_is_asked_anew_when_it_is_back() -> None:
    hall = Hall()
    hall.tick(0)
    hall.says(None, 0)

    hall.polls.forget(hall.machine)

    assert len(hall.tick(1)) == 1
    hall.says(None, GIVE_UP_AFTER)
    assert hall.machine.mode is Mode.TUNED, "its silence begins anew"


def test_to_forget_a_machine_is_to_forget_its_command() -> None:
    hall = Hall()
    hall.table.command_one(hall.machine, 0, NOW)
    hall.actuations.command(hall.machine, "test", NOW)

    hall.polls.forget(hall.machine)

    assert len(hall.actuations) == 0


# what it says


def test_what_a_device_says_of_itself_is_noted() -> None:
    hall = Hall()

    hall.says(FULL, 5)

    machine = hall.machine
    assert machine.heard_at == later(5)
    assert (machine.power_w, machine.limit_w) == (3100.0, 3068.0)
    assert machine.is_asleep is False


def test_a_device_that_is_not_as_told_is_commanded_again() -> None:
    hall = Hall()

    hall.says(DeviceReport(is_asleep=True), 5)

    assert [call.verb for call in hall.outbox.effects.calls] == [Verb.WAKE]


def test_a_device_that_no_plan_has_looked_at_is_not_commanded() -> None:
    hall = Hall()
    hall.machine.is_new = True

    hall.says(DeviceReport(is_asleep=True), 5)

    assert hall.outbox.effects.calls == []
    assert hall.machine.is_asleep is True


def test_the_word_of_a_device_that_nobody_knows_is_dropped() -> None:
    hall = Hall()

    hall.polls.reported("10.9.9.9", FULL, NOW)
    hall.polls.reported("10.9.9.9", None, NOW)

    assert hall.outbox.events == []


AWAKE, ASLEEP = False, True


@pytest.mark.parametrize(
    ("before", "is_asleep", "limit_w", "after"),
    [
        (Mode.TUNED, AWAKE, 3068.0, Mode.TUNED),
        (Mode.TUNED, AWAKE, None, Mode.SWITCHED),
        (Mode.TUNED, ASLEEP, None, Mode.TUNED),
        (Mode.TUNED, None, None, Mode.TUNED),
        (Mode.SWITCHED, AWAKE, None, Mode.SWITCHED),
        (Mode.SWITCHED, AWAKE, 3068.0, Mode.TUNED),
        (Mode.SWITCHED, ASLEEP, 3068.0, Mode.TUNED),
        (Mode.PARKED, AWAKE, 3068.0, Mode.TUNED),
        (Mode.PARKED, AWAKE, None, Mode.SWITCHED),
        (Mode.PARKED, ASLEEP, None, Mode.TUNED),
    ],
)
def test_a_device_is_held_by_what_it_shows_that_it_can_do(
    before: Mode, *, is_asleep: bool | None, limit_w: float | None, after: Mode
) -> None:
    hall = Hall()
    hall.table.set_mode(hall.machine, before)
    limit = None if limit_w is None else Watts(limit_w)

    hall.says(DeviceReport(is_asleep=is_asleep, limit_w=limit))

    assert hall.machine.mode is after


def test_an_api_that_answers_again_is_told_once() -> None:
    hall = Hall()
    hall.table.set_mode(hall.machine, Mode.PARKED)

    hall.says(FULL, 1)
    hall.says(FULL, 2)

    assert hall.outbox.events == [("responsive", "its API answers", {"machine": KEY})]


# silence


@pytest.mark.parametrize(
    ("silent_s", "mode"),
    [(0.0, Mode.TUNED), (GIVE_UP_AFTER - 1, Mode.TUNED), (GIVE_UP_AFTER, Mode.PARKED)],
)
def test_a_device_that_does_not_answer_for_long_is_held_by_parking(
    silent_s: float, mode: Mode
) -> None:
    hall = Hall()
    hall.says(None, 10)

    hall.says(None, 10 + silent_s)

    assert hall.machine.mode is mode


def test_that_a_device_is_given_up_is_told_once() -> None:
    hall = Hall()
    for at in (0, 60, 151, 210, 270):
        hall.says(None, at)

    why = "its API has not answered for 151 s"
    assert hall.outbox.events == [("unresponsive", why, {"machine": KEY})]
    assert hall.machine.is_responsive


def test_an_answer_ends_a_silence() -> None:
    hall = Hall()
    hall.says(None, 0)
    hall.says(FULL, 100)

    hall.says(None, 160)
    hall.says(None, 309)
    before = hall.machine.mode
    hall.says(None, 310)

    assert (before, hall.machine.mode) == (Mode.TUNED, Mode.PARKED)


def test_a_silent_device_without_a_connection_counts_at_full_power() -> None:
    hall = Hall()
    hall.table.leave(1, NOW)
    hall.says(None, 0)

    hall.says(None, GIVE_UP_AFTER)

    assert not hall.machine.is_responsive
    assert hall.machine.mode is Mode.TUNED


# where its pool slots lead


def with_pools(*urls: str) -> DeviceReport:
    return DeviceReport(
        is_asleep=False, limit_w=Watts(3068.0), power_w=Watts(3068.0), pool_urls=urls
    )


def test_a_pool_slot_that_leads_elsewhere_is_an_alarm_until_it_is_gone() -> None:
    hall = Hall()

    hall.says(with_pools("tcp://here:1", "tcp://elsewhere:1"), 1)
    assert hall.alarms.of_machine(KEY) == [AlarmName.FOREIGN_POOL]
    hall.says(with_pools(), 2)
    assert hall.alarms.of_machine(KEY), "it did not say"
    hall.says(with_pools("tcp://here:1"), 2)

    assert hall.alarms.of_machine(KEY) == []
    named = {"alarm": "foreign_pool", "machine": KEY}
    assert hall.outbox.events == [
        (
            "alarm",
            "a pool slot leads elsewhere",
            {**named, "pools": ["tcp://elsewhere:1"]},
        ),
        ("cleared", "over: a pool slot leads elsewhere", {**named, "for_s": 1.0}),
    ]


def test_slots_that_are_put_right_at_once_end_the_alarm_at_once() -> None:
    hall = Hall()
    hall.says(with_pools("tcp://elsewhere:1"), 1)

    hall.says(with_pools("tcp://here:1"), 1)

    assert hall.alarms.of_machine(KEY) == []


def test_an_owners_limit_is_kept_and_nothing_is_sent_to_raise_it() -> None:
    hall = Hall()
    limited = DeviceReport(
        is_asleep=False, limit_w=Watts(2353.0), power_w=Watts(2400.0)
    )

    hall.says(limited)
    hall.says(limited, 60)

    assert hall.machine.top_w == 2353.0
    assert not hall.outbox.effects.calls
    (kept,) = (row for row in hall.outbox.effects.machines if row.key == KEY)
    assert kept.found_w == 2353.0


def test_a_limit_that_is_found_later_is_ours_and_no_top() -> None:
    hall = Hall()
    hall.says(FULL)

    hall.says(DeviceReport(is_asleep=False, limit_w=Watts(2353.0)), 60)

    assert hall.machine.found_w == 3068.0
    assert hall.machine.top_w is None


@pytest.mark.parametrize(("answers", "asked"), [(True, 5), (False, 1)])
def test_a_device_that_has_not_answered_is_not_asked_again_so_soon(
    answers: bool,  # noqa: FBT001
    asked: int,
) -> None:
    hall = Hall()
    hall.table.command_one(hall.machine, 0, NOW)
    hall.actuations.command(hall.machine, "test", NOW)
    (sleep,) = hall.outbox.effects.calls
    hall.actuations.answered(sleep, None, NOW)

    calls = []
    for second in range(1, 15):
        calls += hall.tick(second)
        if answers:
            hall.says(FULL, second)

    assert len(calls) == asked


def test_an_answer_that_was_lost_is_waited_for_no_longer_than_a_minute() -> None:
    hall = Hall()

    asked = [s for s in range(0, 200, 10) if hall.tick(s)]

    assert asked == [0, 60, 120, 180]
