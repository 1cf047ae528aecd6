"""What simulated ASICs draw and find, in columns: a function of the moment.

Nothing here sleeps or asks a clock, so that a week passes as fast as it computes.
A change of goal is a straight line in time, from what a machine draws to what it
shall draw; in between, columns are only read.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from protocol.units import Seconds
from proxy.power.machines.fleet import Bools, Floats, Ints
from proxy.sim.kinds import MachineKind, Spread, Timings

Rows = NDArray[np.int64] | Sequence[int]

OFF, IDLE, WORK = 0, 1, 2
"""Modes: asleep or booting; boards powered without work; hashing."""

_CUT_S = 1.0  # a watchdog, or a lost supply, acts at once
_RESUME_S = 2.0  # a new job where boards are powered
_DAY_S = 86_400.0


class Asics:
    """N machines, awake at full speed at the start.

    Attributes:
        level: (N,) profile that it works at, 1 and up.
        top: (N,) highest profile.
        asleep: (N,) it was told to sleep; that survives a reboot.
        last_job_at: (N,) when its last job came.
    """

    def __init__(
        self, kinds: Sequence[MachineKind], spread: Spread, seed: int, now: Seconds
    ) -> None:
        random = np.random.default_rng(seed)
        count = len(kinds)
        self._load_curves(kinds)
        self._load_timings(kinds, spread, random)
        self.bias: Floats = spread.fleet_bias * np.maximum(
            0.5, 1.0 + spread.unit_error * random.standard_normal(count)
        )
        self._spread = spread
        self.level: Ints = self.top.copy()
        self.asleep: Bools = np.zeros(count, dtype=np.bool_)
        self.boots_until: Floats = np.full(count, -np.inf)
        self.last_job_at: Floats = np.full(count, float(now))
        self._mode: Ints = np.full(count, WORK, dtype=np.int64)
        self._from_w: Floats = self._level_w[self._rows, self.level]
        self._from_h: Floats = self._level_h[self._rows, self.level]
        self._goal_w: Floats = self._from_w.copy()
        self._goal_h: Floats = self._from_h.copy()
        self._starts_at: Floats = np.full(count, float(now))
        self._ends_at: Floats = self._starts_at.copy()
        self._warm_at: Floats = np.full(count, -np.inf)  # boards are up from then on
        self._heat: Floats = np.ones(count)
        self._advanced_at = float(now)

    def __len__(self) -> int:
        return len(self.level)

    def watts(self, now: Seconds) -> Floats:
        """Return what each machine draws at the wall."""
        return self.nominal_w(now) * self.bias * self._drift(now)

    def nominal_w(self, now: Seconds) -> Floats:
        """Return what each would draw were its nameplate the truth."""
        at = self._progress(now)
        return self._from_w + (self._goal_w - self._from_w) * at

    def hashrate(self, now: Seconds) -> Floats:
        """Return the hashes per second of each, without the simulation's scale."""
        at = self._progress(now)
        return self._from_h + (self._goal_h - self._from_h) * at

    def levels_of(self, row: int) -> list[tuple[float, float]]:
        """Return (hashes/s, W) of the profiles of a machine, slowest first."""
        wanted = range(1, int(self.top[row]) + 1)
        return [
            (float(self._level_h[row, n]), float(self._level_w[row, n])) for n in wanted
        ]

    def sleep(self, rows: Rows, now: Seconds) -> None:
        """Switch boards and supplies off."""
        self.asleep[rows] = True
        self._retarget(np.asarray(rows, dtype=np.int64), now)

    def wake(self, rows: Rows, now: Seconds) -> None:
        """Start up again."""
        self.asleep[rows] = False
        self._retarget(np.asarray(rows, dtype=np.int64), now)

    def set_level(self, rows: Rows, level: Ints | int, now: Seconds) -> None:
        """Work at another profile; one asleep does so once awake."""
        self.level[rows] = np.clip(level, 1, self.top[rows])
        self._retarget(np.asarray(rows, dtype=np.int64), now)

    def reboot(self, rows: Rows, now: Seconds) -> None:
        """Go off at once, come back later as before."""
        at = np.asarray(rows, dtype=np.int64)
        self.boots_until[at] = now + self._boot_s[at]
        self._retarget(at, now)

    def is_booting(self, row: int, now: Seconds) -> bool:
        """Tell whether nothing of the machine answers."""
        return bool(now < self.boots_until[row])

    def give_jobs(self, rows: Rows, now: Seconds) -> None:
        """Note that jobs came `now`."""
        self.last_job_at[rows] = now

    def advance(self, now: Seconds) -> None:
        """Let watchdogs run out, boots end and boards warm; call it each second."""
        self._warm(now)
        wanted = self._wanted_mode(self._rows, now)
        changed = np.flatnonzero(wanted != self._mode)
        if len(changed):
            self._retarget(changed, now)
        self._advanced_at = float(now)

    def _wanted_mode(self, rows: Ints, now: Seconds) -> Ints:
        off = self.asleep[rows] | (now < self.boots_until[rows])
        idle = now - self.last_job_at[rows] > self._watchdog_s[rows]
        mode: Ints = np.where(off, OFF, np.where(idle, IDLE, WORK))
        return mode

    def _retarget(self, rows: Ints, now: Seconds) -> None:
        """Begin a straight line from what `rows` draw to what they shall."""
        drawn, found = self.nominal_w(now)[rows], self.hashrate(now)[rows]
        mode, before = self._wanted_mode(rows, now), self._mode[rows]
        works = mode == WORK
        goal_w = np.where(
            works,
            self._level_w[rows, self.level[rows]],
            np.where(mode == IDLE, self._idle_w[rows], self._level_w[rows, 0]),
        )
        goal_h = np.where(works, self._level_h[rows, self.level[rows]], 0.0)
        changed = (goal_w != self._goal_w[rows]) | (mode != before)
        rows, before, mode = rows[changed], before[changed], mode[changed]
        delay, ramp = self._pace(rows, before, mode, now)
        self._from_w[rows], self._from_h[rows] = drawn[changed], found[changed]
        self._goal_w[rows], self._goal_h[rows] = goal_w[changed], goal_h[changed]
        self._mode[rows] = mode
        self._starts_at[rows] = now + delay
        self._ends_at[rows] = now + delay + ramp

    def _pace(
        self, rows: Ints, before: Ints, mode: Ints, now: Seconds
    ) -> tuple[Floats, Floats]:
        wakes = (before == OFF) & (mode != OFF)
        self._warm_at[rows[wakes]] = (now + self._up_delay_s + self._up_ramp_s)[
            rows[wakes]
        ]
        cuts = (mode == OFF) & (now < self.boots_until[rows])
        sleeps = (mode == OFF) & ~cuts
        steps = (mode == WORK) & (before == WORK)
        resumes = (mode == WORK) & (before == IDLE)
        left = np.maximum(_RESUME_S, self._warm_at[rows] - now)
        half = 0.5 * self._down_s[rows]
        delay = np.select([sleeps, wakes], [half, self._up_delay_s[rows]], 0.0)
        ramp = np.select(
            [sleeps, wakes, steps, resumes],
            [half, self._up_ramp_s[rows], self._step_s[rows], left],
            _CUT_S,
        )
        return delay, ramp

    def _progress(self, now: Seconds) -> Floats:
        span = np.maximum(1e-9, self._ends_at - self._starts_at)
        at = np.clip((now - self._starts_at) / span, 0.0, 1.0)
        return np.where(now >= self._ends_at, 1.0, at)

    def _drift(self, now: Seconds) -> Floats:
        spread = self._spread
        weather = spread.day_w_share * np.sin(2.0 * np.pi * now / _DAY_S)
        warmth: Floats = 1.0 + spread.heat_w_share * (self._heat - 1.0) + weather
        return warmth

    def _warm(self, now: Seconds) -> None:
        elapsed = now - self._advanced_at
        full = self._level_w[self._rows, self.top]
        goal = self.nominal_w(now) / full
        gain = 1.0 - np.exp(-elapsed / self._spread.heat_s)
        self._heat += (goal - self._heat) * gain

    def _load_curves(self, kinds: Sequence[MachineKind]) -> None:
        curves = [kind.model.points(sleeps=True) for kind in kinds]
        width = max((len(curve) for curve in curves), default=1)
        padded = [[*c, *[c[-1]] * (width - len(c))] for c in curves]
        both = np.array(padded, dtype=np.float64).reshape(len(kinds), width, 2)
        self._level_h: Floats = both[:, :, 0]
        self._level_w: Floats = both[:, :, 1]
        self.top: Ints = np.array([len(c) - 1 for c in curves], dtype=np.int64)
        self._idle_w: Floats = np.array([k.model.idle_w for k in kinds], dtype=float)
        self._rows: Ints = np.arange(len(kinds))

    def _load_timings(
        self, kinds: Sequence[MachineKind], spread: Spread, random: np.random.Generator
    ) -> None:
        def column(name: str) -> Floats:
            of: list[Timings] = [kind.timings for kind in kinds]
            return np.array([getattr(t, name) for t in of], dtype=np.float64)

        self._down_s, self._step_s = column("down_s"), column("step_s")
        self._up_delay_s, self._up_ramp_s = column("up_delay_s"), column("up_ramp_s")
        self._boot_s = column("boot_s")
        late = spread.watchdog_error_s * random.standard_normal(len(kinds))
        self._watchdog_s: Floats = np.maximum(1.0, column("watchdog_s") + late)
