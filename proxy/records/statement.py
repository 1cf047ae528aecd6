"""What a month came to for each tenant: work, energy, what was curtailed, time down."""

import sqlite3
from collections import defaultdict
from collections.abc import Iterable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

from attrs import define, evolve, fields, frozen

from protocol.work.hashrate import HASHES_PER_DIFFICULTY
from proxy.power.journal.database import STORE_FILE
from proxy.power.journal.energy import WHOLE_SITE
from proxy.records.error import RecordsError
from proxy.records.month import Month
from proxy.records.tenants import Tenants
from proxy.runtime.database_file import reading
from proxy.shares.database import LEDGER_FILE

_WORK = (
    "SELECT site, worker, sum(accepted), sum(rejected), sum(work) FROM work_hour"
    " WHERE hour >= ? AND hour < ? GROUP BY site, worker"
)
_ENERGY = (
    "SELECT site, tenant, sum(wh), sum(curtailed_wh), sum(machine_s_down),"
    " sum(machine_wh), sum(seconds), sum(metered_s) FROM energy_hour"
    " WHERE hour >= ? AND hour < ? GROUP BY site, tenant"
)


@define
class Sums:
    """What a time came to; energy in Wh.

    Attributes:
        work: Of accepted shares, in units of difficulty 1.
        hours: Length of the time.
        seen_s: For how much of it energy was counted; 0: it was not.
        metered_s: For how much of it a meter spoke.
        machine_wh: Of the machines alone, by telemetry or model.
    """

    hours: float = 0.0
    accepted: int = 0
    rejected: int = 0
    work: float = 0.0
    wh: float = 0.0
    curtailed_wh: float = 0.0
    machine_s_down: float = 0.0
    machine_wh: float = 0.0
    seen_s: float = 0.0
    metered_s: float = 0.0

    @property
    def hashrate_hs(self) -> float:
        """Mean hashes a second."""
        seconds = 3600.0 * self.hours
        return self.work * HASHES_PER_DIFFICULTY / seconds if seconds else 0.0

    @property
    def joules_per_terahash(self) -> float | None:
        """None where there was no work, or no energy counted."""
        hashes = self.work * HASHES_PER_DIFFICULTY
        has_both = hashes > 0 and self.seen_s > 0
        return 3600.0 * self.wh / hashes * 1e12 if has_both else None

    @property
    def seen(self) -> float:
        """Part of the time in which energy was counted."""
        return min(1.0, self.seen_s / (3600.0 * self.hours)) if self.hours else 0.0

    def add(self, other: "Sums") -> None:
        """Add another time, or another site's of the same time: then without hours."""
        for one in fields(Sums):
            total = getattr(self, one.name) + getattr(other, one.name)
            setattr(self, one.name, total)


@frozen
class DayLine:
    """A day at a site."""

    site: str
    day: str
    sums: Sums


@frozen
class Statement:
    """A tenant's month; tenant '': all that the sites drew and did."""

    tenant: str
    month: Month
    lines: tuple[DayLine, ...]

    def sites(self) -> Iterator[tuple[str, Sums]]:
        """Yield each site with its month."""
        for site in sorted({line.site for line in self.lines}):
            total = Sums()
            for line in self.lines:
                if line.site == site:
                    total.add(line.sums)
            yield site, total


def statements(
    state: Path,
    month: Month,
    tenants: Tenants,
    now: float,
    tenant: str | None = None,
) -> list[Statement]:
    """Return what a month came to, of `tenant` or of the sites and then each tenant.

    Args:
        state: The state folder.
        month: Days that have not begun are not in it.
        tenants: Whose machines are whose.
        now: Unix seconds.
        tenant: None: of everybody.

    Raises:
        RecordsError: It cannot be read, or there is no such tenant.
    """
    if tenant is not None:
        tenants.require([tenant])
    begun = [day for day in month.days if day.first_hour * 3600 < now]
    found = {
        day: sums_between(state, day.first_hour, day.end_hour, tenants) for day in begun
    }
    places = sorted({place for sums in found.values() for place in sums})
    lines: dict[str, list[DayLine]] = defaultdict(list)
    for name, site in places:  # also of days on which there was nothing
        for day, sums in found.items():
            hours = min(day.end_hour, now / 3600) - day.first_hour
            of_day = evolve(sums.get((name, site), Sums()), hours=hours)
            lines[name].append(DayLine(site, day.name, of_day))
    names = sorted({WHOLE_SITE, *lines}) if tenant is None else [tenant]
    return [Statement(name, month, tuple(lines[name])) for name in names]


def sums_between(
    state: Path, first_hour: int, end_hour: int, tenants: Tenants
) -> dict[tuple[str, str], Sums]:
    """Return sums by tenant and site, without their length; tenant '': the whole site.

    Args:
        state: The state folder.
        first_hour: Since the epoch.
        end_hour: The first that is not in them.
        tenants: Whose machines are whose.

    Raises:
        RecordsError: They cannot be read.
    """
    hours = (first_hour, end_hour)
    found: dict[tuple[str, str], Sums] = defaultdict(Sums)
    for row in _ask(state / LEDGER_FILE, _WORK, hours):
        site, worker, accepted, rejected, work = row
        for tenant in {WHOLE_SITE, tenants.of_worker(site, worker)}:
            found[tenant, site].add(Sums(0.0, accepted, rejected, work))
    for site, tenant, *energy in _ask(state / STORE_FILE, _ENERGY, hours):
        found[tenant, site].add(Sums(0.0, 0, 0, 0.0, *energy))
    return found


def _ask(path: Path, sql: str, hours: tuple[int, int]) -> Iterable[tuple[Any, ...]]:
    if not path.exists():
        return []
    try:
        with closing(reading(path)) as db:
            return db.execute(sql, hours).fetchall()
    except sqlite3.Error as error:
        raise RecordsError(f"{path} cannot be read: {error}") from error
