"""POST /v1/documents: anybody may ask; signatures alone are the right.

Nobody shows a token, and all is answered at once, so every connection is a stranger's
and one address has few; strangers make room for each other. The one by which something
new came that a key of the policy has signed is the last of them to go.
"""

from collections.abc import Callable

import msgspec
from twisted.internet.interfaces import IReactorTime, IStreamServerEndpoint
from twisted.logger import Logger
from twisted.web.resource import Resource
from twisted.web.server import Request
from typing_extensions import override

from protocol.units import Seconds
from proxy.power.ports import SignalListener
from proxy.runtime.http_limits import (
    IDLE,
    MAX_BODY_BYTES,
    LimitedRequest,
    LimitedSite,
    QuietSite,
)
from proxy.runtime.http_listener import HttpListener
from proxy.runtime.http_visitors import HttpLimits
from proxy.runtime.tasks import Tasks
from proxy.signals.signed.letters import TOO_MANY, Answer, Reply
from proxy.signals.signed.paces import CallerPace
from proxy.signals.signed.source import SignedDocuments, SignedSettings

LIMITS = HttpLimits(connections=64, strangers=8, headers_within=Seconds(3.0))

PATH = b"/v1/documents"

_NOT_FOUND, _NOT_ALLOWED, _TOO_LARGE = 404, 405, 413

Receive = Callable[[bytes, str], Answer]


class DocumentPort:
    """Listens for documents once started, until it is stopped."""

    _log = Logger()

    def __init__(
        self, endpoint: IStreamServerEndpoint, clock: IReactorTime, receive: Receive
    ) -> None:
        site = QuietSite(
            _Documents(receive, clock),
            requestFactory=LimitedRequest,
            timeout=IDLE,
            reactor=clock,
        )
        self._site = LimitedSite(site, clock, LIMITS)
        self._port = HttpListener(endpoint, self._site)
        self._tasks = Tasks()

    def start(self, name: str) -> None:
        """Listen. A port that cannot be had is an error in the log."""
        self._port.startService()
        self._tasks.start(f"listen for {name}", self._ready(name))

    async def stop(self) -> None:
        """Hang up."""
        await self._tasks.cancel_all()
        await self._port.stopService()
        self._site.hang_up()

    async def _ready(self, name: str) -> None:
        port = await self._port.ready()
        self._log.info(
            "{name} listens on {at.host}:{at.port}", name=name, at=port.getHost()
        )


class ListeningDocuments(SignedDocuments):
    """The signal, with a port of its own."""

    def __init__(
        self,
        settings: SignedSettings,
        endpoint: IStreamServerEndpoint,
        clock: IReactorTime,
    ) -> None:
        super().__init__(settings, clock)
        self._port = DocumentPort(endpoint, clock, self.receive)

    @override
    def start(self, listener: SignalListener) -> None:
        super().start(listener)
        self._port.start(self.name)

    @override
    async def stop(self) -> None:
        await super().stop()
        await self._port.stop()


class _Documents(Resource):
    """The one path."""

    isLeaf = True  # noqa: N815  (twisted.web's name)

    def __init__(self, receive: Receive, clock: IReactorTime) -> None:
        super().__init__()
        self._receive = receive
        self._clock = clock
        self._pace = CallerPace()

    @override
    def render(self, request: Request) -> bytes:
        request.setHeader("content-type", "application/json")
        request.setHeader("cache-control", "no-store")
        if request.path != PATH:
            return _said(request, _NOT_FOUND, _no("no such path"))
        if request.method != b"POST":
            request.setHeader("allow", "POST")
            return _said(request, _NOT_ALLOWED, _no("no such method"))
        if isinstance(request, LimitedRequest) and request.is_too_large:
            return _said(request, _TOO_LARGE, _no(f"> {MAX_BODY_BYTES} B"))
        answer = self._answer(request)
        return _said(request, answer.status, answer.reply)

    def _answer(self, request: Request) -> Answer:
        now = Seconds(self._clock.seconds())
        host = str(getattr(request.getClientAddress(), "host", ""))
        if not self._pace.may_ask(host, now):
            return Answer(TOO_MANY, _no("too many from here: wait a minute"))
        content = request.content
        data = content.read() if content is not None else b""
        answer = self._receive(data, host)
        if not answer.is_signed:
            self._pace.was_wrong(host, now)
            return answer
        self._pace.was_signed(host)
        if isinstance(request, LimitedRequest):
            connection = request.connection
            connection.factory.visitors.heard(connection)
        return answer


def _no(why: str) -> Reply:
    return Reply(taken=False, reason=why)


def _said(request: Request, status: int, reply: Reply) -> bytes:
    request.setResponseCode(status)
    return msgspec.json.encode(reply) + b"\n"
