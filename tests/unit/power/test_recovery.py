"""Machines that do not obey their device API: parked, tried again, all brought back."""

from itertools import pairwise

import pytest

from protocol.units import Seconds, Watts
from proxy.power.actuation.actuate import AGAIN_AFTER, Actuations
from proxy.power.actuation.admission import Admission
from proxy.power.actuation.polls import Polls
from proxy.power.actuation.recovery import BUSY_TRIES, QUIET, TRIES
from proxy.power.journal.alarms import Alarms
from proxy.power.journal.effects import Verb
from proxy.power.machines.kinds import Mode
from proxy.power.machines.machine import Api
from proxy.power.machines.supply import note_parked
from proxy.power.ports import (
    DeviceBusyError,
    DeviceError,
    DeviceLoginError,
    DeviceReport,
)
from tests.unit.power.tables import NOW, ToldOutbox, a_table, join, later

KEY = "10.0.0.1"
TOP, OFF = 4, 0
AWAKE = DeviceReport(is_asleep=False, limit_w=Watts(3068.0), power_w=Watts(3068.0))
IDLE = DeviceReport(is_asleep=False, limit_w=Watts(3068.0), power_w=Watts(300.0))
ASLEEP = DeviceReport(is_asleep=True, limit_w=Watts(3068.0), power_w=Watts(25.0))
UNTOLD = DeviceReport(pool_urls=("stratum+tcp://here:1",))


class Hall:
    """One machine with a device API; moments are seconds after NOW."""

    def __init__(self) -> None:
        self.table = a_table()
        self.machine = join(self.table, 1, "lux.1", KEY, is_parked=False)
        self.table.adopt(NOW)
        self.outbox = ToldOutbox()
        admission = Admission(self.table, self.outbox)
        self.actuations = Actuations(self.table, self.outbox, admission)
        alarms = Alarms(self.outbox.log)
        self.polls = Polls(
            self.table, self.actuations, self.outbox, alarms, lambda urls: urls[:0]
        )
        self.says(AWAKE)

    def api(self) -> Api:
        return self.machine.api

    def mode(self) -> Mode:
        return self.machine.mode

    def tell(self, level: int, at: float = 0.0) -> None:
        """Command it; its connection follows at once."""
        level = min(level, self.machine.top)
        self.table.command_one(self.machine, level, later(at))
        self.actuations.command(self.machine, "test", later(at))
        self.follow(at)

    def follow(self, at: float) -> None:
        is_parked = self.table.level_of(self.machine) == OFF
        note_parked(self.machine, 1, later(at), is_parked=is_parked)

    def answer(self, error: DeviceError | None, at: float) -> list[Verb]:
        """Let the calls under way end so; return them."""
        calls, self.outbox.effects.calls = self.outbox.effects.calls, []
        for call in calls:
            self.actuations.answered(call, error, later(at))
        return [call.verb for call in calls]

    def says(self, report: DeviceReport, at: float = 0.0) -> None:
        self.polls.reported(KEY, report, later(at))

    def tick(self, at: float) -> None:
        self.polls.tick(later(at), is_metered=None)

    def defy(self, at: float = 0.0, error: DeviceError | None = None) -> float:
        """Order it off, and let it refuse that; return when it is given up."""
        error = DeviceError("locked") if error is None else error
        self.tell(OFF, at)
        for _ in range(2):
            self.answer(error, at)
            self.says(AWAKE, at)
            at += max(AGAIN_AFTER, 5.0)
            self.tick(at)
        return at

    def live(self, begin: float, end: float, report: DeviceReport = IDLE) -> None:
        """Poll it each minute and let time pass; every call is refused."""
        at = begin
        while at < end:
            self.tick(at)
            if self.answer(DeviceError("locked"), at) or at % 60 < 10:
                self.says(report, at)
            at += 10.0


def test_one_that_can_be_read_and_refuses_rests_once_parked_for_long() -> None:
    hall = Hall()
    at = hall.defy()
    assert not hall.machine.is_responsive

    hall.live(at, QUIET - 1)
    assert not hall.machine.is_responsive
    hall.live(QUIET, QUIET + 60)

    assert hall.machine.is_responsive, "polls renew nothing"
    assert hall.machine.mode is Mode.PARKED, "nor do they bring it back to its API"


