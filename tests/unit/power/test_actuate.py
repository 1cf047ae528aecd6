"""A command on its way: calls and answers one by one, what is believed, what is not."""

from collections.abc import Sequence
from typing import Any

import pytest

from protocol.units import Seconds, Watts
from proxy.power.actuation.actuate import (
    AGAIN_AFTER,
    ATTEMPTS,
    DECIDED_WITHIN,
    Actuations,
)
from proxy.power.actuation.admission import Admission
from proxy.power.actuation.recovery import QUIET, RETRY
from proxy.power.actuation.steps import LIMIT_MARGIN
from proxy.power.actuation.verify import READ_BACK_WITHIN
from proxy.power.journal.effects import Call, Verb
from proxy.power.machines.kinds import Mode
from proxy.power.machines.machine import LONG_AGO, Api, Machine
from proxy.power.machines.supply import note_parked
from proxy.power.machines.table import SHARES_UNDER_WAY
from proxy.power.ports import DeviceError, DeviceReport
from tests.unit.power.tables import NOW, ToldOutbox, a_table, join, later

TOP, SLOW, OFF = 4, 1, 0
"""Levels of an S19j Pro: 3068 W, 2023 W, asleep."""

T_DOWN, T_UP = 8.0, 38.0
"""Seconds that it takes, with what its API needs."""


class Hall:
    """One machine that runs, and what commands to it lead to."""

    def __init__(
        self, worker: str = "lux.1", *, is_asleep: bool | None = False
    ) -> None:
        self.table = a_table()
        self.machine = join(self.table, 1, worker, is_parked=False)
        self.table.adopt(NOW)
        self.machine.is_asleep = is_asleep
        self.machine.heard_at = NOW
        self.outbox = ToldOutbox()
        self.admission = Admission(self.table, self.outbox)
        self.actuations = Actuations(self.table, self.outbox, self.admission)

    def tell(self, level: int, attempts: int = ATTEMPTS, at: Seconds = NOW) -> None:
        self.table.command_one(self.machine, level, at)
        self.actuations.command(self.machine, "test", at, attempts)

    def calls(self) -> list[Call]:
        """Return the calls since the last look."""
        calls, self.outbox.effects.calls = self.outbox.effects.calls, []
        return calls

    def verbs(self) -> list[Verb]:
        return [call.verb for call in self.calls()]

    def answer(self, why_not: str | None = None, at: Seconds = NOW) -> None:
        (call,) = self.calls()
        error = None if why_not is None else DeviceError(why_not)
        self.actuations.answered(call, error, at)

    def refuse(self, why: str = "no", at: Seconds = NOW) -> None:
        """Refuse the call, and be read as before."""
        self.answer(why, at)
        self.actuations.unheard(self.machine, at)

    def says(self, level: int | None, at: Seconds = NOW, **more: Any) -> None:
        self.actuations.reported(self.machine, DeviceReport(**more), level, at)

    def tick(self, at: Seconds, *, is_metered: bool | None = None) -> list[Machine]:
        return self.actuations.tick(at, is_metered=is_metered)

    def kinds(self) -> list[str]:
        return [kind for kind, _, _ in self.outbox.events]

    def last(self, kind: str) -> tuple[str, dict[str, Any]]:
        return next((c, b) for k, c, b in reversed(self.outbox.events) if k == kind)


def asleep(hall: Hall) -> None:
    """Bring the machine to where it was told to sleep, and said that it will."""
    hall.tell(OFF)
    hall.answer()


# which calls a level takes


@pytest.mark.parametrize(
    ("level", "is_asleep", "limit_w", "verbs"),
    [
        (OFF, False, None, [Verb.SLEEP]),
        (TOP, True, None, [Verb.WAKE, Verb.LIMIT]),
        (TOP, False, 3068.0, []),
        (SLOW, False, 3068.0, [Verb.LIMIT]),
        (SLOW, True, 2023.0, [Verb.WAKE]),
        (SLOW, None, 2023.0, [Verb.WAKE]),
    ],
)
def test_only_what_is_not_so_already_is_asked_for(
    level: int, *, is_asleep: bool | None, limit_w: float | None, verbs: Sequence[Verb]
) -> None:
    hall = Hall(is_asleep=is_asleep)
    hall.machine.limit_w = None if limit_w is None else Watts(limit_w)

    hall.tell(level)
    made: list[Verb] = []
    while call := hall.calls():
        made += [c.verb for c in call]
        hall.actuations.answered(call[0], None, NOW)

    assert made == verbs


