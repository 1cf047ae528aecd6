"""A week of a plant under its real control loop, on a virtual clock.

Orders, prices, peaks, dispatch, lost signals, a sick meter, a trip, a cut supply, a
lost upstream: see `Week`. Says how well the budget was kept and used, and how alike
equal machines were curtailed.

    python -m tests.bench.power_week --machines 100 --lies 0.02 --ignores 0.01
"""

from argparse import ArgumentParser
from pathlib import Path

import numpy as np
from attrs import frozen
from twisted.internet.task import Clock
from typing_extensions import override

from protocol.units import Seconds
from proxy.config import PowerConfig
from proxy.power.machines.fleet import Floats
from proxy.sim.kinds import Fault, FaultShare, MachineKind, Spread
from proxy.sim.plant import Plant, PlantOptions, mixed
from tests.bench.timed import print_timed
from tests.fakes.plant_days import WEEK_H, Week
from tests.fakes.plant_script import Script
from tests.fakes.virtual_adapters import Speaker
from tests.fakes.virtual_plant import (
    FOUR_KINDS,
    PARKED_GRACE,
    VirtualSite,
    worst_minute,
)

SETTLED_S = 900
"""A budget that has stood for so long is settled."""


@frozen
class Setting:
    """What a week is made of.

    Attributes:
        hour: Seconds; a shorter one leaves out the dull part.
        calm_s: Seconds that are lived through at once while nothing happens.
        lease_s: Of the signal.
    """

    machines: int
    kinds: tuple[tuple[MachineKind, float], ...] = FOUR_KINDS
    faults: tuple[FaultShare, ...] = ()
    hour: int = 3600
    calm_s: int = 1
    seed: int = 1
    lease_s: float = 30.0

    @property
    def envelope_w(self) -> float:
        """The contract of the site."""
        return 3500.0 * self.machines


@frozen
class Outcome:
    """What became of a week.

    Attributes:
        worst_minute: Mean watts of the worst minute by its budget, from 20 s after
            each order on.
        used: Of the budgets that stood for long: the part of them that was drawn.
        curtailed_h: Of each machine.
        unevenness: Of each kind of obedient machines, the largest deviation from
            its mean of curtailed hours, as a part of it.
        states: Hours in each.
    """

    worst_minute: float
    used: float
    curtailed_h: Floats
    unevenness: dict[str, float]
    cycles_a_day: float
    states: dict[str, float]

    @override
    def __str__(self) -> str:
        uneven = ", ".join(f"{k} {v:.3f}" for k, v in self.unevenness.items())
        states = ", ".join(f"{k} {v:.2f} h" for k, v in self.states.items())
        return (
            f"worst minute {self.worst_minute:.4f} of its budget; settled budgets used "
            f"{self.used:.4f}; curtailed {self.curtailed_h.mean():.1f} h of each, at "
            f"most off the mean of its kind: {uneven}; {self.cycles_a_day:.2f} cycles "
            f"a day; {states}"
        )


def live_a_week(setting: Setting, folder: Path) -> Outcome:
    """Return what became of a week."""
    site, grid = site_of(setting, folder)
    script = Script(site, grid, setting.envelope_w, setting.calm_s)
    Week(script, setting.hour, setting.seed).write()
    script.live(WEEK_H * setting.hour)
    site.stop()
    return outcome_of(site, PARKED_GRACE if setting.faults else 20)


def site_of(setting: Setting, folder: Path) -> tuple[VirtualSite, Speaker]:
    """Return a site and the signal that it is told by."""
    clock = Clock()
    plant = Plant(
        PlantOptions(
            kinds=mixed(setting.kinds, setting.machines),
            seed=setting.seed,
            spread=Spread(day_w_share=0.02),
            faults=setting.faults,
        ),
        Seconds(clock.seconds()),
    )
    power = PowerConfig(
        budget_w=setting.envelope_w,
        fail_safe_w=0.1 * setting.envelope_w,
        ramp_up_w_per_s=15.0 * setting.machines,
        meter="modbus://127.0.0.1:502/1",
    )
    grid = Speaker("grid", setting.lease_s)
    path = folder / "controller.sqlite3"
    return VirtualSite(path, plant, clock, power, [grid]), grid


def outcome_of(site: VirtualSite, grace: int = 20) -> Outcome:
    """Return what became of what `site` has lived through.

    Args:
        site: It has stopped.
        grace: Seconds that an order has to show.
    """
    trace, days = site.trace, len(site.trace.power_w) / 86_400
    states, counts = np.unique(trace.state, return_counts=True)
    return Outcome(
        worst_minute(trace, grace),
        _used(np.array(trace.power_w), np.array(trace.budget_w)),
        site.curtailed_s / 3600,
        _unevenness(site),
        float(site.switches.mean()) / 2 / days,
        {str(s): int(n) / 3600 for s, n in zip(states, counts, strict=True)},
    )


def _used(power: Floats, budget: Floats) -> float:
    """Return what was drawn of the budgets that stood for `SETTLED_S` and bound."""
    seconds = np.arange(len(budget))
    changed = np.diff(budget, prepend=np.nan) != 0
    since = seconds - np.maximum.accumulate(np.where(changed, seconds, 0))
    share = budget / budget.max()
    binds = (since >= SETTLED_S) & (share > 0.2) & (share < 0.9)
    return float(power[binds].sum() / budget[binds].sum())


def _unevenness(site: VirtualSite) -> dict[str, float]:
    kinds = np.array([kind.model.name for kind in site.plant.options.kinds])
    obeys = np.array([fault is None for fault in site.plant.faults])
    found = {}
    for name in dict.fromkeys(kinds.tolist()):
        hours = site.curtailed_s[(kinds == name) & obeys]
        found[name] = float(np.abs(hours / hours.mean() - 1.0).max())
    return found


def main() -> None:
    """Live through a week and print what came of it."""
    parser = ArgumentParser(description=__doc__)
    parser.add_argument("--machines", type=int, default=100)
    parser.add_argument("--equal", action="store_true", help="all of one kind")
    parser.add_argument("--lies", type=float, default=0.0)
    parser.add_argument("--ignores", type=float, default=0.0)
    parser.add_argument("--hour", type=int, default=3600, help="in seconds")
    parser.add_argument("--calm", type=int, default=1, help="seconds lived at once")
    parser.add_argument("--seed", type=int, default=1)
    parsed = parser.parse_args()
    setting = Setting(
        parsed.machines,
        FOUR_KINDS[:1] if parsed.equal else FOUR_KINDS,
        (
            FaultShare(Fault.LIES, parsed.lies),
            FaultShare(Fault.IGNORES, parsed.ignores),
        ),
        parsed.hour,
        parsed.calm,
        parsed.seed,
    )
    print_timed(lambda folder: live_a_week(setting, folder))


if __name__ == "__main__":
    main()
