"""A signal that takes orders over HTTP, from whoever holds the token.

| POST /v1/orders  | an order as JSON      | 200 taken, 409 refused, 400 no order     |
| GET /v1/orders   |                       | 200: what is in force, by whom, how long |
| POST /v1/lease   | nothing               | 200: the lease of what it said is renewed |

Without the token: 401. Over the limits: 413, 429. Each answer is JSON; see
`baseload help orders`.
"""

from collections.abc import Callable

import msgspec
from attrs import frozen
from twisted.internet.interfaces import IReactorTime, IStreamServerEndpoint
from twisted.logger import Logger
from twisted.web.resource import Resource
from twisted.web.server import Request
from typing_extensions import override

from protocol.units import Seconds, UnixTime
from proxy.power.orders.receipt import InForce
from proxy.power.ports import SignalListener
from proxy.runtime.http_limits import MAX_BODY_BYTES, LimitedRequest
from proxy.runtime.http_listener import HttpListener
from proxy.runtime.tasks import Tasks
from proxy.runtime.tcp import bound_port
from proxy.signals.answers import Answers
from proxy.signals.freshness import MAX_AGE, aged, kept_short, may_lower
from proxy.signals.http_body import (
    HttpReply,
    OrderBody,
    in_force_view,
    is_bearer,
    order_of,
    read_body,
)
from proxy.signals.http_limits import token_site
from proxy.signals.named import NamedSignal
from proxy.signals.numbering import next_seq
from proxy.signals.pace import TOO_MANY, Pace

_OK, _BAD, _CONFLICT = 200, 400, 409
_NOT_FOUND, _NOT_ALLOWED, _TOO_LARGE, _TOO_MANY = 404, 405, 413, 429

_ORDERS, _LEASE = b"/v1/orders", b"/v1/lease"

_REFUSAL_BODY = b'{"taken":false,"seq":null,"reason":"token?"}\n'
_REFUSAL = (
    b"HTTP/1.1 401 Unauthorized\r\nWWW-Authenticate: Bearer\r\n"
    b"Content-Type: application/json\r\nConnection: close\r\n"
    b"Content-Length: %d\r\n\r\n%b" % (len(_REFUSAL_BODY), _REFUSAL_BODY)
)

Paths = dict[bytes, Callable[[bytes], tuple[int, HttpReply]]]
"""What each path does with the body of a request."""


@frozen
class HttpSettings:
    """What an HTTP signal is told by the configuration."""

    site: str
    name: str
    token: str
    lease_s: Seconds | None
    max_age_s: Seconds = MAX_AGE


