"""Requests to a server that is not trusted: one connection, bounded in time and bytes.

Twisted's Agent and not treq: treq unpacks what comes compressed without a bound, so
that a few kilobytes would cost hundreds of megabytes, and follows redirects, which
would show the token to somebody else.
"""

from collections.abc import Mapping
from typing import Any

from attrs import define, field, frozen
from twisted.internet.defer import (
    CancelledError,
    Deferred,
    TimeoutError,  # noqa: A004
)
from twisted.internet.error import ConnectError, ConnectionClosed
from twisted.internet.protocol import Protocol, connectionDone
from twisted.python.failure import Failure
from twisted.python.url import URL
from twisted.web.client import (
    Agent,
    HTTPConnectionPool,
    RequestTransmissionFailed,
    ResponseDone,
    ResponseFailed,
)
from twisted.web.http_headers import Headers
from typing_extensions import override

from protocol.units import Seconds
from proxy.runtime.bytes_producer import BytesProducer
from proxy.runtime.tls import HttpsPolicy

DEADLINE = Seconds(5.0)
"""For a whole answer, its last byte too: a server that hangs is not waited for."""

MAX_ANSWER_BYTES = 1 << 20
"""Fifty events of a day of quarter hours each are 500 kB."""

_UNREACHED = (
    OSError,  # as a name that does not resolve
    ConnectError,
    ConnectionClosed,
    RequestTransmissionFailed,
    ResponseFailed,
)


class NoAnswerError(Exception):
    """A server did not answer, or not within bounds; the message says which."""


@frozen
class Answer:
    """What a server said."""

    status: int
    body: bytes
    headers: Mapping[str, str] = field(factory=dict)

    @property
    def is_good(self) -> bool:
        """It did what it was asked."""
        return 200 <= self.status < 300  # noqa: PLR2004  (RFC 9110, 15.3)


@define(eq=False, repr=False)
class HttpClient:
    """Asks one thing at a time, over a connection that is kept."""

    _reactor: Any
    _deadline: Seconds = DEADLINE
    _roots: Any = (
        None  # who may have signed a certificate; None: whom the system trusts
    )
    _pool: HTTPConnectionPool = field(init=False)
    _agent: Agent = field(init=False)

    def __attrs_post_init__(self) -> None:
        self._pool = HTTPConnectionPool(self._reactor)
        self._pool.maxPersistentPerHost = 1
        self._agent = Agent(
            self._reactor, HttpsPolicy(self._roots), self._deadline, pool=self._pool
        )

    async def ask(
        self,
        method: str,
        url: str,
        headers: Mapping[str, str],
        body: bytes | None = None,
    ) -> Answer:
        """Return the answer to a request.

        Raises:
            NoAnswerError: There was none.
        """
        asked = Deferred.fromCoroutine(self._answer(method, url, headers, body))
        try:
            return await asked.addTimeout(self._deadline, self._reactor)
        except TimeoutError as error:
            raise NoAnswerError(self._late()) from error
        except _UNREACHED as error:
            raise NoAnswerError(self._why(error)) from error

    async def close(self) -> None:
        """Hang up."""
        await self._pool.closeCachedConnections()

    async def _answer(
        self, method: str, url: str, headers: Mapping[str, str], body: bytes | None
    ) -> Answer:
        sent = Headers({name: [value] for name, value in headers.items()})
        producer = None if body is None else BytesProducer(body)
        response = await self._agent.request(
            method.encode(), as_sent(url), sent, producer
        )
        whole = _Whole()
        response.deliverBody(whole)
        said = {
            name.decode("ascii", "replace").lower(): values[-1].decode("latin-1")
            for name, values in response.headers.getAllRawHeaders()
        }
        return Answer(int(response.code), await whole.data, said)

    def _why(self, error: Exception) -> str:
        """Return what an HTTP failure wraps, for people."""
        reasons = getattr(error, "reasons", None)
        if not reasons:
            return str(error)
        # The deadline, where it is over before there are headers.
        is_late = reasons[0].check(CancelledError)
        return self._late() if is_late else str(reasons[0].getErrorMessage())

    def _late(self) -> str:
        return f"no whole answer in {self._deadline:g} s"


def as_sent(url: str) -> bytes:
    """Return a URL in ASCII: its host by IDNA, the rest with percent signs.

    Raises:
        ValueError: It is none, as with a port that is no number.
    """
    return URL.fromText(url).asURI().asText().encode("ascii")


class _Whole(Protocol):
    """A body, as long as it is within bounds and arrives as a whole."""

    def __init__(self) -> None:
        self.data: Deferred[bytes] = Deferred(lambda _: self._hang_up())
        self._parts: list[bytes] = []
        self._size = 0

    @override
    def dataReceived(self, data: bytes) -> None:
        self._size += len(data)
        if self._size > MAX_ANSWER_BYTES:
            self._parts.clear()
            self._fail(f"more than {MAX_ANSWER_BYTES} B")
            self._hang_up()
        else:
            self._parts.append(data)

    @override
    def connectionLost(self, reason: Failure = connectionDone) -> None:
        if not reason.check(ResponseDone):
            self._fail(f"cut off after {self._size} B")
        elif not self.data.called:
            self.data.callback(b"".join(self._parts))

    def _fail(self, why: str) -> None:
        if not self.data.called:
            self.data.errback(NoAnswerError(why))

    def _hang_up(self) -> None:
        if self.transport is not None:
            self.transport.loseConnection()
