"""What simulated ASICs are, as data: their kind, their timings, their spread."""

from enum import Enum

from attrs import frozen

from protocol.units import Seconds
from proxy.power.machines.models import MachineModel, find_model

LUXOS_TYPES = frozenset(
    {
        "Antminer S9",
        "Antminer S19",
        "Antminer S19 Pro",
        "Antminer S19j Pro",
        "Antminer S19j Pro+",
        "Antminer S19k Pro",
        "Antminer S19 XP",
        "Antminer T19",
        "Antminer S21",
        "Antminer S21 Pro",
        "Antminer T21",
    }
)
"""Machines that LuxOS runs on."""

STAND_IN = "Antminer S19 XP"
"""What the device API of any other machine calls itself."""


@frozen
class Timings:
    """How fast a machine changes what it draws, in seconds.

    A step down does nothing for the first half of `down_s`, then falls evenly.
    """

    down_s: float  # from a sleep command until it draws sleep watts
    up_delay_s: float  # from a wake command until it draws more
    up_ramp_s: float  # from then until full speed
    step_s: float = 10.0  # between two profiles
    boot_s: float = 60.0  # off, before it wakes up again
    watchdog_s: float = 125.0  # it hashes so long after its last job


@frozen
class MachineKind:
    """A model with its timings."""

    model: MachineModel
    timings: Timings

    @property
    def api_type(self) -> str:
        """What it calls itself in its device API."""
        return self.model.name if self.model.name in LUXOS_TYPES else STAND_IN


def kind_of(
    name: str,
    *,
    down: float | None = None,
    up: float | None = None,
    watchdog: float = 125.0,
    boot: float = 60.0,
) -> MachineKind:
    """Return the kind of the model called `name`.

    Args:
        name: As in models.toml.
        down: Seconds of a step down; the model's own if None.
        up: Seconds from a wake command to full speed; the model's own if None. The
            first quarter of it nothing happens.
        watchdog: Seconds that it hashes after its last job.
        boot: Seconds that it is off when it reboots.

    Raises:
        UnknownModelError: There is no such model.
    """
    model = find_model(name)
    delay, ramp = model.t_up_delay_s, model.t_up_ramp_s
    if up is not None:
        delay, ramp = 0.25 * up, 0.75 * up
    return MachineKind(
        model,
        Timings(
            down_s=model.t_down_s if down is None else down,
            up_delay_s=delay,
            up_ramp_s=ramp,
            watchdog_s=watchdog,
            boot_s=boot,
        ),
    )


@frozen
class Spread:
    """How machines differ from their nameplate, and from hour to hour."""

    unit_error: float = 0.04  # standard deviation of each one's watts
    fleet_bias: float = 1.03  # factor on the watts of all
    watchdog_error_s: float = 3.0  # standard deviation
    heat_w_share: float = 0.03  # more watts when fully warm than when cold
    heat_s: float = 600.0  # time constant of warming and cooling
    day_w_share: float = 0.0  # half the swing of watts over 24 hours of weather


class Fault(Enum):
    """What a machine can do instead of what it is told."""

    LIES = "lies"  # says that it obeyed, and goes on as it was
    FEIGNS = "feigns"  # lies, and reports the watts of one that obeyed
    HANGS = "hangs"  # takes a connection to its API and says nothing
    IGNORES = "ignores"  # hangs up on a command; answers questions
    REBOOTS = "reboots"  # every now and then
    FAILS_OVER = "fails-over"  # leaves a pool that gives it no jobs for another
    DEAD = "dead"  # its API is not there; it hashes on


MEAN_REBOOT_S = Seconds(300.0)
"""Mean time between the reboots of a machine that reboots."""

PATIENCE = Seconds(60.0)
"""A machine that fails over waits so long for a job."""


@frozen
class FaultShare:
    """Which part of a plant's machines have a fault."""

    fault: Fault
    share: float
