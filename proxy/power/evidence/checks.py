"""Holds what shares prove against what a site and its machines were told."""

import math
from collections.abc import Iterator
from itertools import islice

import numpy as np
from attrs import define, field

from protocol.units import HashesPerSecond, Seconds, Watts
from proxy.power.control.site_power import drawn
from proxy.power.control.step import SiteParams, SiteState
from proxy.power.evidence.efficiency import Balance, Balances, expected_of
from proxy.power.evidence.windows import ShareEvidence
from proxy.power.journal.alarms import AlarmName, Alarms
from proxy.power.link.messages import MinerWork
from proxy.power.machines.fleet import PARKED_DOWN, Bools
from proxy.power.machines.machine import Machine
from proxy.power.machines.share_proof import Z_CAP, Efficiency, ShareSum
from proxy.power.machines.table import SHARES_UNDER_WAY, Table

WATCH_EVERY = Seconds(5.0)
"""As often as the planner acts: levels change no sooner."""

LATE = 2.0
"""Times the model's way up: what a machine takes longer is silence. Chosen: a
cold hall and tuning from scratch take longer than makers say."""

LATE_S = Seconds(30.0)
"""And beside: a new job, a reconnect, a report on its way."""

SILENT_CLEARS = Seconds(30.0)
"""Shares that come for so long: ten of them at 20 a minute, no last one of a queue."""

HASHES_ON_CLEARS = Seconds(150.0)
"""Without a share, at the least, see `Hashing.silence_limit`: as long as one that is
parked is watched until it rests (`recovery.QUIET`)."""

DELTA = 0.01
"""Of the cap, what is tolerated above it. Chosen, and far below what a
machine too many makes; chance is beside that (`Z_CAP`)."""

SLICE = 5000
"""Machines that are looked at in a row: 15 to 30 ms."""

NEVER = Seconds(math.inf)

Look = tuple[Machine, int, HashesPerSecond, bool]
"""A machine, its level, that level's hashes/s, and whether its shares are due."""


