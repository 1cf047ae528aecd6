"""One resource for all paths: host check, routing, errors, answers."""

from collections.abc import Coroutine
from typing import Any
from urllib.parse import unquote

from attrs import evolve
from twisted.logger import Logger
from twisted.web.resource import Resource
from twisted.web.server import NOT_DONE_YET, Request
from typing_extensions import override

from proxy.admin.refused import Refused
from proxy.admin.rpc import BAD_PARAMS, RpcError
from proxy.runtime.http_limits import LimitedRequest
from proxy.runtime.tasks import Tasks
from proxy.web.answers import ALWAYS, TITLES, Answer, ProblemError
from proxy.web.asked import Asked, asked_of
from proxy.web.files import Files
from proxy.web.hosts import Hosts
from proxy.web.large_body import PIECE_BYTES, LargeBody
from proxy.web.log_files import PREFIX, LogFiles
from proxy.web.routes import Routes
from proxy.web.stream import StreamAnswer, Streams

API = "/api/"
PLAIN = ("/healthz", "/readyz", "/metrics", "/metrics/workers")
READING = frozenset({"GET", "HEAD"})


class WebResource(Resource):
    """Answers every path.

    Args:
        hosts: Which names are ours.
        routes: Of the API.
        files: All else.
        streams: Takes over requests for a stream.
        tasks: Requests under way.
        log: Of the event log for others.
    """

    isLeaf = True  # noqa: N815  (twisted.web's name)
    _log = Logger()

    def __init__(  # noqa: PLR0913, PLR0917  (all that is behind one address)
        self,
        hosts: Hosts,
        routes: Routes,
        files: Files,
        streams: Streams,
        tasks: Tasks,
        log: LogFiles,
    ) -> None:
        super().__init__()
        self._hosts = hosts
        self._routes = routes
        self._files = files
        self._streams = streams
        self._tasks = tasks
        self._log_files = log

    @override
    def render(self, request: Request) -> int:
        """Answer; twisted.web calls this."""
        for name, value in ALWAYS.items():
            request.setHeader(name, value)
        try:
            found = self._found(request)
        except Exception as error:  # noqa: BLE001  (each is answered, ours is logged)
            self._write(request, self._failed(error))
            return NOT_DONE_YET
        if isinstance(found, Coroutine):
            self._tasks.start("answer", self._awaited(request, found))
        elif found is not None:
            self._write(request, found)
        return NOT_DONE_YET

    def _found(self, request: Request) -> Answer | Coroutine[Any, Any, Answer] | None:
        """Return the answer, now or later; None: it is being sent already."""
        if not self._hosts.are_ours(request.getHeader("host")):
            raise ProblemError(421, "this name is not in [proxy.web] hosts")
        if isinstance(request, LimitedRequest) and request.is_too_large:
            raise ProblemError(413, "the body is too large")
        asked = asked_of(request, {})
        path = unquote(asked.path)
        routed = path.startswith(API) or path in PLAIN or asked.method == "POST"
        if not routed:
            if path.startswith(PREFIX) and asked.method in READING:
                return self._log_files.answer(path, request)
            return self._page(evolve(asked, path=path))
        handler, names = self._routes.find(asked.method, asked.path)
        asked = evolve(asked, names={k: unquote(v) for k, v in names.items()})
        return handler(asked)

    def _page(self, asked: Asked) -> Answer:
        """Return a page or a file; beside a page a form may be answered, as /login."""
        methods = self._routes.methods_at(asked.path)
        is_there = not methods or self._files.has(asked.path)
        if asked.method in READING and is_there:
            return self._files.answer(asked)
        allow = ", ".join(["GET", "HEAD"] * is_there + methods)
        raise ProblemError(405, f"Expected {allow}", {"allow": allow})

    async def _awaited(
        self, request: Request, coroutine: Coroutine[Any, Any, Answer]
    ) -> None:
        gone = request.notifyFinish()
        _ = gone.addErrback(lambda _: None)
        try:
            answer = await coroutine
        except Exception as error:  # noqa: BLE001  (each is answered, ours is logged)
            answer = self._failed(error)
        if not gone.called:
            self._write(request, answer)

    def _failed(self, error: Exception) -> Answer:
        match error:
            case ProblemError():
                return error.answer()
            case RpcError() if error.code == BAD_PARAMS:
                return ProblemError(400, str(error)).answer()
            case RpcError() | Refused():
                return ProblemError(409, str(error)).answer()
        self._log.failure("a request failed")
        return ProblemError(500, "it failed: see the proxy's log").answer()

    def _write(self, request: Request, answer: Answer) -> None:
        title = TITLES.get(answer.status)
        words = None if title is None else title.encode()
        request.setResponseCode(answer.status, words)
        for name, value in answer.headers.items():
            request.setHeader(name, value)
        if isinstance(answer, StreamAnswer):
            self._streams.open(request, answer)
            return
        if answer.status != NOT_MODIFIED:
            request.setHeader("content-type", answer.kind)
            request.setHeader("content-length", str(len(answer.body)))
        if request.method == b"HEAD":
            request.finish()
        elif len(answer.body) <= PIECE_BYTES:
            request.write(answer.body)
            request.finish()
        else:
            LargeBody(request, answer.body).start()


NOT_MODIFIED = 304
