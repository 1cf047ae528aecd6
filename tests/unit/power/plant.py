"""A plant in virtual time: machines with errors and delays, a noisy meter."""

from collections.abc import Iterator

import numpy as np
from attrs import evolve, frozen

from protocol.units import Seconds, UnixTime, Watts
from proxy.power.actuation.verify import Actuation, Evidence, Rung, Stage, verify
from proxy.power.control.cap import AuxLoad, Cap
from proxy.power.control.estimate_state import EstimateParams
from proxy.power.control.step import (
    Moment,
    Sensed,
    SiteParams,
    SiteState,
    act,
    sense,
    site_at,
)
from proxy.power.machines.fleet import Fleet, Floats, Ints, fleet_of
from proxy.power.machines.models import find_model
from proxy.power.orders.budget import Budget, Rule
from proxy.power.planner.plan import Plan, Urgency

KINDS = ("Antminer S19j Pro", "Antminer S21", "Whatsminer M50S", "Antminer S19 Pro")
DOWN = (5.0, 8.0, 12.0, 15.0)
UP = (35.0, 60.0, 120.0, 120.0)
SHARES = (0.3, 0.3, 0.2, 0.2)
AUX = AuxLoad(Watts(9_000.0), 0.03)
LEVEL_SECONDS = 10.0


@frozen
class Tick:
    """One second of the plant's life."""

    now: Seconds
    budget: Budget
    power_w: float
    sensed: Sensed
    cap: Cap | None
    plan: Plan | None


def budget_of(watts: float, rule: Rule = Rule.ORDER) -> Budget:
    lapsed = ("grid",) if rule is Rule.LAPSE else ()
    return Budget("hall-a", Watts(watts), rule, "test", lapsed=lapsed)


class Plant:
    """`count` machines of four kinds, and the law that holds them to a budget."""

    def __init__(  # noqa: PLR0913
        self,
        count: int,
        *,
        seed: int = 1,
        down: tuple[float, ...] = DOWN,
        up: tuple[float, ...] = UP,
        sleeps: bool = True,
        bias: float = 1.03,
        liars: float = 0.01,
        ramp_up: float = 6_000.0,
        start_w: float = 0.0,
        running: bool = True,
        priority: list[int] | None = None,
    ) -> None:
        self.random = np.random.default_rng(seed)
        kinds = [k for k, s in enumerate(SHARES) for _ in range(round(count * s))]
        self.fleet: Fleet = fleet_of(
            [find_model(KINDS[k]).points(sleeps=sleeps) for k in kinds],
            t_down=[down[k] for k in kinds],
            t_up=[up[k] for k in kinds],
            running=running,
            priority=priority,
        )
        self.true = bias * (1.0 + 0.04 * self.random.standard_normal(len(kinds)))
        self.obeys = self.random.random(len(kinds)) >= liars
        self.actual: Floats = self.fleet.target_w.copy()  # before `true`
        self.real_level: Ints = self.fleet.level.copy()
        self.params = SiteParams(
            fail_safe_w=Watts(100_000.0),
            estimate=EstimateParams(aux=AUX, ramp_up_w_per_s=ramp_up),
        )
        self.now = 1000.0
        self.state: SiteState = site_at(
            Seconds(self.now), Watts(start_w or self.power_w)
        )
        self.acted_at = self.now - 1.0
        self.last_budget = -1.0
        self.actuations: dict[int, Actuation] = {}
        self.commands = np.zeros(len(kinds))
        self.hidden_w = 0.0

    @property
    def power_w(self) -> float:
        it_w = float((self.actual * self.true).sum())
        return AUX.site_watts(it_w) + getattr(self, "hidden_w", 0.0)

    def reading(self) -> float:
        return self.power_w * (1.0 + 0.002 * float(self.random.standard_normal()))

    def run(
        self, seconds: float, budget: Budget, *, meter: float | str | None = "well"
    ) -> Iterator[Tick]:
        """Live through `seconds`, one by one."""
        for _ in range(int(seconds)):
            self.now += 1.0
            self._live()
            reading = self.reading() if meter == "well" else meter
            yield self._control(budget, reading)  # type: ignore[arg-type]

    def _live(self) -> None:
        goal = self.fleet.level_w[self.fleet.rows, self.real_level]
        since = self.now - self.fleet.changed_at
        down = goal < self.actual
        arrived = since >= self.fleet.t_down * 0.9
        self.actual = np.where(down & arrived, goal, self.actual)
        rate = self.fleet.full_w / np.maximum(1.0, self.fleet.t_up * 0.7)
        may_rise = ~down & (since >= self.fleet.t_up * 0.3)
        risen = np.minimum(goal, self.actual + rate)
        self.actual = np.where(may_rise, risen, self.actual)
        self.fleet = self.fleet.aged(Seconds(1.0))

    def _control(self, budget: Budget, reading: float | None) -> Tick:
        now = Seconds(self.now)
        self._verify(now)
        sensed = sense(
            self.state, self.fleet, budget, reading, now=now, params=self.params
        )
        self.state = sensed.state
        is_due = now - self.acted_at >= 5.0
        is_urgent = sensed.stance.urgency is not Urgency.NORMAL
        if not (is_due or is_urgent or budget.watts != self.last_budget):
            return Tick(now, budget, self.power_w, sensed, None, None)
        moment = Moment(now, UnixTime(self.now), Seconds(self.now - self.acted_at))
        action = act(sensed, self.fleet, budget, moment, self.params)
        self.state, self.acted_at = action.state, self.now
        self.last_budget = budget.watts
        self._send(action.plan, now)
        return Tick(now, budget, self.power_w, sensed, action.cap, action.plan)

    def _send(self, planned: Plan, now: Seconds) -> None:
        rows = planned.rows
        self.fleet = self.fleet.commanded(planned.level, now)
        self.real_level = np.where(self.obeys, planned.level, self.real_level)
        self.commands[rows] += 1
        for command in planned.commands():
            row = command.row
            takes = self.fleet.t_down if command.watts < 0 else self.fleet.t_up
            self.actuations[row] = Actuation(
                str(row),
                command.after,
                Watts(0.0),
                Rung.SLEEP,
                now,
                float(takes[row]),
            )

    def _verify(self, now: Seconds) -> None:
        """Every device says that it obeyed; the read-back tells who did."""
        for row, actuation in list(self.actuations.items()):
            seen = Evidence(True, int(self.real_level[row]), is_metered=True)
            verified = verify(actuation, seen, now)
            self.actuations[row] = verified
            if verified.is_over:
                del self.actuations[row]
            if verified.stage is Stage.UNRESPONSIVE:
                obedient = self.fleet.responsive.copy()
                obedient[row] = False
                self.fleet = evolve(self.fleet, responsive=obedient)
