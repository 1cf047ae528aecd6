"""What the shares of a site and its machines give away, and when it is told."""

import math
from collections.abc import Sequence
from typing import Any

import pytest
from attrs import evolve

from protocol.units import HashesPerSecond, Seconds, Watts
from protocol.work.hashrate import HASHES_PER_DIFFICULTY
from proxy.config import FleetConfig, PowerConfig
from proxy.power.control.step import site_at
from proxy.power.evidence.checks import (
    HASHES_ON_CLEARS,
    LATE,
    LATE_S,
    SILENT_CLEARS,
    ShareChecks,
)
from proxy.power.evidence.windows import ShareEvidence
from proxy.power.journal.alarms import CLEAR_AFTER, AlarmName, Alarms
from proxy.power.link.messages import Joined, MinerWork
from proxy.power.machines.describer import Describer
from proxy.power.machines.fleet import PARKED_DOWN
from proxy.power.machines.machine import LONG_AGO, Machine
from proxy.power.machines.table import SHARES_UNDER_WAY, Table
from proxy.power.settings import params_of
from tests.unit.power.tables import NOW, later

ROWS = (
    FleetConfig(workers="s21.*", model="Antminer S21", tenant="ann"),
    FleetConfig(workers="api.*", model="Antminer S21", control="pyasic"),
)
POWER = PowerConfig(budget_w=100_000, fail_safe_w=0, aux_w=1000.0, aux_share=0.1)
METERED = PowerConfig(budget_w=100_000, fail_safe_w=0, meter="modbus://h:502/1")
FULL_HS, FULL_W = 200e12, 3500.0
NORMAL = 2
"""Shares that an S21 finds in a second here."""

EACH = FULL_HS / HASHES_PER_DIFFICULTY / NORMAL
"""Difficulty of them all."""

STOPS_AFTER = PARKED_DOWN + SHARES_UNDER_WAY
STARTS_WITHIN = LATE * 30.0 + LATE_S
"""Of an S21 whose boards are powered."""


class Hall:
    """Machines at full speed since long ago, and the witness of their shares."""

    def __init__(self, *workers: str, power: PowerConfig = POWER) -> None:
        self.table = Table(Describer.of(POWER, ROWS))
        rows = [
            Joined(n, worker, f"10.0.0.{n}", is_parked=False)
            for n, worker in enumerate(workers or ("s21.1",), 1)
        ]
        self.machines = self.table.join(rows, NOW)
        self.table.adopt(NOW)
        self.table.fleet.changed_at[:] = -math.inf
        for machine in self.machines:
            machine.granted_at, machine.hashing.difficulty = LONG_AGO, EACH
        self.events: list[tuple[str, str, dict[str, Any]]] = []
        self.alarms = Alarms(self._log)
        self.share_checks = ShareChecks(self.table, self.alarms, ShareEvidence(NOW))
        self.params, self.state = params_of(power), site_at(NOW, Watts(0.0))
        self.cap_hs = HashesPerSecond(1e18)

    def _log(self, kind: str, cause: str, body: dict[str, Any]) -> None:
        self.events.append((kind, cause, body))

    @property
    def machine(self) -> Machine:
        return self.machines[0]

    def stop(self, at: float = 0.0) -> None:
        self.table.command_one(self.machine, 0, later(at))

    def count(self, at: float, shares: int = 1, miner: int = 1) -> Machine | None:
        work = shares * EACH
        found = MinerWork(miner, shares, work, work * EACH, 0.0, 0.0)
        return self.share_checks.count(found, later(at))

    def tick(self, at: float) -> None:
        self.share_checks.tick(self.cap_hs, self.state, self.params, later(at))

    def live(self, seconds: Sequence[int], shares: int = 0) -> None:
        """Let every machine send so many shares a second."""
        for s in seconds:
            for miner in range(1, len(self.machines) + 1 if shares else 1):
                self.count(s, shares, miner)
            self.tick(s)

    def stands(self, name: AlarmName, machine: str = "10.0.0.1 s21.1") -> bool:
        return name in self.alarms.of_machine(machine)

    def told(self, name: AlarmName) -> list[str]:
        return [kind for kind, _, b in self.events if b["alarm"] == name.value]


# whose shares


def test_shares_are_put_down_to_their_machine_and_its_tenant() -> None:
    hall = Hall("s21.1", "who.1")

    assert hall.count(1, 3) is hall.machines[0]
    assert hall.count(1, 5, miner=2) is hall.machines[1]
    assert hall.count(1, 7, miner=9) is None
    hall.tick(30)

    evidence = hall.share_checks.evidence
    assert [w.shares for w in evidence.site.windows] == [3]
    assert [w.shares for w in evidence.tenants["ann"].windows] == [3]
    assert [w.shares for w in evidence.strangers.windows] == [5]
    assert [m.hashing.shares.shares for m in hall.machines] == [3, 5]
    assert hall.machines[0].hashing.shares.work2 == 3 * EACH**2


