"""Taking a site out of service, and back."""

from collections.abc import Callable, Mapping

from attrs import frozen

from protocol.units import Seconds
from proxy.admin.refused import Refused
from proxy.admin.views import Done
from proxy.downstream.connection import SiteFactory


@frozen
class DrainOperations:
    """What may be done about draining.

    Attributes:
        factories: Returns the sites by name.
        now: Tells the time that durations are measured by.
    """

    factories: Callable[[], Mapping[str, SiteFactory]]
    now: Callable[[], Seconds]

    def drain(self, site: str | None = None) -> Done:
        """Take no more miners and ask those here to reconnect elsewhere."""
        for factory in self._named(site):
            factory.roster.drain(self.now())
        return Done(True, f"draining {site or 'every site'}")

    def undrain(self, site: str | None = None) -> Done:
        """Take miners again."""
        drained = [f for f in self._named(site) if f.roster.is_draining]
        if not drained:
            raise Refused(f"{site or 'no site'} is not being drained")
        for factory in drained:
            factory.roster.undrain()
        return Done(True, f"{site or 'every site'} takes miners again")

    def _named(self, site: str | None) -> list[SiteFactory]:
        factories = self.factories()
        if site is not None and site not in factories:
            raise Refused(f"no site {site!r}: see `baseload sites`")
        return [one for name, one in factories.items() if site in {None, name}]
