"""Where machines are on the map: the method `places`."""

from collections.abc import Awaitable, Callable
from typing import Annotated

from attrs import define, field
from msgspec import Meta, Struct

from proxy.admin.refused import Refused
from proxy.admin.running import Running
from proxy.admin.views import MinerView
from proxy.config import Config
from proxy.config.place_file import PlaceFileError
from proxy.config.rack_place import Place
from proxy.config.site_places import placing

Page = Annotated[int, Meta(ge=0, le=1_000_000)]
Where = Callable[[str, str], Place]


class PlaceView(Struct):
    """A machine that is connected, and where it is."""

    site: str
    worker: str
    address: str
    rack: str
    position: str


@define(eq=False, repr=False)
class PlaceOperations:
    """Tells places, a page of 1,000 after the other.

    Attributes:
        page: Returns a page of all miners.
    """

    running: Running
    page: Callable[[str, int], Awaitable[list[MinerView]]]
    _known: tuple[Config, dict[str, Where]] | None = field(default=None, init=False)

    async def places(self, page: Page = 0) -> list[PlaceView]:
        """Return a page of machines and where they are."""
        placings = self._placings()
        found = []
        for miner in await self.page("*", page):
            worker = miner.worker or ""
            place = placings[miner.site](worker, miner.address)
            row = (miner.site, worker, miner.address, place.rack, place.position)
            found.append(PlaceView(*row))
        return found

    def _placings(self) -> dict[str, Where]:
        config = self.running.config
        if self._known is None or self._known[0] is not config:
            try:
                self._known = config, {one.name: placing(one) for one in config.sites}
            except PlaceFileError as error:
                raise Refused(str(error)) from error
        return self._known[1]