def test_one_that_is_parked_and_draws_on_is_not_taken_to_rest() -> None:
    hall = Hall()
    at = hall.defy()

    hall.live(at, 3 * QUIET, AWAKE)

    assert not hall.machine.is_responsive


def test_one_that_refused_to_sleep_is_granted_and_not_woken() -> None:
    hall = Hall()
    at = hall.defy()
    hall.live(at, 330)

    hall.tell(TOP, 330)

    assert hall.outbox.effects.grant[-1:] == [1]
    assert Verb.WAKE not in hall.answer(None, 330)
    assert hall.machine.may_sleep is False


def test_one_that_slept_by_its_api_and_defies_it_now_is_woken_in_the_end() -> None:
    hall = Hall()
    hall.tell(OFF)
    hall.answer(None, 0)
    hall.says(ASLEEP, 1)
    hall.tick(20)
    assert len(hall.actuations) == 0

    hall.tell(TOP, 100)
    for at in (100, 103):
        assert hall.answer(DeviceError("locked"), at) == [Verb.WAKE]
        hall.says(ASLEEP, at)
        hall.tick(at + AGAIN_AFTER)
    assert hall.api() is Api.DEFIES
    tried_at = 103 + AGAIN_AFTER + TRIES[0]
    hall.tick(tried_at)
    assert hall.answer(None, tried_at) == [Verb.WAKE]
    hall.says(AWAKE, tried_at + 5)
    hall.tick(tried_at + 60)

    assert hall.api() is Api.OBEYS
    assert hall.mode() is Mode.TUNED
    assert hall.table.level_of(hall.machine) == hall.machine.top


def test_it_is_tried_again_ever_more_rarely() -> None:
    hall = Hall()
    hall.defy()
    tried: list[float] = []

    for at in range(10, 8000, 10):
        hall.tick(at)
        if hall.answer(DeviceError("locked"), at):
            hall.says(IDLE, at)
            tried.append(at)

    gaps = [b - a for a, b in pairwise(tried)]
    assert gaps[:4] == pytest.approx(TRIES[1:], abs=20)
    assert gaps[4:] == pytest.approx([TRIES[-1]] * len(gaps[4:]), abs=20)


def test_a_try_that_succeeds_brings_it_back_to_its_api() -> None:
    hall = Hall()
    hall.defy()
    hall.tick(100)

    assert hall.answer(None, 100) == [Verb.SLEEP]
    hall.says(ASLEEP, 102)
    hall.tick(112)

    assert (hall.machine.api, hall.machine.mode) == (Api.OBEYS, Mode.TUNED)
    assert hall.machine.is_responsive
    assert hall.table.level_of(hall.machine) == OFF


def test_a_try_that_fails_changes_nothing_of_one_that_rests() -> None:
    hall = Hall()
    at = hall.defy()
    hall.live(at, 400)
    row = hall.machine.row
    before = hall.table.fleet.changed_at[row]

    hall.live(400, 2000)

    assert hall.table.fleet.changed_at[row] == before
    assert hall.machine.is_responsive


def test_one_that_another_tool_holds_is_tried_again_soon() -> None:
    hall = Hall()
    at = hall.defy(error=DeviceBusyError("another tool holds its session"))
    assert hall.machine.fault == "another tool holds its session"

    tries = [s for s in range(int(at), 120) if _tried(hall, s)]

    assert tries[0] <= at + BUSY_TRIES[0]
    assert len(tries) >= 3


def _tried(hall: Hall, at: int) -> bool:
    hall.tick(at)
    busy = DeviceBusyError("another tool holds its session")
    verbs = hall.answer(busy, at)
    if verbs:
        hall.says(IDLE, at)
    return bool(verbs)


def test_one_that_says_yes_and_does_nothing_is_parked() -> None:
    hall = Hall()
    hall.tell(OFF)
    for at in range(90):
        hall.answer(None, at)
        hall.says(AWAKE, at)
        hall.tick(at)

    assert hall.machine.mode is Mode.PARKED
    assert not hall.machine.may_sleep, "it was read, and works"