class HttpOrders(NamedSignal):
    """The signal: listens once started, until it is stopped."""

    _log = Logger()

    def __init__(
        self,
        settings: HttpSettings,
        endpoint: IStreamServerEndpoint,
        clock: IReactorTime,
        wall_clock: Callable[[], UnixTime],
    ) -> None:
        self._settings: HttpSettings = settings
        self._clock = clock
        self._wall_clock = wall_clock
        self._listener: SignalListener | None = None
        self._answers = Answers()
        self._pace = Pace()
        self._last_seq = 0
        paths: Paths = {_ORDERS: self._on_order, _LEASE: self._on_lease}
        resource = _OrdersResource(self, paths)
        self._site = token_site(resource, clock, self.may_ask, _REFUSAL)
        self._port = HttpListener(endpoint, self._site)
        self._tasks = Tasks()

    def start(self, listener: SignalListener) -> None:
        """See `SignalSource`. A port that cannot be had is an error in the log."""
        self._listener = listener
        standing = listener.standing(self.name)
        self._answers.restore(standing)
        self._last_seq = max((order.seq for order in standing), default=0)
        self._port.startService()
        self._tasks.start(f"listen for {self.name}", self._ready())

    async def stop(self) -> None:
        """See `SignalSource`. Callers connect again, to the signal that follows."""
        # First: what comes until the port is closed is answered with "stopping".
        self._listener = None
        await self._tasks.cancel_all()
        await self._port.stopService()
        self._site.hang_up()  # those that came until the port was closed too

    def may_ask(self, header: str | None) -> bool:
        """Tell whether an Authorization header holds the token."""
        return is_bearer(header, self._settings.token)

    def in_force(self) -> bytes:
        """Return what rules the site, and every order that may, as JSON."""
        found = InForce() if self._listener is None else self._listener.in_force()
        return msgspec.json.encode(in_force_view(found)) + b"\n"

    async def _ready(self) -> None:
        port = await self._port.ready()
        bound_port(port)
        self._log.info(
            "{name} listens on {at.host}:{at.port}", name=self.name, at=port.getHost()
        )

    def _on_lease(self, _: bytes) -> tuple[int, HttpReply]:
        if self._listener is None:
            return _CONFLICT, HttpReply(taken=False, reason="stopping")
        self._listener.renew(self.name)
        return _OK, HttpReply(taken=True)

    def _on_order(self, data: bytes) -> tuple[int, HttpReply]:
        if self._listener is None:
            return _CONFLICT, HttpReply(taken=False, reason="stopping")
        if self._pace.is_flood(Seconds(self._clock.seconds())):
            return _TOO_MANY, HttpReply(taken=False, reason=TOO_MANY)
        try:
            body = read_body(data)
            return self._answer(body, self._listener)
        except ValueError as error:
            return _BAD, HttpReply(taken=False, reason=str(error))

    def _answer(
        self, body: OrderBody, listener: SignalListener
    ) -> tuple[int, HttpReply]:
        now = self._wall_clock()
        why, known = self._stale(body, now), self._answers.of(body)
        if known is not None:
            if known.taken and not why:
                listener.renew(self.name)  # whoever repeats itself is there
            return _OK if known.taken else _CONFLICT, known
        if why and not may_lower(body.watts, listener, self.name, now):
            return _CONFLICT, HttpReply(taken=False, reason=f"{why}: it may only lower")
        seq = body.seq if body.seq is not None else next_seq(self._last_seq, now)
        order = order_of(body, self._settings.site, self.name, seq, now)
        if why:
            order = kept_short(order, listener)
        receipt = listener.take([order])
        answer = HttpReply(taken=receipt.is_taken, seq=seq, reason=receipt.reason)
        # A refusal is not remembered: the same order may be taken later.
        if not receipt.is_taken:
            return _CONFLICT, answer
        self._last_seq = max(self._last_seq, seq)
        if not why:
            self._answers.remember(body, answer)
        return _OK, answer

    def _stale(self, body: OrderBody, now: UnixTime) -> str:
        issued = body.issued_unix
        return "" if issued is None else aged(issued, now, self._settings.max_age_s)


class _OrdersResource(Resource):
    """Every path, for those who showed the token (`http_limits`)."""

    isLeaf = True  # noqa: N815  (twisted.web's name)

    def __init__(self, signal: HttpOrders, paths: Paths) -> None:
        super().__init__()
        self._signal = signal
        self._paths = paths

    @override
    def render(self, request: Request) -> bytes:
        request.setHeader("content-type", "application/json")
        request.setHeader("cache-control", "no-store")
        work = self._paths.get(request.path)
        if work is None:
            return _said(
                request, _NOT_FOUND, HttpReply(taken=False, reason="no such path")
            )
        if request.method == b"GET" and request.path == _ORDERS:
            return self._signal.in_force()
        if request.method != b"POST":
            request.setHeader(
                "allow", "GET, POST" if request.path == _ORDERS else "POST"
            )
            return _said(
                request, _NOT_ALLOWED, HttpReply(taken=False, reason="no such method")
            )
        if isinstance(request, LimitedRequest) and request.is_too_large:
            why = f"> {MAX_BODY_BYTES} B"
            return _said(request, _TOO_LARGE, HttpReply(taken=False, reason=why))
        content = request.content
        status, answer = work(content.read() if content is not None else b"")
        return _said(request, status, answer)


def _said(request: Request, status: int, answer: HttpReply) -> bytes:
    request.setResponseCode(status)
    return msgspec.json.encode(answer) + b"\n"
