"""Connect to a host by whatever name its network has for it."""

from typing import Any

from twisted.internet.defer import CancelledError
from twisted.internet.defer import TimeoutError as DeadlineError
from twisted.internet.endpoints import HostnameEndpoint
from twisted.internet.error import ConnectingCancelledError
from twisted.internet.interfaces import (
    IProtocolFactory,
    IReactorTCP,
    IReactorTime,
    IStreamClientEndpoint,
)
from twisted.python.failure import Failure
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


async def connect_within(
    endpoint: IStreamClientEndpoint,
    factory: IProtocolFactory,
    limit: Seconds,
    clock: IReactorTime,
) -> None:
    """Connect, look-up and all, or give up after `limit`.

    An endpoint that is cancelled, by the limit or with the coroutine that waits, fails
    with an error of its own that nobody expects of a Deferred.

    Raises:
        DeadlineError: The limit has passed.
        CancelledError: The coroutine was cancelled.
    """
    dialling = endpoint.connect(factory)
    try:
        # The endpoint's own limit is for each address and not for the look-up.
        await dialling.addTimeout(limit, clock, _given_up)
    except ConnectingCancelledError as error:
        raise CancelledError from error


def _given_up(result: Any, limit: float) -> Any:
    if not isinstance(result, Failure):
        return result  # it was there at the last moment
    result.trap(CancelledError, ConnectingCancelledError)
    raise DeadlineError(f"no answer in {limit:g} s")


class _PlainNameEndpoint(HostnameEndpoint):
    """Looks a name up as it is: IDNA, which Twisted applies, has no underscores."""

    @staticmethod
    @override
    def _hostAsBytesAndText(host: bytes | str) -> tuple[bool, bytes, str]:
        # Names in private networks, and services of Docker Compose, may have
        # underscores.
        text = host if isinstance(host, str) else host.decode("ascii")
        return False, text.encode("ascii"), text
