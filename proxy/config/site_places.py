"""Where the machines of a site are: by hand, by the patterns of its fleet, by name."""

from collections.abc import Callable

from proxy.config.model import SiteConfig
from proxy.config.place_file import PlacesByHand
from proxy.config.rack_place import Place, place_of, place_pattern


def placing(site: SiteConfig) -> Callable[[str, str], Place]:
    """Return what tells where a machine is, by worker and address.

    Raises:
        PlaceFileError: Its file of places cannot be read.
    """
    by_hand = PlacesByHand() if site.places is None else PlacesByHand.read(site.places)
    patterns = [place_pattern(row.place) for row in site.fleet if row.place]

    def where(worker: str, address: str) -> Place:
        found = by_hand.find(worker, address)
        return found or place_of(patterns, worker, address)

    return where
