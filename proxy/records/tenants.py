"""Whose machine a worker is: the ledger knows workers, the fleet's rows tenants."""

import sqlite3
from collections.abc import Iterable, Mapping
from contextlib import closing
from pathlib import Path

from attrs import define, field

from proxy.config import Config, PowerConfig
from proxy.power.machines.describer import Describer
from proxy.power.machines.models import models_with
from proxy.records.error import RecordsError
from proxy.runtime.database_file import reading

MAX_WORKERS = 200_000
"""Whose tenants are remembered, 30 MB; then all are looked up anew."""

_ADDRESSES = "SELECT site, worker, address FROM machine"
_NO_POWER = PowerConfig(budget_w=1.0, fail_safe_w=0.0)
"""Of a site that has no budget: its fleet's rows may name tenants all the same."""

Addresses = Mapping[tuple[str, str], str]
"""Of machines, by site and worker."""


@define(eq=False, repr=False)
class Tenants:
    """Tells whose machine a worker is; '' where no row names a tenant.

    A row that goes by address fits workers whose machine the controller's database
    knows.
    """

    _describers: Mapping[str, Describer]
    _addresses: Addresses
    names: frozenset[str]
    _known: dict[tuple[str, str], str] = field(factory=dict, init=False)

    @classmethod
    def of(cls, config: Config, addresses: Addresses) -> "Tenants":
        """Return the tenants of a configuration."""
        models = models_with(config.models)
        describers = {
            site.name: Describer.of(site.power or _NO_POWER, site.fleet, models)
            for site in config.sites
        }
        names = (row.tenant for site in config.sites for row in site.fleet)
        return cls(describers, addresses, frozenset(n for n in names if n is not None))

    def of_worker(self, site: str, worker: str) -> str:
        """Return the tenant whose machine `worker` is."""
        key = site, worker
        tenant = self._known.get(key)
        if tenant is None:
            if len(self._known) >= MAX_WORKERS:
                self._known.clear()
            tenant = self._known[key] = self._look_up(site, worker)
        return tenant

    def require(self, names: Iterable[str]) -> None:
        """Refuse a tenant that no row of a fleet names.

        Raises:
            RecordsError: There is one among `names`.
        """
        for name in names:
            if name not in self.names:
                known = ", ".join(sorted(self.names)) or "none"
                raise RecordsError(f"no tenant {name!r}: the fleets name {known}")

    def _look_up(self, site: str, worker: str) -> str:
        describer = self._describers.get(site)
        if describer is None:  # a site that the configuration has no more
            return ""
        address = self._addresses.get((site, worker), "")
        return describer.kind_of(worker, address).tenant or ""


def addresses_in(path: Path) -> dict[tuple[str, str], str]:
    """Return where machines are, as the controller's database at `path` has it.

    Raises:
        RecordsError: It is there and cannot be read.
    """
    if not path.exists():
        return {}
    try:
        with closing(reading(path)) as db:
            return {(s, w): a for s, w, a in db.execute(_ADDRESSES)}
    except sqlite3.Error as error:
        raise RecordsError(f"{path} cannot be read: {error}") from error
