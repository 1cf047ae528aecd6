"""Which engine runs, and what the log says of it."""

from proxy.downstream.fast.choice import choose_engine
from tests.engines import NEEDS_ENGINE


def test_the_python_path_is_taken_where_it_is_asked_for() -> None:
    choice = choose_engine("python", 4)

    assert (choice.name, choice.threads) == ("python", 1)
    assert choice.reason == "the configuration asks for it"


@NEEDS_ENGINE
def test_the_reason_tells_how_many_threads_judge() -> None:
    one, four = choose_engine("native"), choose_engine("native", 4)

    assert (one.threads, four.threads) == (1, 4)
    assert four.reason == f"{one.reason}, 4 threads"
