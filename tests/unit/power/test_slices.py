"""A trip of many machines is told a slice at a time, steps down first."""

from collections.abc import Sequence

from proxy.power.actuation.actuate import Actuations
from proxy.power.actuation.admission import Admission
from proxy.power.actuation.waiting import SLICE
from proxy.power.journal.effects import Effects, Verb
from proxy.power.journal.outbox import SiteOutbox
from proxy.power.link.messages import Joined
from proxy.power.machines.machine import Machine
from proxy.power.ports import DeviceReport
from tests.unit.power.tables import NOW, a_table, later

COUNT = 2 * SLICE + 10


class Yard:
    """Many machines at work, the first half of them with a device API."""

    def __init__(self, count: int = COUNT) -> None:
        self.table = a_table()
        rows = [
            Joined(n, f"{'lux' if n < count // 2 else 'park'}.{n}", f"10.1.{n}", False)
            for n in range(count)
        ]
        self.table.join(rows, NOW)
        self.table.adopt(NOW)
        self.outbox = SiteOutbox("hall-a")
        admission = Admission(self.table, self.outbox)
        self.actuations = Actuations(self.table, self.outbox, admission)

    def command(self, machines: Sequence[Machine], level: int) -> None:
        levels = self.table.fleet.level.copy()
        levels[[m.row for m in machines]] = level
        self.table.command(levels, NOW)
        self.actuations.command_all((m, "trip") for m in machines)

    def turn(self, at: float = 0.0) -> Effects:
        self.actuations.go_on(later(at))
        return self.outbox.drain()

    def tick(self, at: float) -> list[Machine]:
        return self.actuations.tick(later(at), is_metered=None)


def told(effects: Effects) -> list[str]:
    return [row.key for row in effects.machines]


def test_a_turn_tells_no_more_than_a_slice_and_all_are_told_once() -> None:
    yard = Yard()
    machines = yard.table.machines
    yard.command(machines, 0)

    turns = []
    while yard.actuations.is_behind:
        turns.append(yard.turn())

    assert [len(turn.machines) for turn in turns] == [SLICE, SLICE, 10]
    assert [key for turn in turns for key in told(turn)] == [m.key for m in machines]
    assert sum(len(turn.calls) for turn in turns) == COUNT // 2
    assert sum(len(turn.park) for turn in turns) == COUNT
    assert all(yard.actuations.is_under_way(m) for m in machines)


def test_steps_down_overtake_steps_up_that_wait() -> None:
    yard = Yard()
    rest, others = yard.table.machines[:20], yard.table.machines[20:]
    yard.command(rest, 0)
    yard.turn()
    yard.tick(500.0)
    yard.table.fleet.from_w[: len(rest)] = 0.0

    yard.command(rest, 1)
    yard.command(others, 0)
    turns = [yard.turn() for _ in range(3)]

    keys = [key for turn in turns for key in told(turn)]
    assert set(keys[-20:]) == {m.key for m in rest}


def test_what_is_not_told_yet_counts_as_before_and_its_word_is_left_alone() -> None:
    yard = Yard()
    last = yard.table.machines[-1]
    lux = yard.table.machines[SLICE + 1]
    yard.command(yard.table.machines, 0)
    yard.turn()
    yard.tick(1.0)

    committed = yard.table.fleet.committed_w(later(135.0))
    assert committed[last.row] == last.kind.full_w, "it goes down from now on"
    yard.actuations.reported(lux, DeviceReport(is_asleep=False), 4, later(1.0))
    yard.outbox.drain()
    assert lux.key in told(yard.turn()), "as it was to be"


def test_who_is_told_something_else_while_it_waits_is_told_that_alone() -> None:
    yard = Yard()
    machines = yard.table.machines
    yard.command(machines, 0)
    yard.turn()
    yard.command(machines, 1)

    while yard.actuations.is_behind:
        effects = yard.turn()
        assert not effects.park
        assert not any(call.verb is Verb.SLEEP for call in effects.calls)


def test_one_that_is_forgotten_while_it_waits_is_not_told() -> None:
    yard = Yard()
    yard.command(yard.table.machines, 0)
    gone = yard.table.machines[-1]
    yard.actuations.forget(gone)

    keys = [key for _ in range(3) for key in told(yard.turn())]

    assert len(keys) == COUNT - 1
    assert gone.key not in keys


def test_commands_that_are_due_together_are_looked_at_in_slices() -> None:
    yard = Yard()
    parked = yard.table.machines[COUNT // 2 :]
    yard.command(parked, 0)
    while yard.actuations.is_behind:
        yard.turn()
    for machine in parked:
        machine.miners = dict.fromkeys(machine.miners, True)
    yard.tick(1.0)
    while yard.actuations.is_behind:
        yard.turn(1.0)
    yard.tick(135.0)
    assert not yard.actuations.is_behind, "nothing can be said of them before"

    yard.tick(136.0)
    settled = [COUNT // 2 - len(yard.actuations)]
    while yard.actuations.is_behind:
        yard.turn(136.0)
        settled.append(COUNT // 2 - len(yard.actuations))

    assert settled == [SLICE, COUNT // 2]
