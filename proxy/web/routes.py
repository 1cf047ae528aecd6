"""Which function answers which path."""

from collections.abc import Callable, Coroutine, Mapping
from typing import Any

from attrs import define, field

from proxy.web.answers import Answer, ProblemError
from proxy.web.asked import Asked

Handler = Callable[[Asked], Answer | Coroutine[Any, Any, Answer]]

MAX_SEGMENTS = 8


@define(eq=False, repr=False)
class Routes:
    """Paths of the API, each with its methods; `{name}` stands for one segment."""

    _paths: dict[tuple[str, ...], dict[str, Handler]] = field(factory=dict, init=False)

    def add(self, method: str, path: str, handler: Handler) -> None:
        """Have `handler` answer `method` at `path`."""
        self._paths.setdefault(tuple(path.split("/")), {})[method] = handler

    def find(self, method: str, path: str) -> tuple[Handler, Mapping[str, str]]:
        """Return who answers, and what stands for the names of the path.

        Raises:
            ProblemError: Nobody does.
        """
        segments = path.split("/")
        if len(segments) <= MAX_SEGMENTS:
            for pattern, methods in self._paths.items():
                names = _matched(pattern, segments)
                if names is not None:
                    return _of_method(methods, method), names
        raise ProblemError(404, "nothing is at this path: see /api/v1/openapi.json")

    def methods_at(self, path: str) -> list[str]:
        """Return the methods that a path without names is answered for."""
        return [*self._paths.get(tuple(path.split("/")), {})]


def _of_method(methods: Mapping[str, Handler], method: str) -> Handler:
    handler = methods.get("GET" if method == "HEAD" else method)
    if handler is None:
        allowed = [*methods, "HEAD"] if "GET" in methods else [*methods]
        allow = ", ".join(allowed)
        raise ProblemError(405, f"Expected {allow}", {"allow": allow})
    return handler


def _matched(pattern: tuple[str, ...], segments: list[str]) -> dict[str, str] | None:
    if len(pattern) != len(segments):
        return None
    names = {}
    for wanted, given in zip(pattern, segments, strict=True):
        if wanted.startswith("{"):
            if not given:
                return None
            names[wanted[1:-1]] = given
        elif wanted != given:
            return None
    return names
