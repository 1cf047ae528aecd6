"""What the rows of a configuration say of each machine."""

from collections.abc import Callable

from proxy.config import Config, PowerConfig
from proxy.power.machines.describer import Describer
from proxy.power.machines.models import models_with
from proxy.web.site_map import Described

_NO_POWER = PowerConfig(budget_w=1.0, fail_safe_w=0.0)
"""Of a site that has no budget: its fleet's rows name models all the same."""


def describing(config: Config, site: str) -> Callable[[str, str], Described]:
    """Return what tells of the machines of a site, by worker and address."""
    found = next(one for one in config.sites if one.name == site)
    models = models_with(config.models)
    describer = Describer.of(found.power or _NO_POWER, found.fleet, models)

    def describe(worker: str, address: str) -> Described:
        kind = describer.kind_of(worker, address)
        if not kind.is_known:
            return Described()
        points = kind.variants[kind.first_mode].points
        expected_hs, expected_w = points[-1][0], points[-1][1]
        return Described(kind.name, kind.tenant or "", expected_hs, expected_w)

    return describe