# silence


def silent_at(hall: Hall, seconds: Sequence[int], step: int = 5) -> int | None:
    """Return the second at which the alarm came."""
    for s in seconds[::step]:
        hall.tick(s)
        if hall.stands(AlarmName.SILENT, hall.machine.key):
            return s
    return None


def test_a_machine_at_work_is_silent_once_14_shares_are_overdue() -> None:
    hall = Hall()
    hall.machine.hashing.difficulty = EACH * NORMAL  # one share a second

    assert silent_at(hall, range(60)) == 15
    (kind, cause, body) = hall.events[0]
    assert kind == "alarm"
    assert cause == "at work, but 15 shares expected and none came"
    assert body == {
        "alarm": "silent",
        "machine": hall.machine.key,
        "expected_shares": 15.0,
        "model_hs": FULL_HS,
        "difficulty": EACH * NORMAL,
    }


def test_expected_shares_are_told_to_a_tenth() -> None:
    hall = Hall()
    hall.machine.hashing.difficulty = 1.07 * EACH * NORMAL

    silent_at(hall, range(60))

    assert hall.events[0][2]["expected_shares"] == 14.0
    assert hall.events[0][1] == "at work, but 14 shares expected and none came"
    hall = Hall()
    hall.machine.hashing.difficulty = 0.97 * EACH * NORMAL
    silent_at(hall, range(60))
    assert hall.events[0][2]["expected_shares"] == 15.5


def test_machines_are_looked_at_every_five_seconds() -> None:
    hall = Hall()

    hall.tick(4.9)
    assert hall.machine.hashing.missed == 0.0
    hall.tick(5)
    assert hall.machine.hashing.missed == pytest.approx(5 * NORMAL)
    hall.tick(9)
    assert hall.machine.hashing.missed == pytest.approx(5 * NORMAL)
    hall.tick(12)
    assert hall.machine.hashing.missed == pytest.approx(12 * NORMAL)


@pytest.mark.parametrize("of", ["granted", "told"])
def test_nothing_is_expected_until_a_machine_has_had_twice_its_time_to_start(
    of: str,
) -> None:
    hall = Hall()
    if of == "granted":
        hall.machine.granted_at = NOW
    else:
        hall.table.fleet.changed_at[0] = NOW

    hall.tick(STARTS_WITHIN - 1)
    assert hall.machine.hashing.missed == 0.0
    hall.tick(STARTS_WITHIN + 4)

    assert STARTS_WITHIN == 90.0
    assert hall.machine.hashing.missed == pytest.approx(5 * NORMAL)


def test_a_machine_has_had_its_time_to_start_at_the_very_second() -> None:
    hall = Hall()
    hall.machine.granted_at = hall.table.fleet.changed_at[0] = NOW
    hall.tick(85)

    hall.tick(STARTS_WITHIN)

    assert hall.machine.hashing.missed == pytest.approx(5 * NORMAL)


@pytest.mark.parametrize("why", ["parked", "no source"])
def test_a_machine_without_work_is_not_silent(why: str) -> None:
    hall = Hall()
    if why == "parked":
        hall.machine.miners[1] = True
    else:
        hall.machine.hashing.difficulty = 0.0

    assert silent_at(hall, range(300)) is None
    assert hall.machine.hashing.missed == 0.0


def test_silence_is_over_half_a_minute_after_the_first_share() -> None:
    hall = Hall()
    hall.live(range(0, 11, 5))
    assert hall.stands(AlarmName.SILENT)

    for at in range(11, 50):
        hall.count(at)
        hall.tick(at)
        if not hall.stands(AlarmName.SILENT):
            break

    assert at == 10 + SILENT_CLEARS
    assert hall.told(AlarmName.SILENT) == ["alarm", "cleared"]


def test_silence_is_over_at_once_if_the_machine_is_told_to_stop() -> None:
    hall = Hall()
    hall.live(range(0, 11, 5))
    hall.stop(11)

    hall.tick(15)

    assert not hall.stands(AlarmName.SILENT)
    assert hall.machine.hashing.missed == 0.0


def test_silence_lapses_in_two_minutes_if_the_machine_has_no_work() -> None:
    hall = Hall()
    hall.live(range(0, 11, 5))
    hall.machine.miners[1] = True

    hall.tick(10 + CLEAR_AFTER - 1)
    assert hall.stands(AlarmName.SILENT)
    hall.tick(10 + CLEAR_AFTER + 5)

    assert not hall.stands(AlarmName.SILENT)
    assert hall.machine.hashing.missed == 0.0


# shares of a machine that was told to stop


