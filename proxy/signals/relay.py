"""A relay's heartbeat over HTTP: when it stops, the relay trips.

Twisted's Agent and not treq's client, which unpacks what comes compressed without a
bound. Of an answer the status counts alone: it may end with its connection.
"""

from collections.abc import Callable
from typing import Any

import msgspec
import treq
from twisted.internet import defer
from twisted.internet.error import ConnectError, ConnectionClosed
from twisted.internet.interfaces import IReactorTime
from twisted.web.client import (
    Agent,
    HTTPConnectionPool,
    RequestTransmissionFailed,
    ResponseFailed,
)
from twisted.web.http_headers import Headers

from protocol.units import Seconds
from proxy.power.ports import RelayError
from proxy.runtime.bytes_producer import BytesProducer
from proxy.runtime.tls import HttpsPolicy
from proxy.signals.http_client import MAX_ANSWER_BYTES, as_sent

BEAT_DEADLINE = Seconds(0.9)
"""The next beat is due after a second."""

_GOOD = range(200, 300)

_UNREACHED = (OSError, ConnectError, ConnectionClosed, RequestTransmissionFailed)
"""A name that does not resolve is an OSError."""


class HttpRelay:
    """Posts `{"site", "seq", "may_run"}`; any status from 200 to 299 will do.

    `seq` grows by one, so that the relay can tell a beat from an old one.
    """

    def __init__(
        self,
        reactor: Any,
        site: str,
        url: str,
        token: str | None = None,
    ) -> None:
        self._clock: IReactorTime = reactor
        self._pool = HTTPConnectionPool(reactor)
        self._pool.maxPersistentPerHost = 1
        self._pool.retryAutomatically = False  # a late beat is worth nothing
        self._agent = Agent(reactor, HttpsPolicy(), BEAT_DEADLINE, pool=self._pool)
        self._site = site
        self._url = url
        self._headers = Headers({"content-type": ["application/json"]})
        if token is not None:
            self._headers.addRawHeader("authorization", f"Bearer {token}")
        self._seq = 0

    async def beat(self, *, may_run: bool) -> None:
        """See `Relay`."""
        self._seq += 1
        body = msgspec.json.encode(
            {"site": self._site, "seq": self._seq, "may_run": may_run}
        )
        sent = defer.Deferred.fromCoroutine(self._post(body))
        try:
            # Over all of it: Agent's own limit is for connecting.
            status = await sent.addTimeout(BEAT_DEADLINE, self._clock)
        except (defer.TimeoutError, ResponseFailed) as error:
            why = f"no answer, or half of one, in {BEAT_DEADLINE} s"
            raise RelayError(f"{self._url}: {why}") from error
        except (*_UNREACHED, RelayError) as error:
            raise RelayError(f"{self._url}: {error}") from error
        if status not in _GOOD:
            raise RelayError(f"{self._url}: status {status}")

    async def close(self) -> None:
        """Hang up."""
        await self._pool.closeCachedConnections()

    async def _post(self, body: bytes) -> int:
        response = await self._agent.request(
            b"POST", as_sent(self._url), self._headers, BytesProducer(body)
        )
        # To its end, so that the connection can be used again.
        await treq.collect(response, _passed_over())
        return int(response.code)


def _passed_over() -> Callable[[bytes], None]:
    """Return what takes the pieces of an answer and keeps none of them."""
    room = MAX_ANSWER_BYTES

    def take(piece: bytes) -> None:
        nonlocal room
        room -= len(piece)
        if room < 0:
            raise RelayError(f"an answer of more than {MAX_ANSWER_BYTES} B")

    return take