def test_one_that_cannot_be_told_counts_in_full_until_it_is_quiet_and_is_woken() -> (
    None
):
    hall = Hall()
    hall.tell(OFF)
    hall.answer(None, 0)
    for at in range(1, 40):
        hall.says(UNTOLD, at)
        hall.tick(at)
    assert not hall.machine.is_responsive
    assert hall.machine.fault.startswith("cannot be told")
    assert hall.machine.api is Api.OBEYS

    for at in range(40, 300, 10):
        hall.says(UNTOLD, at)
        hall.tick(at)
    assert hall.machine.is_responsive
    assert hall.machine.mode is Mode.PARKED, "it may idle: counted so"
    hall.tell(TOP, 300)

    assert hall.answer(None, 300) == [Verb.WAKE]


def test_one_that_cannot_be_told_is_taken_to_be_awake_once_it_hashes() -> None:
    hall = Hall()
    hall.tell(OFF)
    hall.answer(None, 0)
    hall.says(UNTOLD, 1)
    hall.tell(TOP, 100)
    hall.answer(None, 100)
    hall.answer(None, 100)

    hall.actuations.recovery.worked(hall.machine, later(130))
    hall.tick(145)

    assert hall.machine.may_sleep is False
    assert len(hall.actuations) == 0


def test_one_without_a_command_to_stop_is_parked_from_the_start() -> None:
    hall = Hall()
    reads = DeviceReport(is_asleep=False, power_w=Watts(3000.0), can_sleep=False)

    hall.says(reads, 1)
    hall.tell(OFF, 2)

    assert hall.machine.api is Api.READS
    assert hall.answer(None, 2) == []
    hall.tick(3)
    hall.tick(3 + 135)
    assert len(hall.actuations) == 0
    assert hall.machine.is_responsive
    hall.tell(TOP, 200)
    assert hall.answer(None, 200) == []
    assert hall.outbox.effects.grant[-1:] == [1]


def test_other_firmware_on_it_is_commanded_again() -> None:
    hall = Hall()
    hall.says(DeviceReport(is_asleep=False, can_sleep=False), 1)

    hall.says(AWAKE, 2)

    assert (hall.machine.api, hall.machine.mode) == (Api.OBEYS, Mode.TUNED)


def test_to_say_nothing_is_not_to_be_as_told() -> None:
    hall = Hall()
    hall.actuations.recovery.unwell(hall.machine, "test", NOW)

    hall.says(UNTOLD, 500)

    assert not hall.machine.is_responsive


def test_one_that_takes_no_limit_is_switched_for_an_hour() -> None:
    hall = Hall()
    hall.tell(1)
    for at in (0, 3):
        assert hall.answer(DeviceError("no such preset"), at) == [Verb.LIMIT]
        hall.says(AWAKE, at)
        hall.tick(at + AGAIN_AFTER)
    hall.answer(None, 6)
    hall.says(ASLEEP, 8)
    hall.tick(20)
    hall.tell(1, 100)
    hall.answer(None, 100)

    hall.says(AWAKE, 3000)
    assert hall.mode() is Mode.SWITCHED
    hall.says(AWAKE, 3700)

    assert hall.mode() is Mode.TUNED


def test_one_that_refuses_the_login_is_known_to_until_it_obeys() -> None:
    hall = Hall()
    hall.defy(error=DeviceLoginError("wrong password"))
    assert hall.actuations.recovery.is_locked_out(hall.machine)

    hall.tick(100)
    hall.answer(None, 100)
    hall.says(ASLEEP, 102)
    hall.tick(112)

    assert not hall.actuations.recovery.is_locked_out(hall.machine)


def test_a_machine_that_goes_is_forgotten() -> None:
    hall = Hall()
    hall.defy()

    hall.polls.forget(hall.machine)

    assert not hall.actuations.recovery.is_waiting(hall.machine)
    assert hall.actuations.recovery.due(Seconds(1e9)) == []
