"""Bitcoin Core's JSON-RPC over HTTP, as a client.

Source: Bitcoin Core, doc/JSON-RPC-interface.md.
"""

from itertools import count
from typing import Any

import msgspec
from attrs import define, field, frozen
from twisted.internet.defer import CancelledError, Deferred, DeferredSemaphore
from twisted.internet.defer import TimeoutError as DeadlineError
from twisted.internet.endpoints import wrapClientTLS
from twisted.internet.error import (
    ConnectError,
    ConnectingCancelledError,
    ConnectionClosed,
    DNSLookupError,
    UserError,
)
from twisted.internet.interfaces import IReactorTime, IStreamClientEndpoint
from twisted.internet.task import deferLater
from twisted.web.client import (
    URI,
    Agent,
    HTTPConnectionPool,
    RequestTransmissionFailed,
    ResponseFailed,
    _HTTP11ClientFactory,
)
from twisted.web.http_headers import Headers
from twisted.web.iweb import IAgent, IAgentEndpointFactory
from zope.interface import implementer

from protocol.errors import MalformedMessageError
from protocol.units import Seconds
from protocol.unreadable import UNREADABLE
from proxy.node.body import BodyCollector
from proxy.node.credentials import Credentials
from proxy.node.errors import (
    NodeBusyError,
    NodeLoginError,
    NodeRefusalError,
    NodeUnreachableError,
)
from proxy.runtime.bytes_producer import BytesProducer
from proxy.runtime.host_endpoint import host_endpoint
from proxy.runtime.tls import client_options

CALL_TIMEOUT = Seconds(30.0)
MAX_CONCURRENT = 8
"""Calls under way at once; bitcoind works on 16 and queues 64 by default."""
MAX_WAITING = 64
"""Calls that wait for their turn; more are refused on the spot."""
BUSY_RETRIES = 5
_BUSY_PAUSE = 0.1  # seconds, doubled each time: 3.1 s in all
_CONNECT_TIMEOUT = Seconds(10.0)
_IDLE_SECONDS = 20  # bitcoind hangs up after 30 s of silence (-rpcservertimeout)

_BROKEN = (
    ConnectError,
    ConnectingCancelledError,
    ConnectionClosed,
    DNSLookupError,
    RequestTransmissionFailed,
    ResponseFailed,
    ValueError,  # the host's name is no good
)


class _Error(msgspec.Struct):
    code: int = 0
    message: str = ""


class _Answer(msgspec.Struct):
    result: msgspec.Raw = msgspec.Raw(b"null")
    error: _Error | None = None


_answers = msgspec.json.Decoder(_Answer)


@define
class _Reply:
    status: int
    body: bytes


@define
class RpcClient:
    """Calls to one node, over connections that stay open.

    Attributes:
        url: `http://host:port`, without user and password.
        credentials: Who we are.
        clock: For deadlines and pauses.
    """

    url: str
    credentials: Credentials = field(repr=False)
    clock: IReactorTime
    _agent: IAgent
    _pool: HTTPConnectionPool
    _turns: DeferredSemaphore = field(
        factory=lambda: DeferredSemaphore(MAX_CONCURRENT), init=False
    )
    _ids: "count[int]" = field(factory=lambda: count(1), init=False)

    async def call(
        self, method: str, *params: object, deadline: Seconds = CALL_TIMEOUT
    ) -> msgspec.Raw:
        """Return the JSON of the result of `method`.

        Raises:
            NodeRefusalError: The node answered with an error.
            NodeBusyError: Its queue stayed full, or ours is.
            NodeLoginError: It does not know us.
            NodeUnreachableError: No answer came within `deadline` seconds.
            MalformedMessageError: The answer is no JSON-RPC.
        """
        # Before it waits: the deadline does not begin until its turn has come.
        if len(self._turns.waiting) >= MAX_WAITING:
            raise NodeBusyError(f"{method}: {MAX_WAITING} calls wait already")
        async with self._turns:
            for attempt in range(BUSY_RETRIES):
                try:
                    return await self._within(deadline, method, params)
                except NodeBusyError:
                    # Still in its turn: what a busy node is asked must not grow
                    # meanwhile.
                    await deferLater(self.clock, _BUSY_PAUSE * (1 << attempt))
            return await self._within(deadline, method, params)

    async def call_without_deadline(self, method: str, *params: object) -> msgspec.Raw:
        """Return the JSON of the result of a call that may take hours.

        It has a connection to itself and no share in the bound on calls.

        Raises:
            NodeError: As `call`, but for the deadline.
            MalformedMessageError: The answer is no JSON-RPC.
        """
        # Outside of the bound: a long poll would hold one of eight turns for ever.
        return await self._call_once(method, params)

    async def close(self) -> None:
        """Close the connections that are idle."""
        await self._pool.closeCachedConnections()

    async def _within(
        self, deadline: Seconds, method: str, params: tuple[object, ...]
    ) -> msgspec.Raw:
        call = Deferred.fromCoroutine(self._call_once(method, params))
        try:
            return await call.addTimeout(deadline, self.clock)
        except DeadlineError as error:
            text = f"{method}: no answer in {deadline:g} s"
            raise NodeUnreachableError(text) from error

    async def _call_once(self, method: str, params: tuple[object, ...]) -> msgspec.Raw:
        reply = await self._post(method, params)
        # Once: Core waits 250 ms with its answer to a wrong login.
        if reply.status == 401:  # noqa: PLR2004  (the cookie is new: read it again)
            reply = await self._post(method, params)
        return _result(method, reply)

    async def _post(self, method: str, params: tuple[object, ...]) -> _Reply:
        # Without "jsonrpc": "2.0" Core answers errors with HTTP 500 and a body that has
        # both members, whichever its release.
        request = {"id": next(self._ids), "method": method, "params": params}
        body = BytesProducer(msgspec.json.encode(request))
        headers = Headers(
            {
                b"Authorization": [self.credentials.header()],
                b"Content-Type": [b"application/json"],
            }
        )
        try:
            response = await self._agent.request(
                b"POST", self.url.encode(), headers, body
            )
        except _BROKEN as error:
            raise _translated(method, error) from error
        collector = BodyCollector()
        response.deliverBody(collector)
        return _Reply(response.code, await collector.body)


