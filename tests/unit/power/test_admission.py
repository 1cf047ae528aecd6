"""Who is parked, who is given jobs, and who is told so again."""

from proxy.power.actuation.admission import LOOK_EVERY, MAX_AGAIN, Admission
from proxy.power.journal.effects import Effects
from proxy.power.machines.machine import Machine
from proxy.power.machines.supply import note_difficulty, note_parked
from tests.unit.power.tables import NOW, ToldOutbox, a_table, join, later

AGAIN = "again: it shall run, and is parked"


class Door:
    """Two machines that shall run and one that shall not; nobody is under way."""

    def __init__(self) -> None:
        self.table = a_table()
        self.first = join(self.table, 1, "lux.1", "10.0.0.1", is_parked=False)
        self.tuned = join(self.table, 2, "lux.2", "10.0.0.2", is_parked=False)
        self.off = join(self.table, 3, "park.3", "10.0.0.3")
        self.table.adopt(NOW)
        self.table.command_one(self.first, 1, NOW)
        self.table.command_one(self.tuned, self.tuned.top, NOW)
        self.table.command_one(self.off, 0, NOW)
        for machine in self.table.machines:
            note_difficulty(machine, 1000.0, NOW)
        self.outbox = ToldOutbox()
        self.under_way: set[str] = set()
        self.admission = Admission(self.table, self.outbox)

    def park(self, machine: Machine, miner: int) -> None:
        note_parked(machine, miner, NOW, is_parked=True)

    def look(self, at: float) -> list[int]:
        """Return who is granted at a look."""
        self.outbox.effects = Effects()
        self.admission.tick(later(at), lambda m: m.key in self.under_way)
        assert not self.outbox.effects.park
        return self.outbox.effects.grant


def test_connections_are_granted_or_parked_by_the_level_of_their_machine() -> None:
    door = Door()

    for machine in door.table.machines:
        door.admission.connect(machine)

    assert door.outbox.effects.grant == [1, 2]
    assert door.outbox.effects.park == [3]
    assert not door.outbox.events


def test_who_is_let_in_and_who_is_not_is_one_event() -> None:
    door = Door()

    door.admission.admit(door.table.machines, "is back")

    granted, parked = [door.first.key, door.tuned.key], [door.off.key]
    body = {"granted": granted, "parked": parked}
    assert door.outbox.events == [("admission", "is back", body)]
    assert (door.outbox.effects.grant, door.outbox.effects.park) == ([1, 2], [3])


def test_nobody_to_let_in_is_no_event() -> None:
    door = Door()

    door.admission.admit([], "is back")

    assert not door.outbox.events


def test_who_shall_run_and_stays_parked_is_granted_at_the_second_look() -> None:
    door = Door()
    door.park(door.first, 1)

    assert door.look(0) == []
    assert door.look(LOOK_EVERY - 1) == []
    assert door.look(LOOK_EVERY) == [1]
    assert door.look(LOOK_EVERY + 1) == []
    body = {"granted": [door.first.key], "parked": []}
    assert door.outbox.events == [("admission", AGAIN, body)]


def test_who_was_at_work_at_the_look_before_is_given_time() -> None:
    door = Door()
    door.look(0)
    door.park(door.first, 1)

    assert door.look(LOOK_EVERY) == []
    assert door.look(2 * LOOK_EVERY) == [1]


def test_who_is_under_way_or_has_no_source_is_not_granted_again() -> None:
    door = Door()
    door.park(door.first, 1)
    door.park(door.tuned, 2)
    door.under_way.add(door.first.key)
    note_difficulty(door.tuned, 0.0, NOW)

    assert [door.look(n * LOOK_EVERY) for n in range(3)] == [[], [], []]


def test_of_very_many_the_first_are_granted_again() -> None:
    door = Door()
    for n in range(MAX_AGAIN + 5):
        machine = join(door.table, 10 + n, f"lux.{n}", f"10.1.{n // 250}.{n % 250}")
        machine.hashing.difficulty = 1000.0
    door.table.adopt(NOW)
    for machine in door.table.machines[3:]:
        door.table.command_one(machine, machine.top, NOW)

    door.look(0)

    assert len(door.look(LOOK_EVERY)) == MAX_AGAIN
