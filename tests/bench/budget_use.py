"""How much of its budget a site uses, minute by minute, and that it never exceeds it.

The real control loop holds the simulated plant on a virtual clock: a cold start, then
orders up and down. A budget is settled 60 s after it changed and its ramp is over; by
parking alone 180 s after, since machines hash on until their watchdogs.

    python -m tests.bench.budget_use --machines 200 --means some
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
from proxy.sim.kinds import FaultShare, MachineKind, kind_of
from proxy.sim.plant import Plant, PlantOptions, mixed
from proxy.sim.site_meter import MeterOptions
from tests.bench.timed import print_timed
from tests.fakes.virtual_adapters import Speaker
from tests.fakes.virtual_plant import FOUR_KINDS, Means, VirtualSite

LUXOS: tuple[tuple[MachineKind, float], ...] = tuple(
    (kind_of(name), 1.0)
    for name in ("Antminer S19j Pro", "Antminer S21", "Antminer S19 XP")
)
"""Kinds that wake in 35 s."""

SHARES = (0.9, 0.57, 0.75, 0.4, 0.62, 0.85)
"""Of what all machines draw: each budget after the start."""

RAMP_UP = 20_000.0
"""W/s, as a config has it by default."""

COLD_S = 180
"""After a cold start, and its ramp: two minutes to learn what machines draw, and one
for those that are woken then."""

RENEW_S, MINUTE = 10, 60


@frozen
class Setting:
    """What a run is made of.

    Attributes:
        stand_s: How long each budget stands.
        noise: Of a reading of the meter, standard deviation.
        faults: What parts of the machines do instead of what they are told.
        found_s: Until those are found out that do not obey.
    """

    machines: int
    means: Means = Means.SOME
    kinds: tuple[tuple[MachineKind, float], ...] = LUXOS
    stand_s: int = 900
    noise: float = 0.002
    seed: int = 1
    shares: tuple[float, ...] = SHARES
    faults: tuple[FaultShare, ...] = ()
    found_s: int = 20

    @property
    def settle_s(self) -> int:
        """After a change of budget, and its ramp."""
        return 180 if self.means is Means.PARKING else 60

    @property
    def keep_s(self) -> int:
        """After a lower budget: from then on no minute is above it."""
        return 150 if self.means is Means.PARKING else self.found_s


@frozen
class Outcome:
    """What became of the budgets, each minute of every second on.

    Attributes:
        over: Mean watts of the worst minute, as a part of its budget.
        least: Of all settled minutes the one that used least of its budget.
        mean: What was used of the settled budgets.
        cold_s: From a cold start until 0.97 of the first budget, beyond its ramp.
        commands: Commands to devices, for each machine and hour.
        most_switches: How often a machine began or ceased to hash, the busiest one.
        soonest_s: The shortest time between two such changes of one machine.
    """

    over: float
    least: float
    mean: float
    cold_s: float
    commands: float
    most_switches: int
    soonest_s: float

    @override
    def __str__(self) -> str:
        return (
            f"settled minutes used {self.least:.4f} at least, {self.mean:.4f} on the "
            f"mean; the worst minute {self.over:.4f}; 0.97 after a cold start in "
            f"{self.cold_s:.0f} s beyond the ramp; {self.commands:.1f} "
            f"commands to a machine in an hour; none was switched more than "
            f"{self.most_switches} times, nor twice within {self.soonest_s:.0f} s"
        )


def run(setting: Setting, folder: Path) -> Outcome:
    """Live through the budgets of `setting`."""
    site, grid, full_w = _site_of(setting, folder)
    settled: list[Floats] = []
    over, before = 0.0, 0.0
    for share in setting.shares:
        grid.order(share * full_w, site.wall())
        used = _live(site, grid, setting.stand_s) / (share * full_w)
        ramp_s = int(max(0.0, share - before) * full_w / RAMP_UP)
        kept = used[setting.keep_s if share < before else 0 :]
        settle_s = setting.settle_s if settled else COLD_S
        settled.append(_minutes(used[settle_s + ramp_s :]))
        over, before = max(over, float(_minutes(kept).max())), share
    site.stop()
    return _outcome(setting, np.concatenate(settled), over, site, full_w)


def _outcome(
    setting: Setting, settled: Floats, over: float, site: VirtualSite, full_w: float
) -> Outcome:
    first_w = setting.shares[0] * full_w
    began = np.array(site.trace.power_w[: setting.stand_s])
    reached = np.flatnonzero(began >= 0.97 * first_w)
    cold_s = float(reached[0]) - first_w / RAMP_UP if len(reached) else np.inf
    hours = setting.stand_s * len(setting.shares) / 3600
    calls = site.devices.commands / hours / setting.machines
    return Outcome(
        over,
        float(settled.min()),
        float(settled.mean()),
        cold_s,
        calls,
        int(site.switches.max()),
        site.soonest_s,
    )


def _site_of(setting: Setting, folder: Path) -> tuple[VirtualSite, Speaker, float]:
    """Return a cold site, its signal, and what all of its machines draw."""
    clock = Clock()
    options = PlantOptions(
        kinds=mixed(setting.kinds, setting.machines),
        seed=setting.seed,
        meter=MeterOptions(noise=setting.noise),
        faults=setting.faults,
        starts_idle=True,
    )
    plant = Plant(options, Seconds(clock.seconds()))
    nameplate = np.array([kind.model.watts for kind in options.kinds])
    full_w = options.aux.site_watts(float((nameplate * plant.asics.bias).sum()))
    power = PowerConfig(
        budget_w=setting.shares[0] * full_w,
        fail_safe_w=0.1 * full_w,
        ramp_up_w_per_s=RAMP_UP,
        meter="modbus://127.0.0.1:502/1",
    )
    grid = Speaker("grid", 30.0)
    path = folder / "controller.sqlite3"
    return VirtualSite(path, plant, clock, power, [grid], setting.means), grid, full_w


def _live(site: VirtualSite, grid: Speaker, seconds: int) -> Floats:
    """Live for `seconds`; return the site's watts in them."""
    for second in range(seconds):
        if second % RENEW_S == 0:
            grid.renew()
        site.live()
    return np.array(site.trace.power_w[-seconds:])


def _minutes(used: Floats) -> Floats:
    return np.convolve(used, np.ones(MINUTE) / MINUTE, "valid")


def main() -> None:
    """Live through the budgets and print what was used of them."""
    parser = ArgumentParser(description=__doc__)
    parser.add_argument("--machines", type=int, default=200)
    parser.add_argument("--means", choices=[m.value for m in Means], default="some")
    parser.add_argument("--four-kinds", action="store_true", help="some wake in 195 s")
    parser.add_argument("--stand", type=int, default=900, help="s for each budget")
    parser.add_argument("--noise", type=float, default=0.002, help="of a reading")
    parser.add_argument("--seed", type=int, default=1)
    parsed = parser.parse_args()
    setting = Setting(
        parsed.machines,
        Means(parsed.means),
        FOUR_KINDS if parsed.four_kinds else LUXOS,
        parsed.stand,
        parsed.noise,
        parsed.seed,
    )
    print_timed(lambda folder: run(setting, folder))


if __name__ == "__main__":
    main()
