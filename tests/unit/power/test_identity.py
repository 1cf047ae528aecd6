"""Which machine a connection belongs to, however many share an address and a name."""

from hypothesis import given
from hypothesis import strategies as st

from proxy.power.machines.machine import Machine
from tests.unit.power.tables import NOW, a_table, join


@given(st.lists(st.tuples(st.booleans(), st.integers(0, 7)), max_size=60))
def test_a_crowd_behind_one_address_takes_the_first_place_that_is_free(
    turns: list[tuple[bool, int]],
) -> None:
    table = a_table()
    places: dict[str, int] = {}
    names = ["10.0.0.1 park.1", *(f"10.0.0.1 park.1 {n}" for n in range(2, 70))]
    for miner, (comes, which) in enumerate(turns):
        if comes:
            free = next(name for name in names if name not in places)
            assert join(table, miner, "park.1").key == free
            places[free] = miner
        elif places:
            name = sorted(places)[which % len(places)]
            table.leave(places.pop(name), NOW)


def test_a_crowd_is_not_searched_for_each_that_comes() -> None:
    table, looked = a_table(), 0

    class Counted(dict[int, bool]):
        def __bool__(self) -> bool:
            nonlocal looked
            looked += 1
            return len(self) > 0

    def come(miner: int) -> Machine:
        machine = join(table, miner, "park.1")
        if not isinstance(machine.miners, Counted):
            machine.miners = Counted(machine.miners)
        return machine

    machines = [come(n) for n in range(200)]
    for n in range(0, 200, 2):
        table.leave(n, NOW)
    again = [come(1000 + n) for n in range(100)]

    assert again == machines[::2]
    assert looked < 200 * 10, "and not 200 times 200"


def test_a_machine_that_is_forgotten_leaves_its_name_free() -> None:
    table = a_table()
    first, second = join(table, 1, "park.1"), join(table, 2, "park.1")
    table.leave(2, NOW)
    table.forget([second])

    assert table.find(second.key) is None
    again = join(table, 3, "park.1")
    assert (again.key, again is second) == (second.key, False)
    assert first.miners == {1: True}