@pytest.mark.parametrize(("off_by", "is_set"), [(0.99, False), (1.01, True)])
def test_a_limit_that_is_nearly_right_is_left_alone(
    off_by: float, *, is_set: bool
) -> None:
    hall = Hall()
    hall.machine.limit_w = Watts(2023.0 * (1.0 + off_by * LIMIT_MARGIN))

    hall.tell(SLOW)

    assert hall.verbs() == ([Verb.LIMIT] if is_set else [])


def test_a_machine_that_came_by_itself_and_was_never_heard_is_asked_for_nothing() -> (
    None
):
    hall = Hall(is_asleep=None)
    hall.machine.heard_at = Seconds(float("-inf"))

    hall.tell(TOP)

    assert hall.calls() == []
    assert hall.outbox.effects.grant == [1]


def test_a_call_says_to_whom_how_much_and_whether_it_is_less() -> None:
    hall = Hall()

    hall.tell(SLOW)
    (less,) = hall.calls()
    hall.machine.limit_w = Watts(2023.0)
    hall.tell(TOP)
    (more,) = hall.calls()

    address = "10.0.0.1"
    assert less == Call(address, address, Verb.LIMIT, 1, Watts(2023.0), is_down=True)
    assert more == Call(address, address, Verb.LIMIT, 2, Watts(3068.0), is_down=False)


# how a command ends


def test_a_command_is_over_when_it_is_acknowledged_read_back_and_metered() -> None:
    hall = Hall()

    hall.tell(OFF)
    assert hall.actuations.is_under_way(hall.machine) is True
    hall.answer()
    hall.says(OFF, later(2), is_asleep=True)
    assert len(hall.actuations) == 1
    hall.tick(later(T_DOWN), is_metered=True)

    assert hall.actuations.is_under_way(hall.machine) is False
    assert hall.kinds() == [
        "command",
        "acknowledgement",
        "acknowledged",
        "read_back",
        "settled",
    ]
    told = {"machine": "10.0.0.1", "level": OFF, "watts": 25.0, "rung": "sleep"}
    assert hall.last("command") == ("test", {**told, "number": 1})
    assert hall.last("acknowledgement") == (
        "acknowledged",
        {"machine": "10.0.0.1", "verb": "sleep", "ok": True},
    )


def test_the_answer_to_another_command_counts_for_nothing() -> None:
    hall = Hall()
    hall.tell(OFF)
    (old,) = hall.calls()
    hall.tell(SLOW)
    hall.calls()

    hall.actuations.answered(old, None, NOW)

    assert hall.kinds() == ["command", "command"]
    assert hall.calls() == []


def test_a_refusal_is_tried_again_once_then_the_machine_counts_at_full_power() -> None:
    hall = Hall()

    hall.tell(OFF)
    hall.refuse("no such command")
    assert hall.calls() == [], "not at once"
    hall.tick(later(AGAIN_AFTER))
    assert hall.last("command")[0] == "again: no such command"
    hall.refuse("no such command", later(AGAIN_AFTER))

    assert hall.last("acknowledgement") == (
        "no such command",
        {"machine": "10.0.0.1", "verb": "sleep", "ok": False},
    )
    assert hall.kinds().count("command") == 2
    assert hall.kinds().count("verdict") == 2
    assert hall.last("unresponsive") == ("no such command", {"machine": "10.0.0.1"})
    assert not hall.machine.is_responsive
    assert hall.machine.mode is Mode.PARKED
    assert hall.machine.api is Api.DEFIES
    assert hall.outbox.effects.park == [1, 1]