@pytest.mark.parametrize(
    ("after_s", "strays"), [(STOPS_AFTER - 1, 0), (STOPS_AFTER, 1)]
)
def test_only_shares_long_after_it_was_told_to_stop_are_strays(
    after_s: float, strays: int
) -> None:
    hall = Hall()
    hall.stop()

    assert hall.count(after_s) is hall.machine

    assert hall.machine.hashing.strays == strays
    assert hall.machine.hashing.shares.shares == 0, "it is not at work"


def test_a_machine_that_sleeps_by_its_api_has_as_long_for_its_last_shares() -> None:
    hall = Hall("api.1")
    hall.stop()

    hall.count(STOPS_AFTER - 1)

    assert hall.table.fleet.t_down[0] == 8.0
    assert hall.machine.hashing.strays == 0


def test_a_machine_that_takes_longer_to_stop_is_given_that_long() -> None:
    hall = Hall()
    hall.stop()
    hall.table.fleet.t_down[0] = 300.0

    hall.count(300.0 + SHARES_UNDER_WAY - 1)
    assert hall.machine.hashing.strays == 0
    hall.count(300.0 + SHARES_UNDER_WAY)

    assert hall.machine.hashing.strays == 1


def test_shares_of_a_machine_that_no_plan_has_looked_at_are_no_strays() -> None:
    hall = Hall()
    hall.stop()
    hall.machine.is_new = True

    hall.count(999)

    assert hall.machine.hashing.strays == 0


def test_two_strays_are_an_alarm_that_says_when_it_was_told() -> None:
    hall = Hall()
    hall.stop()

    hall.count(200)
    assert hall.events == []
    hall.count(260.4)

    body = {"alarm": "hashes_on", "machine": hall.machine.key, "told_s_ago": 260}
    cause = "shares still come though it was told to stop"
    assert hall.events == [("alarm", cause, body)]


def test_a_machine_that_was_never_told_anything_else_is_named_without_a_time() -> None:
    hall = Hall()
    hall.stop()
    hall.table.fleet.switched_at[0] = -math.inf

    hall.count(1)
    hall.count(2)

    body = {"alarm": "hashes_on", "machine": hall.machine.key}
    assert [b for _, _, b in hall.events] == [body]


def strayed(difficulty: float = EACH) -> Hall:
    """Return a machine whose last of two strays came 210 s after NOW."""
    hall = Hall()
    hall.machine.hashing.difficulty = difficulty
    hall.stop()
    hall.count(200)
    hall.count(210)
    assert hall.stands(AlarmName.HASHES_ON)
    return hall


@pytest.mark.parametrize(
    ("difficulty", "quiet"),
    [(EACH, HASHES_ON_CLEARS), (EACH * NORMAL * 20, 20 * 13.815511)],
)
def test_a_machine_has_stopped_when_its_silence_is_no_chance(
    difficulty: float, quiet: float
) -> None:
    hall = strayed(difficulty)

    hall.tick(209 + quiet)
    assert hall.stands(AlarmName.HASHES_ON)
    assert hall.machine.hashing.strays == 2
    hall.tick(215 + quiet)

    assert not hall.stands(AlarmName.HASHES_ON)
    assert hall.machine.hashing.strays == 0
    assert hall.told(AlarmName.HASHES_ON) == ["alarm", "cleared"]


def test_a_stray_by_itself_is_forgotten_after_as_long() -> None:
    hall = Hall()
    hall.stop()
    hall.count(200)

    hall.tick(200 + HASHES_ON_CLEARS)
    assert hall.machine.hashing.strays == 0
    hall.count(400)

    assert hall.events == []


def test_a_machine_that_is_told_to_work_again_no_longer_hashes_on() -> None:
    hall = strayed()
    hall.table.command_one(hall.machine, 1, later(220))
    hall.table.fleet.changed_at[0] = -math.inf

    hall.count(224)
    hall.tick(225)

    assert hall.machine.hashing.strays == 0
    assert not hall.stands(AlarmName.HASHES_ON)


# the cap


def test_more_hashes_than_the_cap_are_an_alarm_with_both_windows() -> None:
    hall = Hall()
    hall.cap_hs = HashesPerSecond(0.25 * FULL_HS)

    hall.live(range(301), shares=NORMAL)

    (event,) = [e for e in hall.events if e[2]["alarm"] == "cap_exceeded"]
    assert event[:2] == ("alarm", "shares prove more hashes than the cap allows")
    body = event[2]
    assert (body["cap_hs"], body["delta"], body["z"]) == (0.25 * FULL_HS, 0.01, 4.3)
    assert len(body["windows"]) == 2
    window = body["windows"][1]
    assert sorted(window) == ["hash_hs", "high_hs", "low_hs", "seconds", "shares"]
    spread = 4.3 / math.sqrt(60)
    assert (window["shares"], window["seconds"]) == (60, 30.0)
    assert window["hash_hs"] == pytest.approx(FULL_HS)
    assert window["low_hs"] == pytest.approx(FULL_HS * (1 - spread))
    assert window["high_hs"] == pytest.approx(FULL_HS * (1 + spread))


