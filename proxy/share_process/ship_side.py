"""The shipper as the share process has it: started, told what to copy, listened to."""

import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from attrs import define, field
from twisted.application.service import MultiService
from twisted.internet.defer import maybeDeferred

from protocol.units import Seconds
from proxy.cluster.ship_told import Shipped, ShipSetup, setup_for, told
from proxy.config import Config
from proxy.runtime.child import ChildService
from proxy.runtime.link import LinkConnection, LinkFactory
from proxy.runtime.ordered_services import OrderedServices
from proxy.runtime.periodic import PeriodicService

COMMAND = (sys.executable, "-m", "proxy.cluster.shipper")

LOOK_EVERY = Seconds(5.0)


@define(eq=False, repr=False)
class ShipSide:
    """Runs a shipper while the configuration asks for one.

    Attributes:
        root: Whose child it is.
        instance: The proxy's.
        reactor: Spawns processes, keeps time.
        shipped: What it said last; None: there is none, or it has said nothing.
    """

    root: MultiService
    instance: int
    reactor: Any
    shipped: Shipped | None = field(default=None, init=False)
    _setup: ShipSetup | None = field(default=None, init=False)
    _service: OrderedServices | None = field(default=None, init=False)

    async def take_on(self, config: Config) -> None:
        """Copy what `config` says from now on."""
        setup = setup_for(config, self.instance)
        if setup == self._setup:
            return
        service, self._service, self.shipped = self._service, None, None
        self._setup = setup
        if service is not None:
            await maybeDeferred(service.disownServiceParent)
        if setup is not None:
            self._service = self._services(setup)
            self._service.setServiceParent(self.root)

    def copied_through(self) -> int | None:
        """Return the id up to which shares may go; None: they may all go."""
        if self._setup is None or self._setup.mode != "shares":
            return None
        shipped = self.shipped
        return 0 if shipped is None else (shipped.share_id or 0)

    def _services(self, setup: ShipSetup) -> OrderedServices:
        services = OrderedServices()
        child = ChildService(COMMAND, _environment(), _teller(setup), self.reactor)
        child.setServiceParent(services)
        folder = Path(setup.state_dir)

        async def look() -> None:
            self.shipped = told(folder)

        PeriodicService(LOOK_EVERY, look, self.reactor).setServiceParent(services)
        return services


def _teller(setup: ShipSetup) -> LinkFactory[bytes]:
    """Return a link that says one thing, and hears nothing."""

    def opened(link: LinkConnection[bytes]) -> None:
        link.send(setup)

    nothing: Callable[[Any], None] = lambda _: None  # noqa: E731
    return LinkFactory(bytes, 1 << 16, opened=opened, received=nothing, lost=nothing)


def _environment() -> dict[str, str]:
    """Return our environment, with where this very release is imported from."""
    here = str(Path(__file__).resolve().parents[2])
    rest = os.environ.get("PYTHONPATH")
    return {**os.environ, "PYTHONPATH": f"{here}:{rest}" if rest else here}
