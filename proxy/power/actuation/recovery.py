"""Machines that did not do as they were told: what they count, when they are tried.

How trust is lost and regained:

| lost by a command that is             | counts until then   | regained by          |
|---------------------------------------|---------------------|----------------------|
| refused, not answered, without effect | full power; parked  | 150 s parked without |
|                                       |                     | a share: it rests    |
| the same                              | parked, without its | a later try that its |
|                                       | API                 | own word confirms    |
| broken: it hashes on                  | full power          | 150 s without a      |
|                                       |                     | share                |
"""

from collections.abc import Iterator
from itertools import islice

from attrs import define, field

from protocol.units import Seconds
from proxy.power.actuation.readback import is_within
from proxy.power.actuation.waiting import SLICE
from proxy.power.journal.outbox import SiteOutbox
from proxy.power.machines.kinds import Mode
from proxy.power.machines.machine import Api, Machine
from proxy.power.machines.table import SHARES_UNDER_WAY, Table

RETRY = Seconds(60.0)
"""How often a machine that counts at full power is looked at; and how long after its
last share one is believed that reads back as it was told: at 20 shares a minute
silence for so long is chance once in 5e8."""

QUIET = Seconds(150.0)
"""Parked for so long, and no share seen: it has stopped. Firmware drops its last job
after 120 to 135 s."""

TRIES = (60.0, 120.0, 300.0, 600.0, 1800.0)
"""Seconds until a machine that defied its API is tried again, the last one for ever: a
reboot is over in a minute or two, a firmware update in ten, and what somebody has to
repair is not mended sooner for being asked."""

BUSY_TRIES = (10.0, 20.0, 40.0, 60.0)
"""The same where another tool held it: chosen, since that lets go soon."""

HEARD_FOR = Seconds(120.0)
"""What a device said of its watts holds so long: it is asked each minute."""


@define(eq=False, repr=False)
class Tries:
    """When a machine is tried next.

    Attributes:
        made: How many were made without effect.
        spacing: Seconds from each to the next.
    """

    next_at: Seconds
    spacing: tuple[float, ...]
    made: int = 1

    def put_off(self, now: Seconds) -> None:
        """Wait longer for the next one."""
        wait = self.spacing[min(self.made, len(self.spacing) - 1)]
        self.made += 1
        self.next_at = Seconds(now + wait)


