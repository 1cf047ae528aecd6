"""What a turn does at a large site: a slice of the machines, or those that matter."""

from collections.abc import Iterator
from typing import overload

import pytest
from typing_extensions import override

from protocol.units import Seconds
from proxy.power.actuation import polls as asking
from proxy.power.actuation.actuate import Actuations
from proxy.power.actuation.admission import Admission
from proxy.power.actuation.polls import ASKED, LOOKED_AT, POLL, ROUND, Polls
from proxy.power.journal.alarms import AlarmName, Alarms
from proxy.power.journal.outbox import SiteOutbox
from proxy.power.link.messages import Joined
from proxy.power.machines.absence import mind_absent
from proxy.power.machines.machine import ABSENT_AFTER, Machine
from proxy.power.machines.table import Table
from tests.unit.power.tables import NOW, a_table, later


def a_hall(count: int, worker: str = "lux") -> Table:
    table = a_table()
    rows = [Joined(n, f"{worker}.{n}", f"10.1.{n}", False) for n in range(count)]
    table.join(rows, NOW)
    table.adopt(NOW)
    return table


def polls_of(table: Table) -> Polls:
    outbox = SiteOutbox("hall-a")
    actuations = Actuations(table, outbox, Admission(table, outbox))
    return Polls(table, actuations, outbox, Alarms(outbox.log), lambda _: ())


def asked_in(polls: Polls, at: float) -> list[int]:
    """Return how many devices each turn of a tick asks."""
    turns = [len(polls.tick(later(at), is_metered=None))]
    while polls.is_behind:
        turns.append(len(polls.go_on(later(at))))
    return turns


def test_a_large_hall_is_asked_in_parts_and_each_once_a_round() -> None:
    count = ROUND * LOOKED_AT + 500
    polls = polls_of(a_hall(count))

    rounds = [sum(asked_in(polls, at)) for at in range(ROUND)]
    assert max(rounds) == -(-count // ROUND)
    assert sum(rounds) == count
    assert asked_in(polls, ROUND) == [0], "no question is due again"
    again = [sum(asked_in(polls, POLL + at)) for at in range(ROUND)]
    assert max(again) <= -(-count // ROUND)


def test_questions_that_fall_due_together_are_asked_in_slices(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(asking, "LOOKED_AT", 10 * ASKED)
    polls = polls_of(a_hall(2 * ASKED + 10))

    assert asked_in(polls, 0) == [ASKED, ASKED, 10]


def test_what_is_forgotten_before_its_turn_is_not_asked(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(asking, "LOOKED_AT", 10 * ASKED)
    table = a_hall(ASKED + 2)
    polls = polls_of(table)
    polls.tick(NOW, is_metered=None)
    table.leave(ASKED, NOW)
    table.forget([table.machines[ASKED]])

    assert [call.key for call in polls.go_on(NOW)] == [f"10.1.{ASKED + 1}"]


class Seen(list[Machine]):
    """Machines, and the rows of those that were looked at."""

    def __init__(self, machines: list[Machine]) -> None:
        super().__init__(machines)
        self.rows: list[int] = []

    @overload  # type: ignore[override]
    def __getitem__(self, row: int) -> Machine: ...
    @overload
    def __getitem__(self, row: slice) -> list[Machine]: ...
    @override
    def __getitem__(self, row: int | slice) -> Machine | list[Machine]:
        assert isinstance(row, int)
        self.rows.append(row)
        return super().__getitem__(row)

    @override
    def __iter__(self) -> Iterator[Machine]:
        raise AssertionError("all machines are looked at")


def minded(table: Table, at: Seconds) -> list[int]:
    """Return the rows that a look for absent machines looks at."""
    seen = Seen(table.machines)
    mind_absent(table.fleet, seen, table.gone.values(), at)
    return seen.rows


def test_who_is_connected_is_not_looked_at_for_absence() -> None:
    table = a_hall(200, "park")
    table.leave(7, NOW)
    table.leave(3, NOW)
    gone_for = Seconds(NOW + ABSENT_AFTER)

    assert minded(table, gone_for) == [3, 7]
    table.join([Joined(1000, "park.3", "10.1.3", False)], gone_for)
    assert minded(table, gone_for) == [3, 7], "it is taken back into the plan"
    assert minded(table, gone_for) == [7]
    table.forget([table.machines[7]])
    assert minded(table, gone_for) == []


def test_new_machines_are_known_without_a_look_at_all() -> None:
    table = a_hall(3)
    assert table.new == []
    first, second = table.join(
        [Joined(n, f"lux.{n}", f"10.1.{n}", False) for n in (10, 11)], NOW
    )
    assert table.new == [first, second]
    table.leave(10, NOW)
    table.forget([first])

    assert table.new == [second]
    assert table.adopt(NOW) == [second]
    assert table.new == []


def test_alarms_know_whom_one_stands_against() -> None:
    alarms = Alarms(SiteOutbox("hall-a").log)
    alarms.holds(AlarmName.SILENT, "quiet", {}, NOW, "a")
    alarms.holds(AlarmName.ABSENT, "gone", {}, NOW, "b")
    alarms.holds(AlarmName.ABSENT, "gone", {}, NOW, "c")
    alarms.forget("c", NOW)

    assert alarms.against(AlarmName.ABSENT) == ["b"]
    assert alarms.against(AlarmName.LOGIN) == []
