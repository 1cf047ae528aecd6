"""A simulated plant without sockets: machines, what else it draws, its meter."""

from collections.abc import Sequence

import numpy as np
from attrs import field, frozen

from protocol.units import HashesPerSecond, Seconds, Watts
from proxy.power.control.cap import AuxLoad
from proxy.sim.asics import Asics
from proxy.sim.kinds import MEAN_REBOOT_S, Fault, FaultShare, MachineKind, Spread
from proxy.sim.site_meter import MeterOptions, SiteMeter

AUX_W = Watts(9.0)
"""For each machine, what cooling and network draw when all are off."""

AUX_SHARE = 0.03

_FAULT_SEED, _METER_SEED, _REBOOT_SEED = 1, 2, 3


@frozen
class PlantOptions:
    """What a plant is made of."""

    kinds: tuple[MachineKind, ...]  # one each machine
    seed: int = 1
    spread: Spread = field(factory=Spread)
    meter: MeterOptions = field(factory=MeterOptions)
    faults: tuple[FaultShare, ...] = ()
    aux_w: Watts = AUX_W  # for each machine, whatever it does
    aux_share: float = AUX_SHARE  # of what the machines draw
    starts_idle: bool = False  # boards powered, waiting for a first job

    @property
    def aux(self) -> AuxLoad:
        """What the site draws beside its machines."""
        return AuxLoad(Watts(self.aux_w * len(self.kinds)), self.aux_share)


class Plant:
    """Lives from one `advance` to the next, on whatever clock it is told.

    Attributes:
        faults: What is wrong with each machine; may be changed at any time.
        hidden_w: Site watts that no machine accounts for.
    """

    def __init__(self, options: PlantOptions, now: Seconds) -> None:
        self.options = options
        self.asics = Asics(options.kinds, options.spread, options.seed, now)
        if options.starts_idle:
            self.asics.last_job_at[:] = -np.inf
            self.asics.advance(now)
        self.meter = SiteMeter(options.meter, options.seed + _METER_SEED)
        self.faults = _assigned(options)
        self.hidden_w = 0.0
        self.now = now
        self._random = np.random.default_rng(options.seed + _REBOOT_SEED)

    def __len__(self) -> int:
        return len(self.options.kinds)

    @property
    def power_w(self) -> Watts:
        """What the site draws: the truth, without the meter's errors."""
        it_w = float(self.asics.watts(self.now).sum())
        return Watts(self.options.aux.site_watts(it_w) + self.hidden_w)

    @property
    def hashrate_hs(self) -> HashesPerSecond:
        """What the machines find together, without the simulation's scale."""
        return HashesPerSecond(float(self.asics.hashrate(self.now).sum()))

    def advance(self, now: Seconds) -> None:
        """Live on until `now`, a second or so later; the meter sees it."""
        elapsed = now - self.now
        self.now = now
        self.asics.advance(now)
        self._reboot(now, elapsed)
        self.meter.note(self.power_w, now)

    def rows_with(self, fault: Fault) -> list[int]:
        """Return the machines that have `fault`."""
        return [row for row, found in enumerate(self.faults) if found is fault]

    def _reboot(self, now: Seconds, elapsed: float) -> None:
        prone = self.rows_with(Fault.REBOOTS)
        struck = self._random.random(len(prone)) < elapsed / MEAN_REBOOT_S
        rows = [
            row
            for row, is_struck in zip(prone, struck, strict=True)
            if is_struck and not self.asics.is_booting(row, now)
        ]
        if rows:
            self.asics.reboot(rows, now)


def mixed(
    shares: Sequence[tuple[MachineKind, float]], count: int
) -> tuple[MachineKind, ...]:
    """Return `count` kinds in the proportions of `shares`, neighbours differing."""
    total = sum(share for _, share in shares)
    wanted = [(kind, share / total) for kind, share in shares]
    given = [0] * len(wanted)
    out: list[MachineKind] = []
    for n in range(1, count + 1):
        behind = [
            share * n - had for (_, share), had in zip(wanted, given, strict=True)
        ]
        most = max(range(len(wanted)), key=behind.__getitem__)
        given[most] += 1
        out.append(wanted[most][0])
    return tuple(out)


def _assigned(options: PlantOptions) -> list[Fault | None]:
    count = len(options.kinds)
    order = np.random.default_rng(options.seed + _FAULT_SEED).permutation(count)
    faults: list[Fault | None] = [None] * count
    at = 0
    for one in options.faults:
        struck = round(one.share * count)
        for row in order[at : at + struck]:
            faults[row] = one.fault
        at += struck
    return faults