@define(eq=False, repr=False)
class ShareChecks:
    """The shares of one site, and what they give away."""

    table: Table
    alarms: Alarms
    evidence: ShareEvidence
    balances: Balances = field(factory=Balances, init=False)
    _watched_at: Seconds = field(init=False)

    def __attrs_post_init__(self) -> None:
        self._watched_at = self.evidence.begun_at

    def count(self, work: MinerWork, now: Seconds) -> Machine | None:
        """Count a machine's shares; return the machine, None if it is not known."""
        machine = self.table.of_miner(work.id)
        if machine is None:
            return None
        kind = machine.kind
        self.evidence.add(work, is_known=kind.is_known, tenant=kind.tenant)
        if self.table.level_of(machine) > 0:
            shares = ShareSum(work.shares, work.work, work.work2, Seconds(0.0))
            machine.hashing.add(shares)
        # A machine takes a while to stop, and its last shares a while to come.
        elif not machine.is_new and now >= self._stops_by(machine):
            machine.hashing.stray(now)
            self._judge_stray(machine, now)
        return machine

    def tick(
        self,
        cap_hs: HashesPerSecond,
        state: SiteState,
        params: SiteParams,
        now: Seconds,
    ) -> None:
        """Look at the machines and at the sums, when it is time to."""
        for _ in self.steps(cap_hs, state, params, now):
            pass

    def steps(
        self,
        cap_hs: HashesPerSecond,
        state: SiteState,
        params: SiteParams,
        now: Seconds,
    ) -> Iterator[bool]:
        """Do what `tick` does, and yield True where something else may be."""
        elapsed = Seconds(now - self._watched_at)
        if elapsed >= WATCH_EVERY:
            self._watched_at = now
            at_work, looks = self._looks(now)
            self._sample(at_work, elapsed, state, params, now)
            while some := list(islice(looks, SLICE)):
                yield True
                self._watch(some, now, elapsed)
        if self.evidence.tick(cap_hs, now):
            self.balances.close(self.evidence.site.windows[-1])
            self._judge_cap(now)
            self._judge_efficiency(now)

    def _sample(
        self,
        at_work: Bools,
        elapsed: Seconds,
        state: SiteState,
        params: SiteParams,
        now: Seconds,
    ) -> None:
        """Put down what is drawn beside what the model says of it."""
        power, source = drawn(self.table, state, params, now)
        # With a meter that is not believed now nothing is compared: telemetry would
        # hide a hidden load.
        is_seen = params.meter is None or source == "meter"
        it_w = params.estimate.aux.it_watts(power) if is_seen else None
        fleet, reference = self.table.fleet, state.estimate.reference
        seen = expected_of(fleet, at_work, reference, now)
        self.balances.sample(it_w, seen, elapsed)

    # machines

    def _looks(self, now: Seconds) -> tuple[Bools, Iterator[Look]]:
        """Return who has had jobs for long enough, and each machine's look."""
        fleet, machines = self.table.fleet, self.table.machines
        takes = LATE * fleet.t_up + LATE_S
        # A machine without a source has nothing to send shares for.
        granted = [m.granted_at if m.is_supplied else NEVER for m in machines]
        at_work: Bools = np.array(granted) + takes <= now
        is_due = at_work & (fleet.changed_at + takes <= now)
        model_h = fleet.level_h[fleet.rows, fleet.level]
        columns = (c.tolist() for c in (fleet.level, model_h, is_due))
        return at_work, zip(list(machines), *columns, strict=True)

    def _watch(self, looks: list[Look], now: Seconds, elapsed: Seconds) -> None:
        """Look at some machines."""
        for machine, level, model_hs, is_due in looks:
            if self.table.find(machine.key) is not machine:  # forgotten since
                continue
            if level == 0:
                self._judge_stopped(machine, now)
            elif is_due:
                machine.hashing.owe(model_hs, elapsed)
                self._judge_silence(machine, model_hs, now)
            else:
                machine.hashing.rest()
                self.alarms.lapses(AlarmName.SILENT, now, machine.key)

    def _judge_silence(self, machine: Machine, model_hs: float, now: Seconds) -> None:
        hashing, key = machine.hashing, machine.key
        hashing.strays = 0
        self.alarms.lapses(AlarmName.HASHES_ON, now, key, Seconds(0.0))
        if not hashing.has_stopped:
            self.alarms.lapses(AlarmName.SILENT, now, key, SILENT_CLEARS)
            return
        body = {
            "expected_shares": round(hashing.missed, 1),
            "model_hs": model_hs,
            "difficulty": hashing.difficulty,
        }
        cause = f"at work, but {hashing.missed:.0f} shares expected and none came"
        self.alarms.holds(AlarmName.SILENT, cause, body, now, key)

    def _judge_stopped(self, machine: Machine, now: Seconds) -> None:
        hashing, key = machine.hashing, machine.key
        hashing.rest()
        self.alarms.lapses(AlarmName.SILENT, now, key, Seconds(0.0))
        if not hashing.strays:
            return
        full_hs = machine.variant.points[-1][0]
        # At a high difficulty a machine that hashes on is silent for longer than that.
        quiet = max(HASHES_ON_CLEARS, hashing.silence_limit(full_hs))
        self.alarms.lapses(AlarmName.HASHES_ON, now, key, quiet)
        if now - hashing.stray_at >= quiet:
            hashing.strays = 0

    def _judge_stray(self, machine: Machine, now: Seconds) -> None:
        if not machine.hashing.hashes_on:
            return
        since = now - float(self.table.fleet.switched_at[machine.row])
        cause = "shares still come though it was told to stop"
        body = {"told_s_ago": round(since)} if math.isfinite(since) else {}
        self.alarms.holds(AlarmName.HASHES_ON, cause, body, now, machine.key)

    def _stops_by(self, machine: Machine) -> Seconds:
        """Return from when on a share of it is none of the last ones."""
        fleet, row = self.table.fleet, machine.row
        takes = max(PARKED_DOWN, float(fleet.t_down[row])) + SHARES_UNDER_WAY
        return Seconds(float(fleet.switched_at[row]) + takes)

    # the site

    def _judge_cap(self, now: Seconds) -> None:
        if not self.evidence.exceeds_cap:
            self.alarms.lapses(AlarmName.CAP, now)
            return
        cap_hs = self.evidence.cap_hs
        windows = [_figures(one) for one in self.evidence.site.windows[-2:]]
        body = {"cap_hs": cap_hs, "delta": DELTA, "z": Z_CAP, "windows": windows}
        cause = "shares prove more hashes than the cap allows"
        self.alarms.holds(AlarmName.CAP, cause, body, now)

    def _judge_efficiency(self, now: Seconds) -> None:
        looks = self.balances.looks
        # The shortest look that shows it: the others hold older windows as well.
        missing = next((b for b in looks if b.at_most.is_hidden_load()), None)
        free = next((b for b in looks if b.at_least.is_hidden_supply()), None)
        cause = "more J/TH than the machines need: hidden load, hash that goes"
        cause += " elsewhere, or dead boards"
        self._tell(AlarmName.HASH_MISSING, cause, missing, now)
        cause = "fewer J/TH than the machines need: power that the meter does not see"
        self._tell(AlarmName.UNMETERED, cause, free, now)

    def _tell(
        self, name: AlarmName, cause: str, found: Balance | None, now: Seconds
    ) -> None:
        if found is None:
            self.alarms.lapses(name, now)
            return
        is_missing = name is AlarmName.HASH_MISSING
        ratio: Efficiency = found.at_most if is_missing else found.at_least
        seconds = found.shares.seconds
        body = {
            "joules_per_terahash": ratio.observed,
            "model_joules_per_terahash": ratio.expected,
            "it_w": Watts(found.it_j / seconds),
            **_figures(found.shares),
        }
        self.alarms.holds(name, cause, body, now)


def _figures(shares: ShareSum) -> dict[str, float]:
    low, high = shares.interval(Z_CAP)
    return {
        "hash_hs": shares.hash_hs,
        "low_hs": low,
        "high_hs": high,
        "shares": shares.shares,
        "seconds": shares.seconds,
    }
