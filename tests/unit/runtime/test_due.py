"""What is due is found without a look at the rest."""

from hypothesis import given
from hypothesis import strategies as st

from proxy.runtime.due import DueList
from tests.growth import growth, instructions

EVER = 1e9


def test_what_is_due_comes_once_the_longest_overdue_first() -> None:
    due: DueList[str] = DueList()
    for item, at in (("late", 30.0), ("soon", 10.0), ("next", 20.0)):
        due.by(item, at)

    assert due.take(20.0, 9) == ["soon", "next"]
    assert due.take(20.0, 9) == []
    assert due.take(30.0, 9) == ["late"]


def test_an_item_can_be_brought_forward_but_not_put_off() -> None:
    due: DueList[str] = DueList()
    due.by("a", 10.0)
    due.by("a", 5.0)
    due.by("a", 50.0)

    assert due.take(5.0, 9) == ["a"]
    assert due.take(EVER, 9) == []


def test_no_more_are_taken_than_asked_for() -> None:
    due: DueList[int] = DueList()
    for item in range(10):
        due.by(item, 1.0)

    assert due.take(1.0, 4) == [0, 1, 2, 3]
    assert due.is_due(1.0)
    assert due.take(1.0, 9) == [4, 5, 6, 7, 8, 9]
    assert not due.is_due(EVER)


def test_a_dropped_item_is_not_due() -> None:
    due: DueList[str] = DueList()
    due.by("a", 1.0)
    due.drop("a")
    due.drop("never there")

    assert not due.is_due(EVER)
    assert len(due) == 0


Step = tuple[int, float | None]


@given(st.lists(st.tuples(st.integers(0, 5), st.none() | st.floats(0, 100))))
def test_it_is_what_a_look_at_all_would_find(steps: list[Step]) -> None:
    due: DueList[int] = DueList()
    model: dict[int, float] = {}
    for item, at in steps:
        if at is None:
            due.drop(item)
            model.pop(item, None)
        else:
            due.by(item, at)
            model[item] = min(at, model.get(item, EVER))

    taken = due.take(50.0, 99)

    assert sorted(taken) == sorted(item for item in model if model[item] <= 50.0)
    assert [model[item] for item in taken] == sorted(model[item] for item in taken)


def test_a_look_at_nothing_due_costs_the_same_however_many_wait() -> None:
    def waiting(items: int) -> DueList[int]:
        due: DueList[int] = DueList()
        for item in range(items):
            due.by(item, 100.0 + item)
        return due

    few, many = waiting(10), waiting(10_000)

    assert instructions(lambda: few.take(1.0, 99)) == (
        instructions(lambda: many.take(1.0, 99))
    )
    assert growth(lambda n: lambda: waiting(n), 500) < 2.1
