"""The machines of a site: who is connected as which, and their columns."""

import math
from collections.abc import Iterable, Sequence

import numpy as np
from attrs import define, evolve, field

from protocol.units import Seconds, Watts
from proxy.power.journal.effects import Debt, MachineRow
from proxy.power.link.messages import Joined
from proxy.power.machines.columns import NO_FLEET, extended, kept, remodelled
from proxy.power.machines.fleet import MAX_MACHINES, Fleet, Ints
from proxy.power.machines.machine import LONG_AGO, Describer, Machine, Mode, Saved

MAX_CONNECTIONS = 3
"""Of one device: an old one, a new one and a second pool slot."""

PROVEN_FOR = Seconds(60.0)
"""A share proves that its machine works for so long: a minute has 6 of them or more."""

SHARES_UNDER_WAY = Seconds(15.0)
"""Shares that a machine had found before it did as it was told."""

FORGOTTEN_AFTER = Seconds(3600.0)
"""A machine that has not been connected for so long is gone, if it is held by its
connection alone and obeyed to the last: it has had no job since."""

COUNTED_FOR = Seconds(7 * 86400.0)
"""How long one counts at full power that has been neither connected nor reachable,
and that nothing proves to be off; an operator may know better."""


@define(eq=False, repr=False)
class Table:
    """Machines by row, and their columns, which nobody else writes to."""

    describer: Describer
    machines: list[Machine] = field(factory=list, init=False)
    _fleet: Fleet = field(default=NO_FLEET, init=False)
    _by_key: dict[str, Machine] = field(factory=dict, init=False)
    _by_miner: dict[int, Machine] = field(factory=dict, init=False)
    _is_dirty: bool = field(default=False, init=False)

    @property
    def fleet(self) -> Fleet:
        """The columns; not to be kept, since rows change in place."""
        more = len(self.machines) - len(self._fleet)
        if more:
            priority = [m.kind.priority for m in self.machines[-more:]]
            self._fleet = extended(self._fleet, more, priority)
            self._is_dirty = True
        if self._is_dirty:
            self._is_dirty = False
            self._fleet = remodelled(
                self._fleet,
                [m.variant for m in self.machines],
                [m.is_responsive for m in self.machines],
            )
        return self._fleet

    def find(self, key: str) -> Machine | None:
        """Return the machine known by `key`, None if there is none."""
        return self._by_key.get(key)

    def of_miner(self, miner: int) -> Machine | None:
        """Return the machine behind a connection."""
        return self._by_miner.get(miner)

    def level_of(self, machine: Machine) -> int:
        """Return the level that a machine is commanded to."""
        return int(self.fleet.level[machine.row])

    def saved_row(self, machine: Machine) -> MachineRow:
        """Return what a restart is to find of `machine`."""
        is_running = self.level_of(machine) > 0
        return MachineRow(
            machine.key,
            machine.address,
            machine.worker,
            is_running,
            machine.found_w,
        )

    @property
    def top_ratio(self) -> float:
        """The largest top of a machine, as a part of its nameplate; 1 at least."""
        tops = (m.top_w / m.kind.full_w for m in self.machines if m.top_w is not None)
        return max(1.0, max(tops, default=1.0))

    def working_share(self, now: Seconds) -> float:
        """Return the part of the running watts that shares prove; 0 if none runs."""
        hashed_at = np.array([machine.hashed_at for machine in self.machines])
        running = self.fleet.target_w * (self.fleet.level > 0)
        total = float(running.sum())
        if total <= 0:
            return 0.0
        return float(running[now - hashed_at < PROVEN_FOR].sum()) / total

    def restore(self, saved: Iterable[Saved], now: Seconds) -> None:
        """Take in the machines that were known before a restart.

        Those that were running count at full power, those that were not as on
        their way down since they were told.
        """
        added = [(self._add(s.key, s.address, s.worker), s) for s in saved]
        for machine, one in added:
            if machine.has_api and not one.is_running:
                machine.mode, machine.is_asleep = Mode.SWITCHED, True
            machine.gone_at = now
            if one.found_w is not None:
                machine.found_w = Watts(one.found_w)
                machine.top_w = machine.kind.owners_limit(machine.found_w)
        fleet = self.fleet
        for machine, one in added:
            row, since = machine.row, now - one.changed_s
            fleet.debt_h[row], fleet.cycles[row] = one.debt_h, one.cycles
            machine.kept_debt_h = one.debt_h
            fleet.level[row] = machine.top if one.is_running else 0
            fleet.from_w[row] = fleet.full_w[row]
            fleet.changed_at[row] = fleet.switched_at[row] = since

    def join(self, joined: Sequence[Joined], now: Seconds) -> list[Machine]:
        """Return the machines behind new connections.

        One that was never seen counts as drawing full power: it may still be at a
        job from somebody else.
        """
        known = len(self.machines)
        found = [self._join(one, now) for one in joined]
        fleet = self.fleet
        for machine in self.machines[known:]:
            machine.is_new = True
            fleet.from_w[machine.row] = machine.kind.full_w
            fleet.changed_at[machine.row] = now
        return [machine for machine in found if machine is not None]

    def adopt(self, now: Seconds) -> list[Machine]:
        """Count new machines as running, so that a plan picks those that may not.

        They stay parked until it has. Returns them.
        """
        new = [m for m in self.machines if m.is_new]
        fleet = self.fleet
        for machine in new:
            machine.is_new = False
            fleet.level[machine.row] = machine.top
            fleet.from_w[machine.row] = machine.kind.full_w
            fleet.changed_at[machine.row] = now
        return new

    def note_parked(
        self, machine: Machine, miner: int, now: Seconds, *, is_parked: bool
    ) -> None:
        """Take note of whether a connection of `machine` is given jobs."""
        had_jobs = machine.has_jobs
        machine.miners[miner] = is_parked
        if machine.has_jobs and not had_jobs:
            machine.granted_at = now
        self._note_idle(machine, now)

    def note_difficulty(
        self, machine: Machine, difficulty: float, now: Seconds
    ) -> None:
        """Take note of what its shares are judged at; 0: there is no work for it."""
        if machine.hashing.difficulty == 0:
            machine.granted_at = now
        machine.hashing.difficulty = difficulty

    def leave(self, miner: int, now: Seconds) -> None:
        """Take note that a connection is gone."""
        machine = self._by_miner.pop(miner, None)
        if machine is None:
            return
        del machine.miners[miner]
        self._note_idle(machine, now)
        if not machine.miners:
            machine.gone_at = now

    def leave_all(self, now: Seconds) -> None:
        """Take note that no connection is known any more."""
        for miner in list(self._by_miner):
            self.leave(miner, now)

    def set_mode(self, machine: Machine, mode: Mode) -> None:
        """Hold a machine by other means from now on; half speeds become full."""
        if machine.mode is mode:
            return
        level = self.level_of(machine)
        is_top = level == machine.top
        machine.mode = mode
        self._fleet.level[machine.row] = machine.top if is_top else min(level, 1)
        self._is_dirty = True

    def note_found(self, machine: Machine, limit_w: Watts) -> bool:
        """Take note of the limit that a machine is found with.

        Returns whether its owner had set it, so that it is its top from now on.
        """
        machine.found_w = limit_w
        top_w = machine.kind.owners_limit(limit_w)
        if top_w is None:
            return False
        level = self.level_of(machine)
        is_top = level == machine.top
        machine.top_w = top_w
        self._fleet.level[machine.row] = machine.top if is_top else min(level, 1)
        self._is_dirty = True
        return True

    def set_responsive(self, machine: Machine, *, is_responsive: bool) -> None:
        """Count a machine as obeying, or at full power."""
        machine.is_responsive = is_responsive
        self._is_dirty = True

    def command(self, level: Ints, now: Seconds) -> None:
        """Note the levels that all machines are commanded to."""
        self._fleet = self.fleet.commanded(level, now)

    def command_one(self, machine: Machine, level: int, now: Seconds) -> None:
        """Note the level that one machine is commanded to."""
        levels = self.fleet.level.copy()
        levels[machine.row] = level
        self.command(levels, now)

    def age(self, elapsed: Seconds) -> None:
        """Let `elapsed` pass: debts grow, cycles fade."""
        self._fleet = self.fleet.aged(elapsed)

    def debts(self) -> list[Debt]:
        """Return the fairness debts that have grown since the last call.

        A machine that runs on owes nobody anything: most rows are left out.
        """
        fleet = self.fleet
        owed, cycles = fleet.debt_h.tolist(), fleet.cycles.tolist()
        grown = [m for m in self.machines if owed[m.row] > m.kept_debt_h]
        for machine in grown:
            machine.kept_debt_h = owed[machine.row]
        return [Debt(m.key, owed[m.row], cycles[m.row]) for m in grown]

    def fall_from_full(self, machine: Machine, now: Seconds) -> None:
        """Count a machine as at full power, on its way to its level from now on."""
        fleet = self.fleet
        fleet.from_w[machine.row] = fleet.full_w[machine.row]
        fleet.changed_at[machine.row] = now

    def mind_absent(self, now: Seconds) -> tuple[list[Machine], list[Machine]]:
        """Stop counting on machines that are gone.

        While one may still be at its last job it counts as commanded, so that it
        is granted work at once if it is back by then. One that does not answer its
        device API counts at full power until it is forgotten.

        Returns:
            Those now set aside, out of the plan, and those now forgotten.
        """
        aside: list[Machine] = []
        forgotten: list[Machine] = []
        fleet = self.fleet
        for machine in self.machines:
            row = machine.row
            if machine.gone_at is None or not machine.is_absent(now):
                if fleet.switched_at[row] == math.inf:  # it is back: it may work
                    fleet.switched_at[row] = -math.inf
            elif now - machine.seen_at >= _counted_for(machine):
                forgotten.append(machine)
            elif not machine.has_api and fleet.switched_at[row] != math.inf:
                fleet.level[row] = 0
                fleet.from_w[row] = fleet.level_w[row, 0]
                fleet.changed_at[row], fleet.switched_at[row] = -math.inf, math.inf
                aside.append(machine)
        if forgotten:
            self.forget(forgotten)
        return aside, forgotten

    def forget(self, machines: Sequence[Machine]) -> None:
        """Drop machines, and the watts that are counted for them."""
        stays = np.ones(len(self.fleet), dtype=np.bool_)
        stays[[m.row for m in machines]] = False
        self._fleet = kept(self.fleet, stays)
        for machine in machines:
            del self._by_key[machine.key]
        self.machines = [m for m in self.machines if stays[m.row]]
        for row, machine in enumerate(self.machines):
            machine.row = row

    @staticmethod
    def _note_idle(machine: Machine, now: Seconds) -> None:
        """Take note since when a machine is given no jobs."""
        if machine.has_jobs:
            machine.parked_at = None
        elif machine.parked_at is None:
            machine.parked_at = now

    def _join(self, joined: Joined, now: Seconds) -> Machine | None:
        key = self._key_for(joined)
        machine = self._by_key.get(key)
        if machine is None and len(self.machines) >= MAX_MACHINES:
            return None
        if machine is None:
            machine = self._add(key, joined.address, joined.worker)
        machine.worker = joined.worker
        self.note_parked(machine, joined.id, now, is_parked=joined.is_parked)
        machine.gone_at = None
        self._by_miner[joined.id] = machine
        return machine

    def _key_for(self, joined: Joined) -> str:
        """Return the key of the machine that a connection belongs to.

        A device API that has answered speaks for one machine: a few connections of one
        worker from its address are that machine, which has come back before its old
        connection was missed, or has two pool slots open. Other workers there are
        machines of their own, and where no API has answered so is each connection: a
        hall of one worker name may sit behind one address.
        """
        kind = self.describer.kind_of(joined.worker, joined.address)
        base = f"{joined.address} {joined.worker}"
        number = 1
        key = joined.address if kind.has_api else base
        speaker = self._by_key.get(joined.address) if kind.has_api else None
        if speaker is not None and _is_one_more(speaker, joined):
            return key
        while (other := self._by_key.get(key)) is not None and other.miners:
            key = base if key == joined.address else f"{base} {(number := number + 1)}"
        return key

    def _add(self, key: str, address: str, worker: str) -> Machine:
        kind = self.describer.kind_of(worker, address)
        if kind.has_api and key != address:
            kind = evolve(kind, has_api=False)
        row = len(self.machines)
        machine = Machine(key, address, worker, kind, kind.first_mode, row)
        self.machines.append(machine)
        self._by_key[key] = machine
        return machine


def _is_one_more(speaker: Machine, joined: Joined) -> bool:
    """Tell whether a connection is one more of the machine whose API has answered."""
    has_answered = speaker.heard_at != LONG_AGO or speaker.found_w is not None
    has_room = len(speaker.miners) < MAX_CONNECTIONS
    return has_answered and has_room and speaker.worker == joined.worker


def _counted_for(machine: Machine) -> Seconds:
    is_proven = machine.is_responsive and not machine.has_api
    return FORGOTTEN_AFTER if is_proven else COUNTED_FOR
