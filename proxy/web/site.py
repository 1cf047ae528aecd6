"""A web site for browsers and scrapers: who is being answered keeps its place."""

from twisted.internet.interfaces import IReactorTime
from twisted.web.resource import Resource
from typing_extensions import override

from protocol.units import Seconds
from proxy.runtime.http_limits import IDLE, LimitedRequest, LimitedSite, QuietSite
from proxy.runtime.http_visitors import HttpLimits

LIMITS = HttpLimits(connections=256, strangers=128, headers_within=Seconds(10.0))
"""Four times the viewers, half of it for one address; time for TLS by telephone."""


class WebRequest(LimitedRequest):
    """A request that is no stranger's while it is answered, as streams are for long."""

    @override
    def process(self) -> None:
        connection = self.connection
        visitors = connection.factory.visitors
        visitors.known(connection)
        _ = self.notifyFinish().addBoth(lambda _: visitors.silent(connection))
        super().process()


def web_site(resource: Resource, clock: IReactorTime) -> LimitedSite:
    """Return what serves `resource`."""
    site = QuietSite(resource, requestFactory=WebRequest, timeout=IDLE, reactor=clock)
    return LimitedSite(site, clock, LIMITS)
