"""A witness's HTTP.

| POST /add-checkpoint        | see `witness`                             |
| GET  /ORIGIN_HASH/checkpoint | the newest checkpoint that was cosigned  |
"""

import secrets
from collections.abc import Awaitable, Callable
from functools import partial
from pathlib import Path
from typing import Any

from attrs import define, field
from twisted.logger import Logger
from twisted.web.resource import Resource
from twisted.web.server import NOT_DONE_YET, Request
from typing_extensions import override

from protocol.tlog.note import KeyKind
from protocol.tlog.witnessing import PATH
from protocol.units import Seconds, UnixTime
from proxy.config.witness import WitnessConfig
from proxy.oversight.signing import Signer, ed25519, seed_in
from proxy.oversight.witness import Reply, Witness
from proxy.oversight.witness_store import WitnessStore, open_witness_store
from proxy.runtime.http_limits import (
    IDLE,
    MAX_BODY_BYTES,
    LimitedRequest,
    LimitedSite,
    QuietSite,
)
from proxy.runtime.http_visitors import HttpLimits
from proxy.runtime.listener import ListenerService
from proxy.runtime.one_thread import OneThread
from proxy.runtime.tasks import Tasks
from proxy.runtime.tls import server_endpoint

LIMITS = HttpLimits(connections=64, strangers=8, headers_within=Seconds(3.0))
"""A log has one connection open, which serves every request of it."""

_INTERNAL, _TOO_LARGE, _NOT_FOUND = 500, 413, 404


def witness_signer(settings: WitnessConfig) -> Signer:
    """Return the key of a witness, made if there is none. It blocks.

    Raises:
        LogKeyError: It cannot be had.
    """
    seed = seed_in(Path(settings.state) / settings.key, secrets.token_bytes)
    return ed25519(settings.name, KeyKind.COSIGNATURE, seed)


@define(eq=False, repr=False)
class WitnessServer:
    """Serves one witness, once started.

    Attributes:
        witness: Called on a thread alone.
        run: Runs what blocks, one at a time.
    """

    _log = Logger()

    witness: Witness
    run: Callable[[Callable[[], Reply]], Awaitable[Reply]]
    tasks: Tasks = field(factory=Tasks, init=False)

    def answer(self, request: Request) -> Any:
        """Answer a request; sooner or later."""
        work = self._work(request)
        if isinstance(work, Reply):
            return _written(request, work)
        gone: list[object] = []
        _ = request.notifyFinish().addErrback(gone.append)

        async def reply() -> None:
            found = Reply(_INTERNAL, b"see the log\n")
            try:
                found = await self.run(work)
            finally:
                if not gone:
                    request.write(_written(request, found))
                    request.finish()

        self.tasks.start("answer a log", reply())
        return NOT_DONE_YET

    def _work(self, request: Request) -> Callable[[], Reply] | Reply:
        method, path = request.method, request.path.strip(b"/").split(b"/")
        if method == b"POST" and path[-1:] == [PATH.encode()]:
            if isinstance(request, LimitedRequest) and request.is_too_large:
                return Reply(_TOO_LARGE, f"at most {MAX_BODY_BYTES} B\n".encode())
            body: Any = request.content
            return partial(self.witness.add, body.read())
        if method == b"GET" and len(path) > 1 and path[-1] == b"checkpoint":
            return partial(self.witness.newest, path[-2].decode("ascii", "replace"))
        return Reply(_NOT_FOUND, b"POST add-checkpoint, GET ORIGIN_HASH/checkpoint\n")


class _Everything(Resource):
    isLeaf = True  # noqa: N815  (Twisted's name)

    def __init__(self, server: WitnessServer) -> None:
        super().__init__()
        self._server = server

    @override
    def render(self, request: Request) -> Any:
        return self._server.answer(request)


def _written(request: Request, reply: Reply) -> bytes:
    request.setResponseCode(reply.status)
    request.setHeader(b"content-type", reply.type.encode())
    request.setHeader(b"content-length", str(len(reply.body)).encode())
    return reply.body


async def serve(
    settings: WitnessConfig,
    reactor: Any,
    wall_clock: Callable[[], UnixTime],
    on_thread: Callable[[Callable[[], Any]], Awaitable[Any]],
    opened: Callable[[str, Signer], None],
) -> "Running":
    """Serve a witness; return what ends it.

    Args:
        settings: Of the witness.
        reactor: Where it listens.
        wall_clock: What time it is.
        on_thread: Runs a function on some thread.
        opened: Is told where it listens, and its key.

    Raises:
        LogKeyError, OSError, sqlite3.Error, ValueError: It cannot be served.
    """
    signer = witness_signer(settings)
    store = open_witness_store(Path(settings.state))
    witness = Witness(signer, settings.logs, store, wall_clock)
    server = WitnessServer(witness, OneThread(on_thread).run)
    site = QuietSite(
        _Everything(server),
        requestFactory=LimitedRequest,
        timeout=IDLE * 8,  # a log asks again within a minute
        reactor=reactor,
    )
    limited = LimitedSite(site, reactor, LIMITS)
    listener = ListenerService(server_endpoint(reactor, settings.listen), limited)
    listener.startService()
    port = await listener.ready()
    opened(str(port.getHost()), signer)
    return Running(listener, limited, server, store)


@define(eq=False, repr=False)
class Running:
    """A witness that is served."""

    _listener: ListenerService
    _site: LimitedSite
    _server: WitnessServer
    _store: WitnessStore

    async def stop(self) -> None:
        """End it."""
        await self._listener.stopService()
        self._site.hang_up()
        await self._server.tasks.cancel_all()
        self._store.close()
