"""Tell receivers over HTTP."""

from collections.abc import Mapping
from typing import Any

from attrs import define, field
from twisted.internet.defer import Deferred, TimeoutError  # noqa: A004
from twisted.internet.error import ConnectError, ConnectionClosed
from twisted.web.client import (
    Agent,
    RequestTransmissionFailed,
    ResponseFailed,
)
from twisted.web.http_headers import Headers
from twisted.web.iweb import IBodyProducer

from protocol.units import Seconds
from proxy.alerts.delivery import DeliveryError
from proxy.runtime.bytes_producer import BytesProducer
from proxy.runtime.short_body import ShortBody, why_unreached
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
            raise DeliveryError(why_unreached(error)) from error
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
        beginning = ShortBody(MAX_SHOWN)
        response.deliverBody(beginning)
        shown = (await beginning.whole).replace(b"\n", b" ")
        return response.code, shown.decode("ascii", "replace")