def test_a_machine_that_obeyed_though_its_answer_was_lost_is_believed() -> None:
    hall = Hall()

    hall.tell(OFF)
    hall.answer("no answer in 3 s")
    assert hall.tick(later(0)) == [hall.machine], "it is read before that is believed"
    hall.says(OFF, later(1), is_asleep=True, power_w=Watts(25.0))

    assert len(hall.actuations) == 0
    assert hall.kinds()[-1] == "settled"
    assert hall.machine.api is Api.OBEYS


@pytest.mark.parametrize("is_read", [True, False])
def test_a_failure_is_believed_once_the_device_was_read_or_cannot_be(
    *, is_read: bool
) -> None:
    hall = Hall()
    hall.tell(OFF, attempts=1)
    hall.answer("no answer in 3 s")
    assert "verdict" not in hall.kinds()

    if is_read:
        hall.says(TOP, later(1), is_asleep=False)
    else:
        hall.actuations.unheard(hall.machine, later(1))

    assert hall.last("verdict")[0] == "no answer in 3 s"


def test_a_failure_of_which_nothing_is_heard_is_believed_in_the_end() -> None:
    hall = Hall()
    hall.tell(OFF, attempts=1)
    hall.answer("no answer in 3 s")

    hall.tick(later(DECIDED_WITHIN - 0.1))
    assert "verdict" not in hall.kinds()
    hall.tick(later(DECIDED_WITHIN))

    assert "verdict" in hall.kinds()


def test_one_that_is_awake_when_it_refuses_to_wake_is_told_the_rest() -> None:
    hall = Hall()
    hall.machine.is_asleep = True

    hall.tell(TOP)
    hall.answer("not asleep")
    hall.says(SLOW, later(1), is_asleep=False)

    assert hall.verbs() == [Verb.LIMIT]


def test_a_slow_device_counts_at_full_power_until_it_has_its_command() -> None:
    hall = Hall()
    row = hall.machine.row
    full_w = hall.table.fleet.full_w[row]

    hall.tell(OFF)
    for second in range(22):
        hall.tick(later(second))
    assert hall.table.fleet.committed_w(later(21))[row] == full_w
    hall.answer(at=later(21))
    hall.tick(later(21 + T_DOWN))

    assert hall.table.fleet.committed_w(later(21 + T_DOWN))[row] < full_w
    assert "verdict" not in hall.kinds()


def test_a_machine_that_will_not_wake_is_given_jobs_and_counts_in_full() -> None:
    hall = Hall()
    hall.machine.is_asleep = True

    hall.tell(TOP, attempts=1)
    hall.refuse()

    assert hall.machine.mode is Mode.PARKED
    assert hall.machine.is_responsive
    assert hall.outbox.effects.grant == [1]
    assert len(hall.actuations) == 0


def test_a_machine_that_takes_no_lower_limit_is_put_to_sleep() -> None:
    hall = Hall()

    hall.tell(SLOW, attempts=1)
    hall.refuse()

    assert hall.table.level_of(hall.machine) == OFF
    assert hall.last("command")[0] == "escalated to sleep: no"
    assert hall.verbs() == [Verb.SLEEP]
    assert hall.machine.mode is Mode.SWITCHED


def test_a_machine_that_could_not_be_stopped_counts_from_full_again() -> None:
    hall = Hall()
    hall.tell(OFF, attempts=2)

    hall.refuse(at=later(3))

    row = hall.machine.row
    assert hall.table.fleet.from_w[row] == hall.table.fleet.full_w[row]
    assert hall.table.fleet.changed_at[row] == later(3)
    assert hall.last("verdict")[0] == "no"


# asking how it is


def test_a_device_is_asked_a_second_after_its_word_then_every_three() -> None:
    hall = Hall()
    asleep(hall)

    asked = [s for s in range(9) if hall.tick(later(s))]

    assert asked == [1, 4, 7]


def test_the_meter_is_waited_for_until_the_machine_has_had_its_time() -> None:
    hall = Hall()
    asleep(hall)
    hall.says(OFF, is_asleep=True)

    hall.tick(later(T_DOWN - 0.5), is_metered=True)
    assert len(hall.actuations) == 1
    hall.tick(later(T_DOWN), is_metered=True)

    assert len(hall.actuations) == 0


