"""The demo's machines: of several makers, and held in each way that there is."""

from collections.abc import Sequence
from typing import Any, Literal

from attrs import frozen

from protocol.units import HashesPerSecond, Watts
from proxy.sim.kinds import MachineKind, kind_of
from proxy.sim.nonce_search import DEFAULT_HASH_SCALE
from proxy.sim.plant import mixed

WORKERS = "rack-a"

DRAWN = 8 / 7
"""Of a nameplate, in the contract: what the simulation adds to it, and the fans."""


DROPS_JOB_AFTER = 45.0
"""Seconds without another. Firmware takes 120, but the story tells a day in minutes;
one at work is given another within 30 s (`jobs/schedule.REFRESH_AFTER`)."""


@frozen
class Rack:
    """Machines alike.

    Attributes:
        model: As in the catalogue.
        control: By its own API, that of LuxOS, which sets limits too; or parked, so
            that it goes on with its last job until its firmware drops that.
        share: Of all machines.
    """

    model: str
    control: Literal["api", "stratum"]
    share: float

    @property
    def priority(self) -> int:
        """What obeys within seconds is shed first."""
        return 1 if self.control == "api" else 2


HALL = (
    Rack("Antminer S21", "api", 0.5),
    Rack("Antminer S19j Pro", "api", 0.3),
    Rack("Whatsminer M60S", "stratum", 0.1),
    Rack("Avalon A1566", "stratum", 0.1),
)
"""Most obey at once: what can only be parked is a fifth, and is the last to go."""


def kinds_of(miners: int) -> tuple[MachineKind, ...]:
    """Return the kind of each machine of a hall of `miners`."""
    kinds = (kind_of(rack.model, watchdog=DROPS_JOB_AFTER) for rack in HALL)
    shares = (rack.share for rack in HALL)
    return mixed(list(zip(kinds, shares, strict=True)), miners)


def fleet_rows(kinds: Sequence[MachineKind]) -> list[dict[str, Any]]:
    """Return the `[[sites.fleet]]` rows of a hall; see `PlantNetwork` for the names."""
    racks = {rack.model: rack for rack in HALL}
    names = list(dict.fromkeys(kind.model.name for kind in kinds))
    return [
        {
            "workers": f"{WORKERS}-{n}.*" if len(names) > 1 else f"{WORKERS}.*",
            "model": name,
            "control": racks[name].control,
            "priority": racks[name].priority,
            "hash_scale": DEFAULT_HASH_SCALE,
        }
        for n, name in enumerate(names, start=1)
    ]


def contract_of(kinds: Sequence[MachineKind]) -> Watts:
    """Return what a hall draws at full power, and so was agreed."""
    return Watts(round(DRAWN * sum(kind.model.watts for kind in kinds)))


def hashrate_of(kinds: Sequence[MachineKind]) -> HashesPerSecond:
    """Return what a hall finds at full power, scaled as the simulation is."""
    return HashesPerSecond(sum(k.model.hashrate(DEFAULT_HASH_SCALE) for k in kinds))
