"""Connect to a host by whatever name its network has for it."""

from twisted.internet.endpoints import HostnameEndpoint
from twisted.internet.interfaces import IReactorTCP, IReactorTime, IStreamClientEndpoint
from typing_extensions import override

from protocol.hosts import is_host
from protocol.units import Seconds

CONNECT_TIMEOUT = Seconds(30.0)


class Reactor(IReactorTCP, IReactorTime):
    """What connecting takes."""


def host_endpoint(
    reactor: Reactor, host: str, port: int, timeout: Seconds = CONNECT_TIMEOUT
) -> IStreamClientEndpoint:
    """Return an endpoint that looks `host` up; ValueError is what a bad name ends in.

    Args:
        reactor: Whose resolver is asked.
        host: A name or an address.
        port: Of TCP.
        timeout: For each address that the name has.
    """
    kind = _PlainNameEndpoint if is_host(host) else HostnameEndpoint
    return kind(reactor, host, port, timeout)


class _PlainNameEndpoint(HostnameEndpoint):
    """Looks a name up as it is: IDNA, which Twisted applies, has no underscores."""

    @staticmethod
    @override
    def _hostAsBytesAndText(host: bytes | str) -> tuple[bool, bytes, str]:
        text = host if isinstance(host, str) else host.decode("ascii")
        return False, text.encode("ascii"), text