def test_within_the_cap_again_for_two_minutes_ends_the_alarm() -> None:
    hall = Hall()
    hall.cap_hs = HashesPerSecond(0.25 * FULL_HS)
    hall.live(range(301), shares=NORMAL)

    hall.live(range(301, 700))

    assert hall.told(AlarmName.CAP) == ["alarm", "cleared"]


def test_a_cap_that_is_kept_is_no_alarm() -> None:
    hall = Hall()
    hall.cap_hs = HashesPerSecond(1.01 * FULL_HS)

    hall.live(range(400), shares=NORMAL)

    assert hall.events == []


# J/TH


def test_too_few_hashes_for_the_power_are_an_alarm_with_the_figures() -> None:
    hall = Hall("s21.1", "s21.2")

    hall.live(range(1, 31), shares=1)

    ((kind, cause, body),) = hall.events
    hash_hs = 2 * EACH * HASHES_PER_DIFFICULTY
    it_w = 1.05 * 2 * FULL_W  # by the model and its first bias
    assert kind == "alarm"
    assert cause == (
        "more J/TH than the machines need: hidden load, hash that goes elsewhere, "
        "or dead boards"
    )
    assert body["alarm"] == "hash_missing"
    assert body["it_w"] == pytest.approx(it_w)
    assert body["joules_per_terahash"] == pytest.approx(it_w / hash_hs * 1e12)
    assert body["model_joules_per_terahash"] == pytest.approx(it_w / 400.0)
    assert body["hash_hs"] == pytest.approx(hash_hs)
    assert (body["shares"], body["seconds"]) == (60, 30.0)


def test_more_hashes_than_the_power_allows_are_an_alarm_against_the_least() -> None:
    hall = Hall("s21.1", "s21.2")

    hall.live(range(1, 31), shares=4)

    ((_, cause, body),) = hall.events
    it_w = 1.05 * 2 * FULL_W
    assert cause == (
        "fewer J/TH than the machines need: power that the meter does not see"
    )
    assert body["alarm"] == "unmetered_power"
    assert body["joules_per_terahash"] == pytest.approx(
        it_w / (8 * EACH * HASHES_PER_DIFFICULTY) * 1e12
    )
    assert body["model_joules_per_terahash"] == pytest.approx(2 * FULL_W / 400.0)


def test_hashes_that_fit_the_power_are_no_alarm() -> None:
    hall = Hall("s21.1", "s21.2")

    hall.live(range(1, 301), shares=NORMAL)

    assert hall.events == []
    assert len(hall.share_checks.balances.looks) == 2


def test_hashes_that_fit_again_end_the_alarm() -> None:
    hall = Hall("s21.1", "s21.2")
    hall.live(range(1, 31), shares=1)

    hall.live(range(31, 901), shares=NORMAL)

    assert hall.told(AlarmName.HASH_MISSING) == ["alarm", "cleared"]


def test_windows_are_balanced_each_by_itself() -> None:
    hall = Hall("s21.1", "s21.2")
    hall.live(range(1, 31), shares=1)

    hall.live(range(31, 61), shares=NORMAL)

    assert hall.share_checks.balances.looks[0].shares.shares == 120


@pytest.mark.parametrize(("watts", "looks"), [(None, 0), (7000.0, 1)])
def test_with_a_meter_only_what_it_sees_is_held_against_the_shares(
    watts: float | None, looks: int
) -> None:
    hall = Hall("s21.1", "s21.2", power=METERED)
    seen = None if watts is None else Watts(watts)
    hall.state = evolve(hall.state, meter=evolve(hall.state.meter, watts=seen))

    hall.live(range(1, 31), shares=NORMAL)

    assert len(hall.share_checks.balances.looks) == looks


def test_what_is_seen_is_counted_for_as_long_as_it_was_so() -> None:
    hall = Hall("s21.1", "s21.2", power=METERED)
    aux = hall.params.estimate.aux
    for at, it_w in ((6, 1000.0), (20, 2000.0), (30, 4000.0)):
        meter = evolve(hall.state.meter, watts=aux.site_watts(it_w))
        hall.state = evolve(hall.state, meter=meter)
        hall.tick(at)

    (balance,) = hall.share_checks.balances.looks
    assert balance.it_j == pytest.approx(6 * 1000.0 + 14 * 2000.0 + 10 * 4000.0)
    assert Seconds(balance.shares.seconds) == 30.0
