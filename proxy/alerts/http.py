"""Tell receivers over HTTP."""

from collections.abc import Mapping
from typing import Any

from attrs import define, field
from twisted.internet.defer import Deferred, TimeoutError  # noqa: A004
from twisted.internet.error import ConnectError, ConnectionClosed
from twisted.internet.protocol import Protocol, connectionDone
from twisted.python.failure import Failure
from twisted.web.client import (
    Agent,
    RequestTransmissionFailed,
    ResponseFailed,
)
from twisted.web.http_headers import Headers
from twisted.web.iweb import IBodyProducer
from typing_extensions import override

from protocol.units import Seconds
from proxy.alerts.delivery import DeliveryError
from proxy.runtime.bytes_producer import BytesProducer
from proxy.runtime.tls import HttpsPolicy

DEADLINE = Seconds(15.0)
"""For a whole answer. Chosen: push services answer within a second or two."""

MAX_SHOWN = 200
"""Bytes of a refusal that are shown."""

_GOOD = range(200, 300)

_UNREACHED = (
    OSError,  # as a name that does not resolve
    ConnectError,
    ConnectionClosed,
    RequestTransmissionFailed,
    ResponseFailed,
)


@define(eq=False, repr=False)
class HttpClient:
    """One request at a time, each on a connection of its own, no redirects.

    A redirect would show the token to somebody else.
    """

    reactor: Any
    _agent: Agent = field(init=False)

    def __attrs_post_init__(self) -> None:
        self._agent = Agent(self.reactor, HttpsPolicy(), DEADLINE)

    async def get(self, url: str) -> None:
        """Fetch `url`.

        Raises:
            DeliveryError: It did not answer, or not with a status from 200 to 299.
        """
        await self._ask(b"GET", url, {}, None)

    async def post(self, url: str, body: bytes, headers: Mapping[str, str]) -> None:
        """Send `body`; raises as `get` does."""
        await self._ask(b"POST", url, headers, BytesProducer(body))

    async def _ask(
        self,
        method: bytes,
        url: str,
        headers: Mapping[str, str],
        body: IBodyProducer | None,
    ) -> None:
        asked = Deferred.fromCoroutine(self._answer(method, url, headers, body))
        try:
            status, shown = await asked.addTimeout(DEADLINE, self.reactor)
        except TimeoutError as error:
            raise DeliveryError(f"no answer in {DEADLINE:g} s") from error
        except _UNREACHED as error:
            raise DeliveryError(_why(error)) from error
        if status not in _GOOD:
            raise DeliveryError(f"status {status} {shown}".rstrip())

    async def _answer(
        self,
        method: bytes,
        url: str,
        headers: Mapping[str, str],
        body: IBodyProducer | None,
    ) -> tuple[int, str]:
        sent = Headers({k: [v] for k, v in headers.items()})
        response = await self._agent.request(method, url.encode(), sent, body)
        beginning = _Beginning()
        response.deliverBody(beginning)
        return response.code, (await beginning.text).decode("ascii", "replace")


class _Beginning(Protocol):
    """The beginning of a body: what follows is not waited for."""

    def __init__(self) -> None:
        self.text: Deferred[bytes] = Deferred(lambda _: self._hang_up())
        self._data = b""

    @override
    def dataReceived(self, data: bytes) -> None:
        self._data += data
        if len(self._data) > MAX_SHOWN:
            self._end()
            self._hang_up()

    @override
    def connectionLost(self, reason: Failure = connectionDone) -> None:
        self._end()  # cut off or whole: the status is what counts

    def _end(self) -> None:
        if not self.text.called:
            self.text.callback(self._data[:MAX_SHOWN].replace(b"\n", b" "))

    def _hang_up(self) -> None:
        if self.transport is not None:
            self.transport.loseConnection()


def _why(error: Exception) -> str:
    """Return what an HTTP failure wraps, for people."""
    reasons = getattr(error, "reasons", None)
    return str(reasons[0].getErrorMessage()) if reasons else str(error)
