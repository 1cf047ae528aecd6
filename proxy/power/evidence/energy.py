"""Count what a site and its tenants draw, and what they do not draw because of us.

The site's watts are its meter's while that is believed, else what `status` shows by
telemetry or model. A tenant's watts are its machines' alone: each by what it said of
itself lately, else by the model and the bias that the estimator has learned; one that
is gone draws nothing. Curtailed is the distance to full power of machines that are
commanded to a lower level and are there: a fault is none of it, it counts as time down;
nor is what an operator holds off by hand, which no budget asked for.
"""

import numpy as np
from attrs import define, evolve, field, frozen

from protocol.units import Seconds, UnixTime, Watts
from proxy.power.control.fleet_evidence import FRESH
from proxy.power.control.site_power import MOST, drawn
from proxy.power.control.step import SiteParams, SiteState
from proxy.power.journal.energy import SURENESS, WHOLE_SITE, EnergyRow
from proxy.power.machines.fleet import Bools, Floats
from proxy.power.machines.table import Table

LOOK_EVERY = Seconds(5.0)
"""How often machines are looked at one by one, as often as the planner acts: 60 ms for
27,000, a hundredth of a busy core."""

MAX_GAP = Seconds(30.0)
"""Between two looks at a site, of which nobody knows more: a lease, after which the
share process parks. The rest of a longer gap is in no row."""

MAX_ROWS = 20_000
"""Kept while the database cannot be written to, 3 MB: a day of a site with a dozen
tenants; then the oldest go."""


@frozen
class Draw:
    """What some machines draw, or do not.

    Attributes:
        watts: Drawn.
        source: `telemetry` or `model`.
        curtailed_w: Not drawn, by our command.
        down: How many are gone or silent.
    """

    watts: float
    source: str
    curtailed_w: float
    down: float


def draws(table: Table, bias: float, now: Seconds) -> dict[str, Draw]:
    """Return what each tenant's machines draw, and `WHOLE_SITE`: all machines.

    Args:
        table: The machines.
        bias: Meter's watts for each of the model's.
        now: The moment.
    """
    fleet, machines = table.fleet, table.machines
    absent = np.array([m.is_absent(now) for m in machines], dtype=np.bool_)
    silent = np.array([m.hashing.has_stopped for m in machines], dtype=np.bool_)
    said, is_said = _telemetry(table, now)
    # At the most: a machine that was told to stop draws until it is shown to have
    # stopped.
    committed = bias * fleet.committed_w(now)
    watts = np.where(is_said, said, np.where(absent, 0.0, committed))
    # A machine that is gone is down, and not curtailed; nor is one held off by hand.
    is_ours = ~absent & ~fleet.held
    off = np.where(is_ours, bias * fleet.full_w - committed, 0.0)
    down = absent | (silent & (fleet.level > 0))
    spoken = np.where(is_said, committed, 0.0)
    columns = (watts, np.maximum(off, 0.0), down.astype(float), spoken, committed)
    names = [m.kind.tenant or WHOLE_SITE for m in machines]
    index = {name: i for i, name in enumerate(dict.fromkeys(names))}
    places = np.array([index[name] for name in names], dtype=np.int64)
    sums = [np.bincount(places, c, minlength=len(index)).tolist() for c in columns]
    found = {name: _draw(*(s[i] for s in sums)) for name, i in index.items()}
    found[WHOLE_SITE] = _draw(*(float(column.sum()) for column in columns))
    return found


def _telemetry(table: Table, now: Seconds) -> tuple[Floats, Bools]:
    """Return what each machine said lately that it draws, and which did."""
    said = [
        m.power_w if m.power_w is not None and now - m.heard_at < FRESH else np.nan
        for m in table.machines
    ]
    column = np.array(said, dtype=np.float64)
    return column, ~np.isnan(column)


def _draw(
    watts: float, curtailed_w: float, down: float, spoken: float, committed: float
) -> Draw:
    source = "telemetry" if spoken > MOST * committed else "model"
    return Draw(watts, source, curtailed_w, down)


@define(eq=False, repr=False)
class EnergyMeter:
    """Adds up a site's energy until it is written down.

    Attributes:
        total_wh: Of the whole site, since it was first seen.
    """

    table: Table
    _counted_at: Seconds
    total_wh: float = field(default=0.0, init=False)
    _looked_at: Seconds | None = field(default=None, init=False)
    _draws: dict[str, Draw] = field(factory=dict, init=False)
    _site: tuple[Watts, str] = field(default=(Watts(0.0), "model"), init=False)
    _rows: dict[tuple[int, str], EnergyRow] = field(factory=dict, init=False)

    @property
    def rows(self) -> list[EnergyRow]:
        """What was counted since `clear`, the oldest first."""
        return list(self._rows.values())

    def clear(self) -> None:
        """Forget what was counted: it is written down."""
        self._rows.clear()

    def tick(
        self,
        state: SiteState,
        params: SiteParams,
        budget_w: Watts,
        now: Seconds,
        at: UnixTime,
    ) -> None:
        """Count the time since the last call, at the watts of now."""
        # Counted at the watts of now, which after a pause need not be those of the
        # pause.
        seconds = min(now - self._counted_at, MAX_GAP)
        hours = seconds / 3600.0
        self._counted_at = now
        if self._looked_at is None or now - self._looked_at >= LOOK_EVERY:
            self._looked_at = now
            self._draws = draws(self.table, state.estimate.bias, now)
            self._site = drawn(self.table, state, params, now)
        # Each second anew: the look at the machines is every five.
        trusted = state.meter.trusted_w if params.meter else None
        watts, source = self._site if trusted is None else (trusted, "meter")
        self.total_wh += max(0.0, hours * watts)
        for tenant, draw in self._draws.items():
            is_site = tenant == WHOLE_SITE
            row = EnergyRow(
                tenant=tenant,
                minute=int(at // 60),
                wh=hours * (watts if is_site else draw.watts),
                source=source if is_site else draw.source,
                budget_wh=hours * budget_w if is_site else None,
                curtailed_wh=hours * draw.curtailed_w,
                machine_s_down=seconds * draw.down,
                machine_wh=hours * draw.watts,
                seconds=seconds,
                metered_s=seconds if is_site and trusted is not None else 0.0,
            )
            self._add(row)
        # Oldest first: a dict keeps the order of the minutes.
        while len(self._rows) > MAX_ROWS:
            del self._rows[next(iter(self._rows))]

    def _add(self, row: EnergyRow) -> None:
        key = row.minute, row.tenant
        known = self._rows.get(key)
        self._rows[key] = row if known is None else _sum(known, row)


def _sum(one: EnergyRow, other: EnergyRow) -> EnergyRow:
    """Return what two parts of a minute make."""
    budget = None
    if one.budget_wh is not None and other.budget_wh is not None:
        budget = one.budget_wh + other.budget_wh
    return evolve(
        one,
        wh=one.wh + other.wh,
        # The less certain of the two.
        source=max(one.source, other.source, key=SURENESS.index),
        budget_wh=budget,
        curtailed_wh=one.curtailed_wh + other.curtailed_wh,
        machine_s_down=one.machine_s_down + other.machine_s_down,
        machine_wh=one.machine_wh + other.machine_wh,
        seconds=one.seconds + other.seconds,
        metered_s=one.metered_s + other.metered_s,
    )
