"""Which source is hashed for, by what each has to offer."""

import pytest

from protocol.units import Seconds
from proxy.jobs.failover import Candidate, choose

NOW, FAIL_BACK = Seconds(1000.0), Seconds(30.0)


def a_candidate(kind: str) -> Candidate:
    """Return one that is `good`, `fresh` (back since a second), `bad` or `gone`."""
    since = Seconds(NOW - 1) if kind == "fresh" else Seconds(0.0)
    return Candidate(kind != "gone", since, is_doubted=kind == "bad")


@pytest.mark.parametrize(
    ("kinds", "active", "chosen"),
    [
        ("good good", None, 0),
        ("gone good", None, 1),
        ("gone gone", 0, None),
        ("fresh good", 1, 1),
        ("good good", 1, 0),
        ("bad good", 0, 1),
        ("bad good", 1, 1),
        ("bad gone", 0, 0),
        ("bad gone", None, 0),
        ("bad bad", 1, 1),
        ("bad bad", None, 0),
        ("bad bad fresh", 0, 2),
        ("gone bad", 0, 1),
    ],
)
def test_the_best_source_that_is_not_doubted_else_one_that_is(
    kinds: str, active: int | None, chosen: int | None
) -> None:
    candidates = [a_candidate(kind) for kind in kinds.split()]

    assert choose(candidates, active, NOW, FAIL_BACK) == chosen