class _QuietFactory(_HTTP11ClientFactory):
    """Opens connections without a line in the log for each."""

    noisy = False


@implementer(IAgentEndpointFactory)
@frozen
class _Endpoints:
    """Where to connect for a url: HTTP, or HTTPS as browsers trust it."""

    _reactor: Any

    def endpointForURI(self, uri: URI) -> IStreamClientEndpoint:  # noqa: N802
        host = uri.host.decode("ascii")
        endpoint = host_endpoint(self._reactor, host, uri.port, _CONNECT_TIMEOUT)
        if uri.scheme == b"http":
            return endpoint
        return wrapClientTLS(client_options(host), endpoint)


def make_rpc_client(url: str, credentials: Credentials, reactor: Any) -> RpcClient:
    """Return a client whose connections `reactor` makes."""
    pool = HTTPConnectionPool(reactor)
    # Below the node's own: a call on a connection that it has just closed fails.
    pool.cachedConnectionTimeout = _IDLE_SECONDS
    pool.maxPersistentPerHost = MAX_CONCURRENT
    pool.retryAutomatically = False  # we know better which calls may be repeated
    pool._factory = _QuietFactory  # noqa: SLF001  (there is no other way to it)
    agent = Agent.usingEndpointFactory(reactor, _Endpoints(reactor), pool)
    return RpcClient(url, credentials, reactor, agent, pool)


def _translated(method: str, error: Exception) -> Exception:
    """Return what a failed request means: a cancelled one was no fault of the node."""
    if type(error) in {UserError, ConnectingCancelledError}:  # while connecting
        return CancelledError()
    reasons = getattr(error, "reasons", None)  # what an HTTP failure wraps
    if not reasons:
        return NodeUnreachableError(f"{method}: {error}")
    if reasons[0].check(CancelledError):
        return CancelledError()
    return NodeUnreachableError(f"{method}: {reasons[0].getErrorMessage()}")


def _result(method: str, reply: _Reply) -> msgspec.Raw:
    # Before the body is looked at: it is no JSON.
    if reply.status in {401, 403}:
        raise NodeLoginError(f"{method}: HTTP {reply.status}, login refused")
    if reply.status == 503:  # noqa: PLR2004
        raise NodeBusyError(f"{method}: HTTP 503, work queue full")
    try:
        answer = _answers.decode(reply.body)
    except UNREADABLE as error:
        text = f"{method}: HTTP {reply.status}, no JSON-RPC answer: {error}"
        raise MalformedMessageError(text) from error
    if answer.error is not None:
        # Bounded, since it goes to logs and to status.
        raise NodeRefusalError(answer.error.code, answer.error.message[:500])
    return answer.result