@define(eq=False, repr=False)
class Recovery:
    """The machines of one site that failed, until they are well again."""

    table: Table
    outbox: SiteOutbox
    _locked_out: dict[str, str] = field(factory=dict, init=False)
    _look_at: dict[str, Seconds] = field(factory=dict, init=False)
    _tries: dict[str, Tries] = field(factory=dict, init=False)

    def is_waiting(self, machine: Machine) -> bool:
        """Tell whether a machine is left alone until it is tried again."""
        return machine.key in self._tries

    def unwell(self, machine: Machine, why: str, now: Seconds) -> None:
        """Count a machine at full power until it is seen to do as it was told."""
        if not machine.is_responsive:
            return
        self.table.set_responsive(machine, is_responsive=False)
        self._look_at[machine.key] = Seconds(now + RETRY)
        self.outbox.log("unresponsive", why, {"machine": machine.key})

    def well(self, machine: Machine, why: str) -> None:
        """Count a machine as it was told."""
        if machine.is_responsive:
            return
        self.table.set_responsive(machine, is_responsive=True)
        self._look_at.pop(machine.key, None)
        self.outbox.log("responsive", why, {"machine": machine.key})

    def defied(
        self, machine: Machine, why: str, now: Seconds, *, is_busy: bool
    ) -> None:
        """Hold a machine by parking, until a command to it has an effect again."""
        self.table.set_mode(machine, Mode.PARKED)
        machine.api, machine.fault = Api.DEFIES, why
        tries = self._tries.get(machine.key)
        spacing = BUSY_TRIES if is_busy else TRIES
        if tries is None:
            at = Seconds(now + spacing[0])
            self._tries[machine.key] = Tries(at, spacing)
        else:
            tries.spacing = spacing
            tries.put_off(now)

    def obeyed(self, machine: Machine) -> None:
        """Command a machine through its API again."""
        self._tries.pop(machine.key, None)
        machine.fault = ""
        self._locked_out.pop(machine.key, None)
        if machine.api is Api.DEFIES:
            machine.api = Api.OBEYS
            self.table.set_mode(machine, Mode.TUNED)
            why = "it obeys its API again"
            self.outbox.log("responsive", why, {"machine": machine.key})

    def settled(self, machine: Machine, level: int, *, is_by_api: bool) -> None:
        """Take note that a machine did as it was told."""
        if level > 0:
            machine.slept_at = None
        if is_by_api:
            self.obeyed(machine)
        self.well(machine, "did as it was told")

    def is_as_told(self, machine: Machine, level: int, now: Seconds) -> None:
        """Take note that a device reads back as it was told, though long after."""
        if level == 0 or machine.may_sleep:
            self.obeyed(machine)
        if level > 0:
            machine.slept_at = None
        if now - machine.hashed_at >= RETRY:
            self.well(machine, "reads back as it was told")

    def is_left_alone(self, machine: Machine) -> bool:
        """Tell whether a device that is not as told is not to be told again now."""
        is_parked = machine.mode is Mode.PARKED and self.table.level_of(machine) == 0
        return is_parked or self.is_waiting(machine)

    def worked(self, machine: Machine, now: Seconds) -> None:
        """Take note of a share of a machine that is commanded to work."""
        machine.hashed_at = now
        since = now - self.table.fleet.switched_at[machine.row]
        if machine.may_sleep and since >= SHARES_UNDER_WAY:
            machine.slept_at = None

    def hashed(self, machine: Machine, now: Seconds) -> bool:
        """Take note of a share of one that shall not; return whether it disobeys."""
        machine.hashed_at = now
        fleet, row = self.table.fleet, machine.row
        latest = fleet.changed_at[row] + fleet.t_down[row] + SHARES_UNDER_WAY
        if not machine.is_responsive or now < latest:
            return False
        why = "it hashes on though it was told not to"
        self.unwell(machine, why, now)
        if machine.has_api and machine.mode is not Mode.PARKED:
            self.defied(machine, why, now, is_busy=False)
        return True

    def nothing_to_try(self, machine: Machine, now: Seconds) -> None:
        """Look again in a while: it is as it should be, obedient or not."""
        self._tries[machine.key].next_at = Seconds(now + RETRY)

    def look(self, now: Seconds) -> list[Machine]:
        """Look at those that count at full power; return whom to ask how they are."""
        due = (key for key, at in self._look_at.items() if now >= at)
        asked: list[Machine] = []
        for machine in self._known(list(islice(due, SLICE))):
            self._look_at[machine.key] = Seconds(now + RETRY)
            if self._is_at_rest(machine, now):
                self.well(machine, f"parked, no share seen for {QUIET:.0f} s")
            if machine.has_api:
                asked.append(machine)
        return asked

    def due(self, now: Seconds) -> list[Machine]:
        """Return those that are to be tried now."""
        keys = [key for key, tries in self._tries.items() if now >= tries.next_at]
        return list(self._known(keys))

    @property
    def locked_out(self) -> set[str]:
        """The fleet rows of machines that refuse the user name or the password."""
        return set(self._locked_out.values())

    def is_locked_out(self, machine: Machine) -> bool:
        """Tell whether a machine did not take its user name or password last."""
        return machine.key in self._locked_out

    def lock_out(self, machine: Machine, *, is_so: bool) -> None:
        """Take note of whether a machine takes its user name and password."""
        if is_so:
            self._locked_out[machine.key] = machine.kind.row
        else:
            self._locked_out.pop(machine.key, None)

    def forget(self, machine: Machine) -> None:
        """Drop all that is known of a machine that is gone."""
        self._locked_out.pop(machine.key, None)
        self._look_at.pop(machine.key, None)
        self._tries.pop(machine.key, None)

    def _known(self, keys: list[str]) -> Iterator[Machine]:
        found = (self.table.find(key) for key in keys)
        return (machine for machine in found if machine is not None)

    def _is_at_rest(self, machine: Machine, now: Seconds) -> bool:
        """Tell whether a parked machine has surely used up its last job."""
        since = machine.parked_at
        if self.table.level_of(machine) or not machine.miners or since is None:
            return False
        if now - max(since, machine.hashed_at) < QUIET:
            return False
        if machine.power_w is None or now - machine.heard_at >= HEARD_FOR:
            return True
        return is_within(machine.power_w, machine.kind.idle_w)
