"""What the web side answers, and the headers that every answer has."""

from collections.abc import Mapping
from typing import Any

import msgspec
from attrs import field, frozen

JSON, PROBLEM, CSV, HTML, SSE = (
    "application/json",
    "application/problem+json",
    "text/csv; charset=utf-8",
    "text/html; charset=utf-8",
    "text/event-stream",
)

_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
    "connect-src 'self'; font-src 'self'; worker-src 'self'; base-uri 'none'; "
    "form-action 'self'; frame-ancestors 'none'; "
    "require-trusted-types-for 'script'; trusted-types baseload"
)

ALWAYS: Mapping[str, str] = {
    "content-security-policy": _POLICY,
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "server": "baseload",
}
"""Of every answer: nothing is loaded from elsewhere, and nobody else shows a page."""

TITLES: Mapping[int, str] = {
    400: "Bad request",
    401: "Authentication required",
    403: "Forbidden",
    404: "Not found",
    405: "Method not allowed",
    406: "Not acceptable",
    409: "Refused",
    413: "Body too large",
    415: "Unsupported media type",
    421: "Misdirected request",
    429: "Too many failures",
    500: "Internal error",
    503: "Not available",
}


@frozen
class Answer:
    """A whole answer."""

    body: bytes
    kind: str = JSON
    status: int = 200
    headers: Mapping[str, str] = field(factory=dict)


class ProblemError(Exception):
    """A request that is answered with an error. Spec: RFC 9457.

    Attributes:
        status: Of HTTP.
        headers: Sent with it.
    """

    def __init__(
        self, status: int, detail: str, headers: Mapping[str, str] | None = None
    ) -> None:
        super().__init__(detail)
        self.status = status
        self.headers = headers or {}

    def answer(self) -> Answer:
        """Return it as an answer."""
        body = {
            "type": "about:blank",
            "title": TITLES[self.status],
            "status": self.status,
            "detail": str(self),
        }
        headers = {"cache-control": "no-store", **self.headers}
        return Answer(msgspec.json.encode(body), PROBLEM, self.status, headers)


def in_json(value: Any) -> Answer:
    """Return `value`, which msgspec can encode, as it is at this moment."""
    return Answer(msgspec.json.encode(value), headers={"cache-control": "no-store"})
