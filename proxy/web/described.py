"""What the rows of a configuration say of each machine."""

from collections.abc import Callable

from proxy.config import Config, PowerConfig
from proxy.config.rack_place import place_of, place_pattern
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
    patterns = [place_pattern(row.place) for row in found.fleet if row.place]

    def describe(worker: str, address: str) -> Described:
        place = place_of(patterns, worker, address)
        kind = describer.kind_of(worker, address)
        if not kind.is_known:
            return Described(place=place)
        hashes, watts = kind.variants[kind.first_mode].points[-1]
        return Described(kind.name, kind.tenant or "", hashes, watts, place)

    return describe
