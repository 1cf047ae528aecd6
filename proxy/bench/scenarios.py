"""The scenarios by name: what each does to a server, and how the servers are set up."""

from collections.abc import Callable

from attrs import frozen

from proxy.bench.arrangement import SHARE_DIFFICULTY, Engine, Setting
from proxy.bench.connection_scenarios import (
    ESTABLISHED,
    ESTABLISHED_PER_S,
    measure_fanout,
    measure_idle,
    measure_storm,
)
from proxy.bench.figures import (
    FANOUT_COLUMNS,
    IDLE_COLUMNS,
    SHARE_COLUMNS,
    SOAK_COLUMNS,
    STORM_COLUMNS,
    Column,
    Figures,
)
from proxy.bench.shares import ShareSettings, measure_shares
from proxy.bench.soak import SHARES_PER_S, measure_soak
from proxy.bench.target import Target

PACED_WINDOW = 16
"""Shares of a miner in flight before the pace passes over it."""


@frozen
class Options:
    """What `baseload bench` was asked for; None: as the scenario has it.

    Attributes:
        window: Shares of each miner in flight, where no pace is set.
        rate: Shares per second where a pace is set.
        against: Another server, to be measured in turn with ours; None: no other.
        pool: Address and port; None: one of our own.
    """

    engine: Engine = "auto"
    seconds: float | None = None
    rounds: int | None = None
    miners: int | None = None
    window: int = 4
    rate: float = 20_000.0
    against: Target | None = None
    pool: Target | None = None


@frozen
class ScenarioPlan:
    """What a scenario does in the end.

    Attributes:
        seconds: That each server is measured for, in each round.
    """

    miners: int
    seconds: float
    rounds: int
    window: int
    rate: float

    @property
    def length(self) -> str:
        """Say how long it measures."""
        return f"{self.rounds} x {self.seconds:g} s"


STEADY = Setting("auto")

SELDOM = Setting("auto", job_every_s=30.0)
"""As pools do: each job holds replies up for as long as it takes to tell all miners."""


@frozen
class Scenario:
    """Something that a server is put through.

    Attributes:
        title: Says what was done.
        measure: Does it to a server.
        extra: Connections beside the `miners`.
        rounds, miners, seconds: Where the user does not say.
        has_baseline: The bare server is measured too.
        setting: Of the servers, but for the engine of ours.
    """

    name: str
    title: Callable[[ScenarioPlan], str]
    measure: Callable[[Target, ScenarioPlan], Figures]
    columns: tuple[Column, ...]
    miners: int
    extra: int = 0
    seconds: float = 3.0
    rounds: int = 3
    has_baseline: bool = True
    setting: Setting = STEADY

    def plan(self, options: Options) -> ScenarioPlan:
        """Return what to do by the user's wishes."""
        return ScenarioPlan(
            self.miners if options.miners is None else options.miners,
            self.seconds if options.seconds is None else options.seconds,
            self.rounds if options.rounds is None else options.rounds,
            options.window,
            options.rate,
        )


def _closed(name: str, what: str, *, misses: bool) -> Scenario:
    return Scenario(
        name,
        lambda plan: (
            f"{name}: {what}, {plan.miners:,} miners, {plan.window} in flight, "
            f"{plan.length}"
        ),
        lambda target, plan: measure_shares(
            target, ShareSettings(plan.miners, plan.seconds, plan.window, misses=misses)
        ),
        SHARE_COLUMNS,
        miners=1000,
    )


PACED = Scenario(
    "paced",
    lambda plan: (
        f"paced: {plan.rate:,.0f} shares/s from {plan.miners:,} miners, {plan.length}"
    ),
    lambda target, plan: measure_shares(
        target, ShareSettings(plan.miners, plan.seconds, PACED_WINDOW, pace=plan.rate)
    ),
    SHARE_COLUMNS,
    miners=2000,
    setting=SELDOM,
)

IDLE = Scenario(
    "idle",
    lambda plan: f"idle: {plan.miners:,} miners held for {plan.seconds:g} s",
    lambda target, plan: measure_idle(target, plan.miners, plan.seconds),
    IDLE_COLUMNS,
    miners=15_000,
    rounds=1,  # a server that has had them before has the memory already
)

FANOUT = Scenario(
    "fanout",
    lambda plan: f"fanout: a new job to {plan.miners:,} miners, {plan.length}",
    lambda target, plan: measure_fanout(target, plan.miners, plan.seconds),
    FANOUT_COLUMNS,
    miners=10_000,
    seconds=5.0,
)

STORM = Scenario(
    "storm",
    lambda plan: (
        f"storm: {plan.miners:,} miners at once while {ESTABLISHED:,} send "
        f"{ESTABLISHED_PER_S:,.0f} shares/s, {plan.rounds} times"
    ),
    lambda target, plan: measure_storm(target, plan.miners),
    STORM_COLUMNS,
    miners=10_000,
    extra=ESTABLISHED,
)

SOAK = Scenario(
    "soak",
    lambda plan: (
        f"soak: {SHARES_PER_S:,.0f} shares/s from {plan.miners:,} miners, up to "
        f"{plan.seconds:g} s; connects, jobs, blocks and retargets all along"
    ),
    lambda target, plan: measure_soak(target, plan.miners, plan.seconds),
    SOAK_COLUMNS,
    miners=1000,
    seconds=600.0,
    rounds=1,
    has_baseline=False,
    setting=Setting(
        "auto", block_every=30, shares_per_minute=60.0, maximum=2 * SHARE_DIFFICULTY
    ),
)

SCENARIOS: dict[str, tuple[Scenario, ...]] = {
    "closed": (
        _closed("accept", "shares that meet the difficulty", misses=False),
        _closed("reject", "shares that miss the difficulty", misses=True),
    ),
    "paced": (PACED,),
    "idle": (IDLE,),
    "fanout": (FANOUT,),
    "storm": (STORM,),
    "soak": (SOAK,),
}
"""What the user names, and what that stands for."""
