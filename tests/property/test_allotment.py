"""Many halls, one budget: no fault takes the sum above it, and each rule is needed."""

from collections.abc import Callable

import pytest

from proxy.power.allotment import allot, tenure
from tests.fakes.cluster_sim import Rules, World, without

SEEDS = 24
"""Here; `python -m tests.bench.cluster_runs 2000` takes as many as one wants."""

ENOUGH = 300
"""Runs within which each rule is missed: most are within ten."""

FALLS_FOR = 20.0


def _without(rule: str, instead: str) -> Callable[[], Rules]:
    return lambda: Rules(allot=without(allot, rule, instead))


LEFT_OUT: dict[str, tuple[float, Callable[[], Rules]]] = {
    "a lease counts from receipt": (
        0.0,
        lambda: Rules(tenure=without(tenure, "(sent + self.", "(now + self.")),
    ),
    "a lowering counts as done when it is sent": (
        0.0,
        _without("    held += [watts for _, watts in _not_given_up(row, grant)]", ""),
    ),
    "a member counts as gone after three seconds": (
        0.0,
        _without(">= term.times.gone_after + row.down_s", ">= 3.0"),
    ),
    "a restart frees what the life before held": (
        0.0,
        _without("if term.now < seen.old_until:", "if False:"),
    ),
    "a leader writes whoever leads": (0.0, lambda: Rules(fenced=False)),
    "a new leader raises at once": (
        0.0,
        _without(
            "is_frozen = term.is_frozen or any(stand.is_unknown for stand"
            " in stands.values())",
            "is_frozen = False",
        ),
    ),
    "within may-hold all is free, room or not": (
        FALLS_FOR,
        _without("if room < 0:", "if False:"),
    ),
    "a leader that was away goes on as before": (
        0.0,
        _without("if now - term.now < term.times.lease:", "if True:"),
    ),
    "who is silent has stopped drawing": (
        FALLS_FOR,
        _without(">= term.times.gone_after + row.down_s", ">= term.times.gone_after"),
    ),
    "what was lowered draws no more": (
        FALLS_FOR,
        _without("[row.held_w, row.floor_w, grant.watts]", "[grant.watts]"),
    ),
}


@pytest.mark.parametrize("down_s", [0.0, FALLS_FOR])
def test_no_fault_takes_the_sum_above_the_budget(down_s: float) -> None:
    worlds = [World(seed, down_s=down_s).run() for seed in range(SEEDS)]

    assert [world.seed for world in worlds if world.excess() > 0] == []
    assert sum(len(world.leaders) for world in worlds) > 8 * SEEDS  # faults bite
    assert sum(world.use() for world in worlds) > 0.5 * SEEDS  # and it is used


@pytest.mark.parametrize("rule", LEFT_OUT)
def test_a_rule_that_is_left_out_is_missed(rule: str) -> None:
    down_s, mutant = LEFT_OUT[rule]
    rules = mutant()

    assert any(
        World(seed, rules, down_s=down_s).run().excess() > 0 for seed in range(ENOUGH)
    )
