"""A request as handlers see it."""

from collections.abc import Mapping
from typing import Any

from attrs import frozen
from twisted.web.server import Request

from proxy.web.answers import CSV, JSON, SSE, ProblemError


@frozen
class Asked:
    """A request.

    Attributes:
        names: What the path has where its route has a name.
        args: The query; of a key that is given twice, the last.
        address: Of the client.
        is_secure: It came over TLS.
    """

    method: str
    path: str
    names: Mapping[str, str]
    args: Mapping[str, str]
    headers: Mapping[str, str]
    body: bytes
    address: str
    is_secure: bool

    def number(self, name: str, default: float) -> float:
        """Return a number of the query.

        Raises:
            ProblemError: It is none.
        """
        text = self.args.get(name)
        if text is None:
            return default
        try:
            found = float(text)
        except ValueError as error:
            raise ProblemError(400, f"{name}: Expected a number") from error
        if not abs(found) <= MAX_NUMBER:  # neither is nan
            raise ProblemError(400, f"{name}: Expected a number up to {MAX_NUMBER:.0f}")
        return found

    def page(self) -> int:
        """Return the number of the page that is asked for, from 0.

        Raises:
            ProblemError: It is none.
        """
        return self.whole("page", 0, 0, MAX_PAGE)

    def whole(self, name: str, default: int, least: int, most: int) -> int:
        """Return a whole number of the query.

        Raises:
            ProblemError: It is none, or beyond `least` or `most`.
        """
        text = self.args.get(name, str(default))
        is_whole = text.isascii() and text.isdecimal() and len(text) <= MAX_DIGITS
        if not is_whole or not least <= int(text) <= most:
            wanted = f"a whole number from {least} to {most}"
            raise ProblemError(400, f"{name}: Expected {wanted}")
        return int(text)

    def accepted(self, *kinds: str) -> str:
        """Return the one of `kinds` that is wanted, the first where none is named.

        Raises:
            ProblemError: None of them is.
        """
        wanted = self.headers.get("accept", "*/*")
        named = [part.partition(";")[0].strip().lower() for part in wanted.split(",")]
        for one in named:
            for kind in kinds:
                plain = kind.partition(";")[0]
                if one in {plain, plain.partition("/")[0] + "/*", "*/*", ""}:
                    return kind
        names = ", ".join(kind.partition(";")[0] for kind in kinds)
        raise ProblemError(406, f"Expected one of {names} in Accept")


MAX_NUMBER = 1e12
MAX_PAGE = 9_999_999
MAX_DIGITS = 16

TABLE = (JSON, CSV)
EVENTS = (SSE, JSON, CSV)


def asked_of(request: Request, names: Mapping[str, str]) -> Asked:
    """Return a request of twisted.web as handlers see it."""
    args: Mapping[bytes, list[bytes]] = request.args or {}
    client: Any = request.getClientAddress()
    content = request.content
    return Asked(
        method=_text(request.method),
        path=_text(request.path),
        names=names,
        args={_text(key): _text(values[-1]) for key, values in args.items()},
        headers={
            _text(key).lower(): _text(values[-1])
            for key, values in request.requestHeaders.getAllRawHeaders()
        },
        body=content.read() if content is not None else b"",
        address=str(getattr(client, "host", "")),
        is_secure=request.isSecure(),
    )


def _text(data: bytes) -> str:
    return data.decode("utf-8", "replace")
