"""The controller as sites come to have power settings, and cease to."""

from collections.abc import Callable, Mapping
from typing import Any

from attrs import define, field
from twisted.application.service import MultiService
from twisted.internet.defer import maybeDeferred

from proxy.config import Config
from proxy.downstream.connection import SiteFactory
from proxy.power.link.setup import setup_of
from proxy.supervisor.child_link import ControllerLink
from proxy.supervisor.service import ControllerSupervisor, grant_all


@define(eq=False, repr=False)
class PowerSide:
    """Runs a controller while any site has power settings.

    Attributes:
        root: Whose child it is.
        factories: Sites by name.
        publish: Takes news: topic and value.
        held: Returns what operators hold off by hand.
    """

    root: MultiService
    factories: Mapping[str, SiteFactory]
    publish: Callable[[str, Any], None]
    reactor: Any
    held: Callable[[], list[str]] = list
    _supervisor: ControllerSupervisor | None = field(default=None, init=False)

    @property
    def link(self) -> ControllerLink | None:
        """The controller; None: no site has power settings."""
        return self._supervisor.link if self._supervisor is not None else None

    async def check(self, config: Config) -> None:
        """Ask the controller whether it can take on `config`; nothing is changed.

        Raises:
            AskRefusedError: It cannot, or does not answer.
        """
        if self.link is not None and _has_power(config):
            await self.link.check(setup_of(config))

    async def take_on(self, config: Config) -> None:
        """Hold the sites to their budgets as `config` says from now on."""
        supervisor = self._supervisor
        if supervisor is None and _has_power(config):
            supervisor = ControllerSupervisor(
                config, self.factories, self.publish, self.reactor, self.held
            )
            self._supervisor = supervisor
            supervisor.setServiceParent(self.root)
        elif supervisor is not None and _has_power(config):
            await supervisor.take_on(config)
        elif supervisor is not None:
            self._supervisor = None
            await maybeDeferred(supervisor.disownServiceParent)
            for site in supervisor.link.sites.values():
                grant_all(site.factory)


def _has_power(config: Config) -> bool:
    return any(site.power is not None for site in config.sites)
