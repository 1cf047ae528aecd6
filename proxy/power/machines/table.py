"""The machines of a site: what is noted of them, in their columns and beside."""

from collections.abc import Iterable, Sequence

import numpy as np
from attrs import define, evolve, field

from protocol.units import Seconds, Watts
from proxy.power.link.messages import Joined
from proxy.power.machines.absence import mind_absent
from proxy.power.machines.columns import (
    NO_FLEET,
    command_row,
    extended,
    fall_from_full,
    found_otherwise,
    kept,
    remodelled,
    restore_row,
)
from proxy.power.machines.connections import MachineConnections
from proxy.power.machines.debts import ALL, grown_debts
from proxy.power.machines.describer import Describer
from proxy.power.machines.fleet import MAX_MACHINES, Fleet, Ints
from proxy.power.machines.holds import NONE_HELD, Holds
from proxy.power.machines.kinds import Mode
from proxy.power.machines.known import KnownMachines
from proxy.power.machines.machine import LONG_AGO, Machine, Saved
from proxy.power.machines.rows import Debt, MachineRow
from proxy.power.machines.supply import note_idle, note_parked

SHARES_UNDER_WAY = Seconds(15.0)
"""Shares that a machine had found before it did as it was told: on a line that stalls
they come that late (TCP repeats after 1, 2, 4 and 8 s)."""


