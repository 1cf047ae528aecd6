"""A command to one machine, from when it is issued until it is over."""

import math
from enum import Enum
from typing import Any

from attrs import Attribute, define, evolve, field, frozen

from protocol.units import Seconds, Watts
from proxy.power.actuation.verify import READ_BACK_EVERY, Actuation, Rung, Stage
from proxy.power.journal.effects import Verb
from proxy.power.machines.kinds import Mode
from proxy.power.machines.machine import LONG_AGO, Machine
from proxy.power.ports import DeviceBusyError, DeviceError, DeviceLoginError

NEVER = Seconds(math.inf)

_STAGES = (Stage.ISSUED, Stage.ACKNOWLEDGED, Stage.READ_BACK, Stage.SETTLED)


class FaultKind(Enum):
    """Why a command was not done, as far as can be told."""

    REFUSED = "refused"  # or no answer: its API says no more
    BUSY = "busy"  # another tool holds it
    LOGIN = "login"  # wrong user name or password
    NO_EFFECT = "no effect"  # it said yes, and reads back otherwise
    UNTOLD = "cannot be told"  # it said yes, and does not say how it is


@frozen
class Fault:
    """Why a command was not done; `why` is for people."""

    kind: FaultKind
    why: str


def fault_of(error: DeviceError) -> Fault:
    """Return what a call that failed says of its command."""
    match error:
        case DeviceBusyError():
            kind = FaultKind.BUSY
        case DeviceLoginError():
            kind = FaultKind.LOGIN
        case _:
            kind = FaultKind.REFUSED
    return Fault(kind, str(error))


def _look_anew(
    command: "PendingCommand", _: "Attribute[object]", value: object
) -> object:
    """Have a command looked at, since what it waits for is set."""
    command.mind_at = LONG_AGO
    return value


def _advance(
    command: "PendingCommand", it: "Attribute[Any]", value: Actuation
) -> Actuation:
    """Take note of how far a command is: whether its machine knows of it."""
    command.note_stage(value.stage)
    _look_anew(command, it, value)
    return value


@define(eq=False, repr=False)
class PendingCommand:
    """A command that is not over yet.

    Attributes:
        steps: Calls that are still to be made, one after the other.
        attempts: How often it may still be tried, this time included.
        is_down: It makes the machine draw less.
        is_trial: The machine is at its level already, by other means.
        verb: The call that was made last; None: none was.
        read_at: When the device is asked next how it is.
        fault: What its last call met with: it is read before that is believed.
        decided_by: When the fault is believed though nothing was read.
        again_at: When it is issued once more.
        mind_at: Until then nothing can be said of it anew (`proof.quiet_until`). Set
            anew by whatever changes what it waits for.
        has_told: The device said at what level it is, since it was issued.
        is_yet_to_fall: The machine shall draw less, and does not know it yet.
    """

    number: int
    machine: Machine
    actuation: Actuation = field(on_setattr=_advance)
    steps: list[Verb]
    attempts: int
    is_down: bool
    is_trial: bool = False
    verb: Verb | None = field(default=None, init=False)
    read_at: Seconds = field(default=NEVER, init=False, on_setattr=_look_anew)
    fault: Fault | None = field(default=None, init=False, on_setattr=_look_anew)
    decided_by: Seconds = field(default=NEVER, init=False, on_setattr=_look_anew)
    again_at: Seconds = field(default=NEVER, init=False, on_setattr=_look_anew)
    mind_at: Seconds = field(default=LONG_AGO, init=False)
    has_told: bool = field(default=False, init=False)
    is_yet_to_fall: bool = field(default=False, init=False)

    def __attrs_post_init__(self) -> None:
        self.note_stage(self.actuation.stage)

    def note_stage(self, stage: Stage) -> None:
        """Take note of how far it is: all commands are looked at each second."""
        is_issued = stage is Stage.ISSUED
        self.is_yet_to_fall = self.is_down and is_issued and not self.is_trial

    @property
    def waits(self) -> bool:
        """It is to be issued once more, and not yet."""
        return self.again_at < NEVER

    def is_to_be_read(self, now: Seconds) -> bool:
        """Tell whether its device is to be asked how it is; if so, again in a while."""
        if now < self.read_at or self.waits:
            return False
        self.read_at = Seconds(now + READ_BACK_EVERY)
        return True

    def is_to_be_at(self, level: int) -> None:
        """Go by the machine's levels of now: what it told since may have changed them.

        One that is found to take no limit has no level between off and full speed.
        """
        if level != self.actuation.level:
            watts = self.machine.variant.points[level][1]
            self.actuation = evolve(self.actuation, level=level, watts=watts)

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


def command_to(  # noqa: PLR0913  (all that a command is made of)
    machine: Machine,
    level: int,
    steps: list[Verb],
    *,
    number: int,
    attempts: int,
    draws_w: Watts,
    is_trial: bool,
    now: Seconds,
) -> PendingCommand:
    """Return a command that brings `machine` to `level` by `steps`.

    Args:
        machine: Whom.
        level: To which of its levels.
        steps: Calls to its device; none where its connections are enough.
        number: Tells it from all others.
        attempts: How often it may be tried.
        draws_w: What the machine counts as drawing before.
        is_trial: See `PendingCommand`.
        now: The moment.
    """
    is_parking = machine.mode is Mode.PARKED and not steps
    mode = machine.mode if is_parking else Mode.TUNED  # whose times it goes by
    variant = machine.kind.variants.get(mode, machine.variant)
    watts = machine.variant.points[level][1]
    actuation = Actuation(
        machine.key,
        level,
        watts,
        Rung.PARK if is_parking else rung_of(steps),
        now,
        variant.t_down if level == 0 else variant.t_up,
    )
    is_down = draws_w > watts
    return PendingCommand(
        number, machine, actuation, steps, attempts, is_down, is_trial
    )


def stages_passed(before: Stage, after: Stage) -> tuple[Stage, ...]:
    """Return the stages that were reached between two looks, `after` included."""
    return _STAGES[_STAGES.index(before) + 1 : _STAGES.index(after) + 1]


def rung_of(steps: list[Verb]) -> Rung:
    """Return the rung of a command that is made of these calls."""
    return Rung.LIMIT if steps == [Verb.LIMIT] else Rung.SLEEP
