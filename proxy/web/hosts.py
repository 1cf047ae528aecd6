"""Which names the web side answers to: any other may lead here by a rebound DNS."""

from collections.abc import Callable

from attrs import frozen

from proxy.config.endpoints import EVERYWHERE, Endpoint
from proxy.config.web import WebConfig

LOOPBACK = ("localhost", "127.0.0.1", "::1")


@frozen
class Hosts:
    """Tells whether a Host header names us.

    Attributes:
        settings: As configured now.
        local: The address that a connection came to, which may be one of several.
    """

    settings: Callable[[], WebConfig]

    def are_ours(self, header: str | None) -> bool:
        """Return whether `header`, with its port or without, names us."""
        settings = self.settings()
        bound = Endpoint(settings.listen, "").interface
        names = settings.hosts or (
            LOOPBACK if bound in EVERYWHERE else (*LOOPBACK, bound)
        )
        return header is not None and _name_of(header) in {n.lower() for n in names}


def _name_of(header: str) -> str:
    """Return the host of a Host header in lower case, brackets taken off."""
    host = header.strip().lower()
    if host.startswith("["):
        return host[1:].partition("]")[0]
    return host.partition(":")[0] if host.count(":") == 1 else host