@pytest.mark.parametrize(
    ("is_metered", "hashes", "is_over"),
    [
        (True, True, True),
        (None, True, True),
        (False, False, True),
        (False, True, False),
    ],
)
def test_what_the_meter_sees_beyond_is_put_down_to_a_machine_that_still_hashes(
    *, is_metered: bool | None, hashes: bool, is_over: bool
) -> None:
    hall = Hall()
    asleep(hall)
    hall.says(OFF, is_asleep=True)
    if hashes:
        hall.machine.hashed_at = later(T_DOWN)

    hall.tick(later(T_DOWN), is_metered=is_metered)

    assert (len(hall.actuations) == 0) is is_over


@pytest.mark.parametrize(
    ("level", "takes"), [(OFF, T_DOWN), (TOP, T_UP)], ids=["down", "up"]
)
def test_a_read_back_is_waited_for_as_long_as_the_machine_takes(
    level: int, takes: float
) -> None:
    hall = Hall(is_asleep=level == TOP)
    hall.machine.limit_w = Watts(3068.0)
    hall.tell(level)
    hall.answer()

    hall.tick(later(READ_BACK_WITHIN + takes - 1))
    assert "verdict" not in hall.kinds()
    hall.tick(later(READ_BACK_WITHIN + takes))

    assert "verdict" in hall.kinds()


def test_a_device_that_draws_what_it_was_told_needs_no_meter() -> None:
    hall = Hall()
    asleep(hall)

    hall.says(OFF, later(2), is_asleep=True, power_w=Watts(25.0))

    assert len(hall.actuations) == 0


def test_a_device_that_draws_more_than_it_was_told_is_left_to_the_meter() -> None:
    hall = Hall()
    asleep(hall)

    hall.says(OFF, later(2), is_asleep=True, power_w=Watts(2000.0))

    assert len(hall.actuations) == 1


def test_parking_is_over_once_every_connection_is_parked_and_has_had_its_time() -> None:
    hall = Hall("park.1")
    hall.tell(OFF)
    hall.tick(later(1))
    assert hall.kinds() == ["command"]

    hall.machine.miners[1] = True
    hall.tick(later(1))
    assert hall.kinds() == ["command", "acknowledged", "read_back"]
    hall.tick(later(135))
    assert hall.kinds()[-1] == "read_back", "since it is parked, not since it was told"
    hall.tick(later(136))

    assert hall.kinds()[-1] == "settled"
    assert hall.calls() == []


# what a device says that was told nothing


def test_a_machine_that_is_not_as_told_is_told_once_more_and_counts_as_full() -> None:
    hall = Hall()

    hall.says(SLOW, later(9))

    assert hall.last("read_back") == (
        "it is not as it was told",
        {"machine": "10.0.0.1", "level": SLOW},
    )
    assert hall.last("command")[0] == "it was not as told"
    assert hall.table.fleet.changed_at[hall.machine.row] == later(9)
    hall.refuse(at=later(9))
    assert hall.machine.mode is Mode.SWITCHED, "one attempt"


@pytest.mark.parametrize("level", [TOP, None])
def test_a_machine_that_is_as_told_or_does_not_say_is_left_alone(
    level: int | None,
) -> None:
    hall = Hall()

    hall.says(level, later(9))

    assert hall.outbox.events == []
    assert hall.calls() == []


@pytest.mark.parametrize(("after_s", "is_well"), [(RETRY - 1, False), (RETRY, True)])
def test_a_machine_that_failed_is_believed_a_minute_after_its_last_share(
    after_s: float, *, is_well: bool
) -> None:
    hall = Hall()
    hall.actuations.recovery.unwell(hall.machine, "test", NOW)
    hall.machine.hashed_at = NOW

    hall.says(TOP, later(after_s))

    assert hall.machine.is_responsive is is_well
    assert ("responsive" in hall.kinds()) is is_well


