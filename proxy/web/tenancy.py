"""`GET /api/v1/tenants`: what a time came to for each tenant, as a statement has it."""

import math
from collections.abc import Callable
from pathlib import Path

from attrs import define, evolve, field
from msgspec import Struct

from proxy.admin.running import Running
from proxy.power.journal.database import STORE_FILE
from proxy.records.error import RecordsError
from proxy.records.statement import Sums, sums_between
from proxy.records.tenants import Tenants, addresses_in
from proxy.web.answers import CSV, Answer, ProblemError, in_json
from proxy.web.archive import Archive
from proxy.web.asked import TABLE, Asked
from proxy.web.csv_text import csv_answer, rows_of
from proxy.web.routes import Routes

HOUR, DAY = 3600, 86_400

MOST_S = 35 * DAY
"""A month and some days: 20,000 workers have 17 million sums in it, some seconds."""

MAX_WAITING = 4
"""Who asks while as many wait for their turn on the thread."""


class TenantView(Struct):
    """What a time came to for a tenant at a site.

    Attributes:
        tenant: Empty: all that the site drew and did.
        hours: Length of the time, as far as it has passed.
        work: Of accepted shares, in units of difficulty 1.
        wh: Drawn, watt-hours; a tenant's is what its machines drew.
        curtailed_wh: Not drawn because machines were held off or lowered.
        machine_s_down: Seconds of machines that were gone or silent.
        machine_wh: Of the machines alone, by telemetry or model.
        seen: Part of the time in which energy was counted.
        metered: Part of the time in which a meter spoke.
    """

    tenant: str
    site: str
    hours: float
    accepted: int
    rejected: int
    work: float
    hashrate_hs: float
    wh: float
    curtailed_wh: float
    machine_s_down: float
    machine_wh: float
    seen: float
    metered: float
    joules_per_terahash: float | None


class TenantsView(Struct):
    """Each tenant of each site, the whole sites first.

    Attributes:
        begin: Unix time of the first hour.
        end: Unix time of the end of the last.
    """

    begin: int
    end: int
    tenants: list[TenantView]

    def in_words(self) -> dict[str, object]:
        """Return it as it is sent: `from` is no name in Python."""
        return {"from": self.begin, "to": self.end, "tenants": self.tenants}


@define(eq=False, repr=False)
class Tenancy:
    """Answers what tenants did, from the sums of hours."""

    running: Running
    archive: Archive
    _waiting: int = field(default=0, init=False)

    def add_to(self, routes: Routes) -> None:
        """Answer the path."""
        routes.add("GET", "/api/v1/tenants", self.tenants)

    async def tenants(self, asked: Asked) -> Answer:
        """Return the sums of each tenant; of this month so far, if no time is given."""
        kind, now = asked.accepted(*TABLE), self.running.wall_clock()
        begin, end = _hours_of(asked, now)
        if self._waiting >= MAX_WAITING:
            why = "as many as may be are waiting for sums"
            raise ProblemError(503, why, {"retry-after": "5"})
        self._waiting += 1
        try:
            found = await self.archive.run(self._read(begin, end, now))
        except RecordsError as error:
            raise ProblemError(503, str(error), {"retry-after": "5"}) from error
        finally:
            self._waiting -= 1
        if kind == CSV:
            return csv_answer(*rows_of(TenantView, found))
        return in_json(TenantsView(begin, end, found).in_words())

    def _read(self, begin: int, end: int, now: float) -> Callable[[], list[TenantView]]:
        state, config = self.archive.state, self.running.config

        def read() -> list[TenantView]:
            tenants = Tenants.of(config, addresses_in(state / STORE_FILE))
            hours = (min(end, now) - begin) / HOUR
            return [
                _view(tenant, site, evolve(sums, hours=hours))
                for (tenant, site), sums in sorted(
                    _sums(state, begin, end, tenants).items()
                )
            ]

        return read


def _hours_of(asked: Asked, now: float) -> tuple[int, int]:
    """Return from when to when, on full hours."""
    until = min(now, asked.number("to", now))
    since = asked.number("from", until - 30 * DAY)
    end = max(HOUR, math.ceil(until / HOUR) * HOUR)
    begin = max(0, min(end - HOUR, math.floor(since / HOUR) * HOUR))
    return max(begin, end - MOST_S), end


def _sums(
    state: Path, begin: int, end: int, tenants: Tenants
) -> dict[tuple[str, str], Sums]:
    """Return sums by tenant and site, a day at a time: no read lasts for long."""
    found: dict[tuple[str, str], Sums] = {}
    for first in range(begin, end, DAY):
        last = min(end, first + DAY)
        day = sums_between(state, first // HOUR, last // HOUR, tenants)
        for key, sums in day.items():
            found.setdefault(key, Sums()).add(sums)
    return found


def _view(tenant: str, site: str, sums: Sums) -> TenantView:
    seconds = HOUR * sums.hours
    return TenantView(
        tenant=tenant,
        site=site,
        hours=round(sums.hours, 4),
        accepted=sums.accepted,
        rejected=sums.rejected,
        work=sums.work,
        hashrate_hs=sums.hashrate_hs,
        wh=sums.wh,
        curtailed_wh=sums.curtailed_wh,
        machine_s_down=sums.machine_s_down,
        machine_wh=sums.machine_wh,
        seen=sums.seen,
        metered=min(1.0, sums.metered_s / seconds) if seconds else 0.0,
        joules_per_terahash=sums.joules_per_terahash,
    )
