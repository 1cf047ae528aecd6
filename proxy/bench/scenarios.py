"""The scenarios by name: what each does to a server, and how the servers are set up."""

from collections.abc import Callable

from attrs import frozen

from proxy.bench.figures import SHARE_COLUMNS, Column, Figures
from proxy.bench.rig import Engine, Setting
from proxy.bench.shares import ShareSettings, measure_shares
from proxy.bench.target import Target

PACED_WINDOW = 16
"""Shares of a miner in flight before the pace passes over it."""


@frozen
class Options:
    """What `baseload bench` was asked for.

    Attributes:
        seconds: That each server is measured for, in each round.
        miners: None: as the scenario has it.
        window: Shares of each miner in flight, where no pace is set.
        rate: Shares per second where a pace is set.
        against: Another server, to be measured in turn with ours.
        pool: Address and port; None: one of our own.
    """

    engine: Engine = "auto"
    seconds: float = 3.0
    rounds: int = 3
    miners: int | None = None
    window: int = 4
    rate: float = 20_000.0
    against: Target | None = None
    pool: Target | None = None


@frozen
class Scenario:
    """Something that a server is put through.

    Attributes:
        miners: How many there are if the user does not say.
        title: Says what was done, by the options and the number of miners.
        measure: Does it to a server.
    """

    name: str
    miners: int
    columns: tuple[Column, ...]
    title: Callable[[Options, int], str]
    measure: Callable[[Target, Options, int], Figures]
    setting: Callable[[Options], Setting] = lambda options: Setting(options.engine)


def _closed(name: str, what: str, *, misses: bool) -> Scenario:
    return Scenario(
        name,
        1000,
        SHARE_COLUMNS,
        lambda options, miners: (
            f"{name}: {what}, {miners:,} miners, {options.window} in flight, "
            f"{options.rounds} x {options.seconds:g} s"
        ),
        lambda target, options, miners: measure_shares(
            target,
            ShareSettings(miners, options.seconds, options.window, misses=misses),
        ),
    )


PACED = Scenario(
    "paced",
    2000,
    SHARE_COLUMNS,
    lambda options, miners: (
        f"paced: {options.rate:,.0f} shares/s from {miners:,} miners, "
        f"{options.rounds} x {options.seconds:g} s"
    ),
    lambda target, options, miners: measure_shares(
        target, ShareSettings(miners, options.seconds, PACED_WINDOW, pace=options.rate)
    ),
)

SCENARIOS: dict[str, tuple[Scenario, ...]] = {
    "closed": (
        _closed("accept", "shares that meet the difficulty", misses=False),
        _closed("reject", "shares that miss the difficulty", misses=True),
    ),
    "paced": (PACED,),
}
"""What the user names, and what that stands for."""

ALL = ("closed", "paced")
"""What is run if the user names none."""