@define(eq=False, repr=False)
class Table:
    """Machines by row, and their columns, which nobody else writes to.

    Attributes:
        known: What is known of machines wherever they are.
        holds: What operators hold off by hand.
        gone: Those with a `gone_at`, by key: nearly none, as a rule.
        new: Those that no plan has decided of yet.
    """

    describer: Describer
    holds: Holds = field(default=NONE_HELD, init=False)
    machines: list[Machine] = field(factory=list, init=False)
    gone: dict[str, Machine] = field(factory=dict, init=False)
    new: list[Machine] = field(factory=list, init=False)
    known: KnownMachines = field(factory=KnownMachines, init=False)
    _fleet: Fleet = field(default=NO_FLEET, init=False)
    _connections: MachineConnections = field(init=False)

    def __attrs_post_init__(self) -> None:
        self._connections = MachineConnections(self.describer)

    @property
    def fleet(self) -> Fleet:
        """The columns; not to be kept, since rows change in place."""
        known = len(self._fleet)
        if known < len(self.machines):
            new = self.machines[known:]
            priority = [m.kind.priority for m in new]
            self._fleet = extended(self._fleet, [m.variant for m in new], priority)
        return self._fleet

    def find(self, key: str) -> Machine | None:
        """Return the machine known by `key`, None if there is none."""
        return self._connections.find(key)

    def of_miner(self, miner: int) -> Machine | None:
        """Return the machine behind a connection."""
        return self._connections.of_miner(miner)

    def level_of(self, machine: Machine) -> int:
        """Return the level that a machine is commanded to."""
        return int(self.fleet.level[machine.row])

    def saved_row(self, machine: Machine) -> MachineRow:
        """Return what a restart is to find of `machine`."""
        m, is_running = machine, self.level_of(machine) > 0
        return MachineRow(m.key, m.address, m.worker, is_running, m.found_w, m.identity)

    def restore(self, saved: Iterable[Saved], now: Seconds) -> None:
        """Take in the machines that were known before a restart.

        Those that were running count at full power, those that were not as on
        their way down since they were told.
        """
        added = [(self._add(s.key, s.address, s.worker), s) for s in saved]
        for machine, one in added:
            machine.restore(one)
            machine.gone_at, self.gone[machine.key] = now, machine
            if one.identity is not None:
                self.known.hold(one.identity, one.key)
        fleet = self.fleet
        for machine, one in added:
            level = machine.top if one.is_running else 0
            restore_row(fleet, machine.row, one, level, now)
        self.note_holds(self.machines)

    def join(self, joined: Sequence[Joined], now: Seconds) -> list[Machine]:
        """Return the machines behind new connections.

        One that was never seen counts as drawing full power: it may still be at a
        job from somebody else.
        """
        known = len(self.machines)
        joining = (self._join(one, now) for one in joined)
        found = [machine for machine in joining if machine is not None]
        self.note_holds(found)
        fleet = self.fleet
        for machine in self.machines[known:]:
            machine.is_new = True
            self.new.append(machine)
            fleet.from_w[machine.row] = machine.kind.full_w
            fleet.changed_at[machine.row] = now
        return found

    def adopt(self, now: Seconds) -> list[Machine]:
        """Count new machines as running, so that a plan picks those that may not.

        They stay parked until it has. Returns them.
        """
        new, self.new = self.new, []
        fleet, rows = self.fleet, [machine.row for machine in new]
        for machine in new:
            machine.is_new = False
        fleet.level[rows] = fleet.top[rows]
        fleet.from_w[rows] = [machine.kind.full_w for machine in new]
        fleet.changed_at[rows] = now
        return new

    def leave(self, miner: int, now: Seconds) -> None:
        """Take note that a connection is gone."""
        machine = self._connections.disconnect(miner)
        if machine is None:
            return
        note_idle(machine, now)
        if not machine.miners:
            machine.gone_at, self.gone[machine.key] = now, machine

    def unite(self, machine: Machine, now: Seconds) -> list[Machine]:
        """Know that some were connections of `machine`, and not machines; return them.

        They stay in the table, gone, until they are forgotten.
        """
        others = self._connections.unite(machine)
        for other in others:
            other.gone_at, self.gone[other.key] = now, other
        if others:
            note_idle(machine, now)
        return others

    def leave_all(self, now: Seconds) -> None:
        """Take note that no connection is known any more."""
        for miner in self._connections.miners():
            self.leave(miner, now)

    def set_mode(self, machine: Machine, mode: Mode) -> None:
        """Hold a machine by other means from now on; half speeds become full."""
        if machine.mode is not mode:
            self._remodel(machine, mode, machine.top_w)

    def note_found(self, machine: Machine, limit_w: Watts | None) -> bool:
        """Take note of the limit that a machine is found with; None: not known yet.

        Returns whether its owner had set it, so that it is its top from now on.
        """
        machine.found_w = limit_w
        top_w = None if limit_w is None else machine.kind.owners_limit(limit_w)
        if top_w != machine.top_w:
            self._remodel(machine, machine.mode, top_w)
        return top_w is not None

    def take_over(self, machine: Machine, before: Machine) -> None:
        """Give a machine what it is owed from where it was before."""
        fleet, row = self.fleet, machine.row
        fleet.debt_h[row] = fleet.debt_h[before.row]
        fleet.cycles[row] = fleet.cycles[before.row]

    def note_holds(self, machines: Iterable[Machine]) -> list[Machine]:
        """Take note of which of these are held off; return those that it is new of."""
        fleet, changed = self.fleet, []
        for machine in machines:
            is_held = self.holds.holds(machine.worker, machine.address)
            if machine.is_held is not is_held:
                machine.is_held = fleet.held[machine.row] = is_held
                changed.append(machine)
        return changed

    def set_responsive(self, machine: Machine, *, is_responsive: bool) -> None:
        """Count a machine as obeying, or at full power.

        One that is to run and obeys again may have been off until it was told.
        """
        machine.is_responsive = is_responsive
        fleet, row = self.fleet, machine.row
        fleet.responsive[row] = is_responsive
        if is_responsive and fleet.level[row] > 0:
            fleet.from_w[row] = fleet.level_w[row, 0]

    def command(self, level: Ints, now: Seconds, new: Sequence[Machine] = ()) -> None:
        """Note the levels that all machines are commanded to.

        Those `new` ones that were never seen at work are cold: they need not wait until
        their boards have cooled down.
        """
        own = level.copy()  # rows of it change in place
        self._fleet = self.fleet.commanded(own, now)
        unseen = [machine.row for machine in new if machine.hashed_at == LONG_AGO]
        self._fleet.cold[unseen] = own[unseen] == 0

    def command_one(self, machine: Machine, level: int, now: Seconds) -> None:
        """Note the level that one machine is commanded to."""
        command_row(self.fleet, machine.row, level, now)

    def age(self, elapsed: Seconds) -> None:
        """Let `elapsed` pass: debts grow, cycles fade."""
        self._fleet = self.fleet.aged(elapsed)

    def debts(self, rows: slice = ALL) -> list[Debt]:
        """Return the fairness debts in `rows` that have grown since they were told.

        A machine that runs on owes nobody anything: most rows are left out.
        """
        return grown_debts(self.fleet, self.machines, rows)

    def fall_from_full(self, machine: Machine, now: Seconds) -> None:
        """Count a machine as at full power, on its way to its level from now on."""
        fall_from_full(self.fleet, machine.row, now)

    def found_otherwise(self, machine: Machine, now: Seconds) -> None:
        """Do so for one that is not as it was told: its minimum times begin anew."""
        found_otherwise(self.fleet, machine.row, now)

    def rest(self, rows: Ints) -> None:
        """Count machines that are to be off as off, whatever they drew before."""
        self.fleet.from_w[rows] = self.fleet.target_w[rows]

    def mind_absent(self, now: Seconds) -> tuple[list[Machine], list[Machine]]:
        """Stop counting on machines that are gone; see `absence.mind_absent`.

        Returns:
            Those now set aside, out of the plan, and those now forgotten.
        """
        gone = self.gone.values()
        aside, forgotten = mind_absent(self.fleet, self.machines, gone, now)
        if forgotten:
            self.forget(forgotten)
        return aside, forgotten

    def forget(self, machines: Sequence[Machine]) -> None:
        """Drop machines, and the watts that are counted for them."""
        stays = np.ones(len(self.fleet), dtype=np.bool_)
        stays[[m.row for m in machines]] = False
        self._fleet = kept(self.fleet, stays)
        for machine in machines:
            self._connections.drop(machine)
            self.gone.pop(machine.key, None)
        self.new = [m for m in self.new if stays[m.row]]
        self.machines = [m for m in self.machines if stays[m.row]]
        for row, machine in enumerate(self.machines):
            machine.row = row

    def _remodel(self, machine: Machine, mode: Mode, top_w: Watts | None) -> None:
        """Give a machine other levels, and that of them which is as its own was."""
        level = self.level_of(machine)
        is_top = level == machine.top
        machine.mode, machine.top_w = mode, top_w
        self._fleet = remodelled(self.fleet, machine.row, machine.variant)
        self._fleet.level[machine.row] = machine.top if is_top else min(level, 1)

    def _join(self, joined: Joined, now: Seconds) -> Machine | None:
        key = self._connections.key_for(joined)
        machine = self.find(key)
        if machine is None and len(self.machines) >= MAX_MACHINES:
            return None
        if machine is None:
            machine = self._add(key, joined.address, joined.worker)
        machine.worker = joined.worker
        note_parked(machine, joined.id, now, is_parked=joined.is_parked)
        machine.gone_at = None
        self.gone.pop(machine.key, None)
        self._connections.connect(joined.id, machine)
        return machine

    def _add(self, key: str, address: str, worker: str) -> Machine:
        kind = self.describer.kind_of(worker, address)
        if kind.has_api and key != address:
            kind = evolve(kind, has_api=False)
        row = len(self.machines)
        machine = Machine(key, address, worker, kind, kind.first_mode, row)
        self.machines.append(machine)
        self._connections.add(machine)
        return machine
