"""Taking a site out of service, and back."""

from collections.abc import Callable

from attrs import frozen

from protocol.units import Seconds
from proxy.admin.refused import Refused
from proxy.admin.running import Running
from proxy.admin.views import Done
from proxy.downstream.connection import SiteFactory


@frozen
class DrainOperations:
    """What may be done about draining.

    Attributes:
        running: Its sites, and what is held of them.
        now: Tells the time that durations are measured by.
    """

    running: Running
    now: Callable[[], Seconds]

    def drain(self, site: str | None = None) -> Done:
        """Take no more miners and ask those here to reconnect elsewhere."""
        sites = self._named(site)
        for factory in sites.values():
            factory.roster.drain(self.now())
        why = self.running.by_hand.drain(sites)
        return Done.held(f"draining {site or 'every site'} until `undrain`", why)

    def undrain(self, site: str | None = None) -> Done:
        """Take miners again."""
        drained = {n: f for n, f in self._named(site).items() if f.roster.is_draining}
        if not drained:
            raise Refused(f"{site or 'no site'} is not being drained")
        for factory in drained.values():
            factory.roster.undrain()
        why = self.running.by_hand.undrain(drained)
        return Done.held(f"{site or 'every site'} takes miners again", why)

    def _named(self, site: str | None) -> dict[str, SiteFactory]:
        factories = self.running.factories
        if site is not None and site not in factories:
            raise Refused(f"no site {site!r}: see `baseload sites`")
        return {n: one for n, one in factories.items() if site in {None, n}}
