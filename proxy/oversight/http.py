"""HTTP to witnesses: one deadline for all of a request, a limit for its answer."""

from typing import Any

from attrs import define, field
from twisted.internet.defer import Deferred, TimeoutError  # noqa: A004
from twisted.internet.error import ConnectError, ConnectionClosed
from twisted.web.client import (
    Agent,
    HTTPConnectionPool,
    RequestTransmissionFailed,
    ResponseFailed,
)
from twisted.web.error import SchemeNotSupported
from twisted.web.http_headers import Headers

from protocol.units import Seconds
from proxy.oversight.witnesses import WitnessAnswer, WitnessError
from proxy.runtime.bytes_producer import BytesProducer
from proxy.runtime.short_body import ShortBody, why_unreached
from proxy.runtime.tls import HttpsPolicy

DEADLINE = Seconds(10.0)
"""Of a whole request. Witnesses answer in milliseconds; one that hangs is let go."""

MAX_ANSWER_BYTES = 16_384
"""A line by ML-DSA-44 is 3.3 kB, and a witness may sign with several keys."""

_UNREACHED = (
    OSError,  # as a name that does not resolve
    ConnectError,
    ConnectionClosed,
    RequestTransmissionFailed,
    ResponseFailed,
    ValueError,  # as a url that is none
    SchemeNotSupported,
)


@define(eq=False, repr=False)
class WitnessHttp:
    """Posts to witnesses, on connections that are kept open."""

    reactor: Any
    _pool: HTTPConnectionPool = field(init=False)
    _agent: Agent = field(init=False)

    def __attrs_post_init__(self) -> None:
        self._pool = HTTPConnectionPool(self.reactor)
        self._pool.maxPersistentPerHost = 1
        self._agent = Agent(self.reactor, HttpsPolicy(), DEADLINE, pool=self._pool)

    async def post(self, url: str, body: bytes) -> WitnessAnswer:
        """See `witnesses.Http`.

        Raises:
            WitnessError: There was no whole answer in `DEADLINE`.
        """
        asked = Deferred.fromCoroutine(self._post(url, body))
        try:
            return await asked.addTimeout(DEADLINE, self.reactor)
        except TimeoutError as error:
            raise WitnessError(f"no answer in {DEADLINE:g} s") from error
        except _UNREACHED as error:
            raise WitnessError(why_unreached(error)) from error

    async def close(self) -> None:
        """Hang up."""
        await self._pool.closeCachedConnections()

    async def _post(self, url: str, body: bytes) -> WitnessAnswer:
        headers = Headers({"content-type": ["text/plain; charset=utf-8"]})
        response = await self._agent.request(
            b"POST", url.encode(), headers, BytesProducer(body)
        )
        collected = ShortBody(MAX_ANSWER_BYTES)
        response.deliverBody(collected)
        return WitnessAnswer(response.code, await collected.whole)