def test_a_machine_that_failed_is_asked_each_minute_until_it_is_well() -> None:
    hall = Hall()
    hall.actuations.recovery.unwell(hall.machine, "test", NOW)
    hall.actuations.recovery.unwell(hall.machine, "test", NOW)

    asked = [s for s in range(0, 150, 10) if hall.tick(later(s))]
    assert asked == [60, 120]
    assert hall.kinds() == ["unresponsive"], "once"
    hall.says(TOP, later(150))

    assert hall.last("responsive") == (
        "reads back as it was told",
        {"machine": "10.0.0.1"},
    )
    assert not any(hall.tick(later(s)) for s in range(150, 400, 10))


def test_a_machine_that_failed_is_well_once_it_has_done_as_it_was_told() -> None:
    hall = Hall()
    hall.actuations.recovery.unwell(hall.machine, "test", NOW)
    asleep(hall)
    hall.says(OFF, later(2), is_asleep=True, power_w=Watts(25.0))

    assert hall.machine.is_responsive
    assert hall.last("responsive")[0] == "did as it was told"
    assert not any(hall.tick(later(s)) for s in range(3, 100))


def test_a_machine_that_is_gone_is_asked_nothing() -> None:
    hall = Hall()
    asleep(hall)
    hall.actuations.recovery.unwell(hall.machine, "test", NOW)

    hall.actuations.forget(hall.machine)

    assert len(hall.actuations) == 0
    assert not any(hall.tick(later(s)) for s in range(200))


# machines held by parking alone


def quiet(hashed_at: float, *, is_parked: bool = True, level: int = OFF) -> Hall:
    """Return a parked machine that failed, its last share `hashed_at` s after NOW."""
    hall = Hall("park.1")
    hall.table.command_one(hall.machine, level, NOW)
    note_parked(hall.machine, 1, NOW, is_parked=is_parked)
    hall.machine.hashed_at = later(hashed_at)
    hall.actuations.recovery.unwell(hall.machine, "test", NOW)
    return hall


@pytest.mark.parametrize(
    ("hall", "at", "is_well"),
    [
        (quiet(10), 10 + QUIET, True),
        (quiet(10), 9 + QUIET, False),
        (quiet(-900), QUIET, True),
        (quiet(-900), QUIET - 1, False),
        (quiet(-900, is_parked=False), QUIET, False),
        (quiet(-900, level=1), QUIET, False),
    ],
)
def test_a_parked_machine_has_stopped_when_no_share_came_for_long(
    hall: Hall, at: float, *, is_well: bool
) -> None:
    asked = hall.tick(later(at))

    assert hall.machine.is_responsive is is_well
    assert asked == [], "it has no API"
    if is_well:
        assert hall.last("responsive")[0] == "parked, no share seen for 150 s"


@pytest.mark.parametrize(
    ("after_s", "is_well"),
    [(135 + SHARES_UNDER_WAY - 1, True), (135 + SHARES_UNDER_WAY, False)],
)
def test_a_share_long_after_it_was_told_to_stop_shows_that_it_did_not(
    after_s: float, *, is_well: bool
) -> None:
    hall = Hall("park.1")
    hall.tell(OFF)

    hall.actuations.hashed(hall.machine, later(after_s))

    assert hall.machine.hashed_at == later(after_s)
    assert hall.machine.is_responsive is is_well
    assert len(hall.actuations) == (1 if is_well else 0)


def test_that_it_hashes_on_is_said_once() -> None:
    hall = Hall("park.1")
    hall.tell(OFF)

    hall.actuations.hashed(hall.machine, later(200))
    hall.actuations.hashed(hall.machine, later(201))

    assert hall.kinds() == ["command", "unresponsive"]
    assert hall.machine.hashed_at == later(201)


def test_a_machine_found_to_take_no_limit_is_at_the_level_that_it_was_told() -> None:
    hall = Hall()
    hall.machine.heard_at = LONG_AGO
    hall.tell(TOP)
    hall.table.set_mode(hall.machine, Mode.SWITCHED)  # by what it said

    hall.says(1, later(1), is_asleep=False, power_w=Watts(3000.0))

    assert not hall.actuations.is_under_way(hall.machine)
    assert "verdict" not in hall.kinds()
