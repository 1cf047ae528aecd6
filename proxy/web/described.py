"""What the rows of a configuration say of each machine."""

from collections.abc import Callable

from msgspec.structs import replace
from twisted.logger import Logger

from proxy.config import Config, PowerConfig
from proxy.config.model import SiteConfig
from proxy.config.place_file import PlaceFileError
from proxy.config.rack_place import Place
from proxy.config.site_places import placing
from proxy.power.machines.describer import Describer
from proxy.power.machines.models import models_with
from proxy.web.site_map import Described

_NO_POWER = PowerConfig(budget_w=1.0, fail_safe_w=0.0)
"""Of a site that has no budget: its fleet's rows name models all the same."""

_log = Logger()


def describing(config: Config, site: str) -> Callable[[str, str], Described]:
    """Return what tells of the machines of a site, by worker and address."""
    found = next(one for one in config.sites if one.name == site)
    models = models_with(config.models)
    describer = Describer.of(found.power or _NO_POWER, found.fleet, models)
    where = _placing(found)

    def describe(worker: str, address: str) -> Described:
        place = where(worker, address)
        kind = describer.kind_of(worker, address)
        if not kind.is_known:
            return Described(place=place)
        hashes, watts = kind.variants[kind.first_mode].points[-1]
        return Described(kind.name, kind.tenant or "", hashes, watts, place)

    return describe


def _placing(site: SiteConfig) -> Callable[[str, str], Place]:
    try:
        return placing(site)
    except PlaceFileError as error:  # it was good when the configuration was read
        _log.warn("places of {site} by name: {error}", site=site.name, error=error)
        return placing(replace(site, places=None))
