"""The tables of energy: each minute for five weeks, each hour for ever.

A row is added to what its minute and its hour hold already, in one transaction: a
minute that is written in two parts, or across a restart, is whole, and no job has to
roll minutes up. A row is 100 B: a site with ten tenants has 57 MB of minutes and grows
by 10 MB of hours a year, whatever the number of its machines.
"""

import sqlite3
from collections.abc import Sequence

from attrs import frozen

MINUTES_KEPT = 35 * 1440
"""As long as `work_minute` of the ledger: a month can be stated once it is over."""

HOUR_AT_ONCE = 60
"""Minutes that one write deletes at most: an hour's catch up with any stop."""

WHOLE_SITE = ""
"""The tenant of a row that is the whole site's."""

SURENESS = ("meter", "telemetry", "model")
"""Sources, the surest first: what two make is as sure as the lesser one."""

_ADD = """
INSERT INTO energy_{span} VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
ON CONFLICT ({span}, site, tenant) DO UPDATE SET
    wh = wh + excluded.wh,
    source = CASE WHEN excluded.source = 'model' OR source = 'model' THEN 'model'
        WHEN excluded.source = 'telemetry' THEN 'telemetry' ELSE source END,
    budget_wh = budget_wh + excluded.budget_wh,
    curtailed_wh = curtailed_wh + excluded.curtailed_wh,
    machine_s_down = machine_s_down + excluded.machine_s_down,
    machine_wh = machine_wh + excluded.machine_wh,
    seconds = seconds + excluded.seconds,
    metered_s = metered_s + excluded.metered_s
"""
_TOTAL = (
    "SELECT coalesce(sum(max(wh, 0)), 0) FROM energy_hour WHERE site = ? AND tenant = ?"
)
_EXPIRE = (
    "DELETE FROM energy_minute WHERE minute < ?"
    " AND minute < (SELECT min(minute) FROM energy_minute) + ?"
)


@frozen
class EnergyRow:
    """Energy of one site or tenant within one minute.

    Attributes:
        tenant: `WHOLE_SITE`, or whose machines.
        minute: Since the epoch.
        wh: Drawn, watt-hours.
        source: Who says so, one of `SURENESS`.
        budget_wh: What the budget allowed; None for a tenant, who has none.
        curtailed_wh: Not drawn because we held machines off or lowered them.
        machine_s_down: Seconds of machines that were gone or silent.
        machine_wh: Of the machines alone, by telemetry or model.
        seconds: How much of the minute was seen.
        metered_s: For how much of that the meter spoke.
    """

    tenant: str
    minute: int
    wh: float
    source: str
    budget_wh: float | None
    curtailed_wh: float
    machine_s_down: float
    machine_wh: float
    seconds: float
    metered_s: float


def add_energy(db: sqlite3.Connection, site: str, rows: Sequence[EnergyRow]) -> None:
    """Add rows to their minutes and hours; old minutes go. Within a transaction.

    Raises:
        sqlite3.Error: From the disk.
    """
    for span, length in (("minute", 1), ("hour", 60)):
        db.executemany(
            _ADD.format(span=span),
            [
                (
                    *(site, r.tenant, r.minute // length, r.wh, r.source, r.budget_wh),
                    *(r.curtailed_wh, r.machine_s_down, r.machine_wh),
                    *(r.seconds, r.metered_s),
                )
                for r in rows
            ],
        )
    if rows:
        newest = max(row.minute for row in rows)
        db.execute(_EXPIRE, (newest - MINUTES_KEPT, HOUR_AT_ONCE))


def energy_total(db: sqlite3.Connection, site: str) -> float:
    """Return the watt-hours of a whole site, all that were ever counted.

    Raises:
        sqlite3.Error: From the disk.
    """
    return float(db.execute(_TOTAL, (site, WHOLE_SITE)).fetchone()[0])
