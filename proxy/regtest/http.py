"""JSON-RPC over HTTP as bitcoind serves it: cookie, statuses, long polls."""

import hmac
from base64 import b64encode
from typing import Any

import msgspec
from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IReactorTime
from twisted.internet.task import deferLater
from twisted.logger import Logger
from twisted.protocols.policies import WrappingFactory
from twisted.web.http import HTTPChannel, Request
from twisted.web.resource import Resource
from twisted.web.server import NOT_DONE_YET, Site
from typing_extensions import override

from protocol.unreadable import UNREADABLE
from proxy.regtest.rpc import RegtestCalls, answer, template_request
from proxy.regtest.rpc_arguments import METHOD_NOT_FOUND, MISC_ERROR, RpcError
from proxy.runtime.tasks import Tasks

MAX_LONG_POLLS = 64
POOL_CHANGE_SECONDS = 5.0
"""A long poll ends so long after a transaction came, or an easier target; Core waits
60 s."""

_PARSE_ERROR = -32700


class _Call(msgspec.Struct):
    method: str
    params: list[Any] = []
    id: int | str | float | None = None


_calls = msgspec.json.Decoder(_Call)


class LongPolls:
    """Calls that wait for another template."""

    def __init__(self, clock: IReactorTime) -> None:
        self._clock = clock
        self._waiting: set[Deferred[None]] = set()

    def tip_moved(self) -> None:
        """Let all of them go on."""
        waiting, self._waiting = self._waiting, set()
        for poll in waiting:
            poll.callback(None)

    async def wait(self) -> None:
        """Return when the tip has moved, or after a pause.

        Raises:
            RpcError: Too many wait already.
        """
        if len(self._waiting) >= MAX_LONG_POLLS:
            raise RpcError(MISC_ERROR, f"{MAX_LONG_POLLS} long polls wait already")
        moved: Deferred[None] = Deferred()
        self._waiting.add(moved)
        pause = deferLater(self._clock, POOL_CHANGE_SECONDS, self._end, moved)
        try:
            await moved
        finally:
            self._waiting.discard(moved)
            pause.addErrback(lambda _cancelled: None).cancel()

    def _end(self, poll: Deferred[None]) -> None:
        if poll in self._waiting:
            self._waiting.discard(poll)
            poll.callback(None)


class RpcResource(Resource):
    """Answers POST requests that carry the right cookie."""

    isLeaf = True  # noqa: N815  (twisted.web's name)
    _log = Logger()

    def __init__(
        self, calls: RegtestCalls, polls: LongPolls, cookie: bytes, tasks: Tasks
    ) -> None:
        super().__init__()
        self._calls = calls
        self._polls = polls
        self._login = b"Basic " + b64encode(cookie)
        self._tasks = tasks

    def render_POST(self, request: Request) -> bytes | int:  # noqa: N802
        """Answer one call; twisted.web calls this."""
        login = request.getHeader(b"authorization") or b""
        if not hmac.compare_digest(login, self._login):
            request.setResponseCode(401)
            request.setHeader(b"www-authenticate", b'Basic realm="jsonrpc"')
            return b""
        try:
            call = _calls.decode(request.content.read() if request.content else b"")
        except UNREADABLE:
            return _fail(request, None, RpcError(_PARSE_ERROR, "Parse error"))
        self._tasks.start(call.method, self._respond(request, call))
        return NOT_DONE_YET

    async def _respond(self, request: Request, call: _Call) -> None:
        gone: list[object] = []
        _ = request.notifyFinish().addErrback(gone.append)
        try:
            body = _envelope(call.id, await self._result(call), None)
        except RpcError as error:
            body = _fail(request, call.id, error)
        if not gone:
            request.setHeader(b"content-type", b"application/json")
            request.setHeader(b"content-length", str(len(body)).encode())
            request.write(body)
            request.finish()

    async def _result(self, call: _Call) -> Any:
        if call.method == "getblocktemplate":
            asked = template_request(call.params)
            while asked.longpollid and asked.longpollid == self._calls.longpoll_id:
                await self._polls.wait()
        return answer(self._calls, call.method, call.params)


class LenientChannel(HTTPChannel):
    """Takes a bare line feed for the end of a line of the head, as bitcoind does.

    RFC 9112 section 2.2 allows that. ckpool 1.2.0 ends one of its header lines so, and
    twisted.web alone answers 400 to each of its calls.
    """

    @override
    def lineReceived(self, line: bytes) -> None:
        """Read what stands between two CRLF; twisted.web calls this.

        Only the last may be empty and so end the head: what follows it is not a line.
        """
        *before, last = line.split(b"\n")
        for part in [*filter(None, before), last]:
            super().lineReceived(part)


class RpcSite(Site):
    """Serves one resource, without an access log: there are many requests."""

    noisy = False
    protocol = LenientChannel  # type: ignore[assignment]  # HTTP/1.1 and no other

    @override
    def log(self, request: Request) -> None:
        """Write nothing."""


class OpenConnections(WrappingFactory):
    """Knows the connections of the factory that it wraps, to close them."""

    noisy = False

    def hang_up(self) -> None:
        """Close all of them, those that wait for an answer included."""
        for connection in list(self.protocols):
            connection.transport.abortConnection()


def _fail(request: Request, call_id: Any, error: RpcError) -> bytes:
    request.setResponseCode(404 if error.code == METHOD_NOT_FOUND else 500)
    return _envelope(call_id, None, {"code": error.code, "message": error.message})


def _envelope(call_id: Any, result: Any, error: Any) -> bytes:
    reply = {"result": result, "error": error, "id": call_id}
    return msgspec.json.encode(reply) + b"\n"
