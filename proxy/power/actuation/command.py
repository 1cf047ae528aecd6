"""A command to one machine, from when it is issued until it is over."""

import math
from typing import Any

from attrs import define

from protocol.units import Seconds
from proxy.power.actuation.verify import Actuation, Rung, Stage
from proxy.power.journal.effects import Verb
from proxy.power.machines.machine import Machine

NEVER = Seconds(math.inf)

_STAGES = (Stage.ISSUED, Stage.ACKNOWLEDGED, Stage.READ_BACK, Stage.SETTLED)


@define(eq=False, repr=False)
class PendingCommand:
    """A command that is not over yet.

    Attributes:
        steps: Calls that are still to be made, one after the other.
        attempts: How often it may still be tried, this time included.
        is_down: It makes the machine draw less.
        read_at: When the device is asked next how it is.
    """

    number: int
    machine: Machine
    actuation: Actuation
    steps: list[Verb]
    attempts: int
    is_down: bool
    read_at: Seconds = NEVER

    def body(self) -> dict[str, Any]:
        """Return what the log says of it."""
        told = self.actuation
        return {
            "machine": told.device,
            "level": told.level,
            "watts": told.watts,
            "rung": told.rung.value,
            "number": self.number,
        }


def stages_passed(before: Stage, after: Stage) -> tuple[Stage, ...]:
    """Return the stages that were reached between two looks, `after` included."""
    return _STAGES[_STAGES.index(before) + 1 : _STAGES.index(after) + 1]


def rung_of(steps: list[Verb]) -> Rung:
    """Return the rung of a command that is made of these calls."""
    return Rung.LIMIT if steps == [Verb.LIMIT] else Rung.SLEEP
