"""Requests to a utility's server, with the token that it wants to be shown.

A token is had with client credentials (RFC 6749, 4.4) and again when the server says
401 or most of its time is over.
"""

from collections.abc import Callable, Mapping
from typing import Any, TypeVar
from urllib.parse import urlencode

from attrs import define, field, frozen
from twisted.internet.interfaces import IReactorTime

from protocol.openadr.objects import read_token
from proxy.signals.http_client import Answer, HttpClient, NoAnswerError

T = TypeVar("T")

MAX_DIGITS = 5
"""Of the seconds that a busy server asks for: more than a day is no rest."""

RENEW_AT = 0.8
"""Of its time, a token is replaced."""

_UNAUTHORISED, _TOO_MANY, _SERVER_FAULT = 401, 429, 500


class VtnError(Exception):
    """The server cannot be asked, or what it says cannot be used.

    Attributes:
        is_said: It answered, and that is what is wrong.
        wait_s: How long it wants to be left alone.
    """

    def __init__(self, why: str, *, is_said: bool = True, wait_s: float = 0.0) -> None:
        super().__init__(why)
        self.is_said = is_said
        self.wait_s = wait_s


@frozen
class VtnAccess:
    """Where the server is, and who asks."""

    url: str
    token_url: str
    client_id: str
    client_secret: str = field(repr=False)


@define(eq=False, repr=False)
class VtnSession:
    """Asks the server; one request at a time.

    Attributes:
        access: Where it is.
        token: Shown to it; empty: none was had yet.
    """

    access: VtnAccess
    _http: HttpClient
    _clock: IReactorTime
    token: str = field(default="", init=False)
    _renew_at: float = field(default=0.0, init=False)

    async def close(self) -> None:
        """Hang up."""
        await self._http.close()

    async def get(self, path: str, query: Mapping[str, Any]) -> bytes:
        """Return the body of an answer.

        Raises:
            VtnError: As `ask`, or it says that there is none.
        """
        return good(await self.ask("GET", path, query))

    async def ask(
        self,
        method: str,
        path: str,
        query: Mapping[str, Any] | None = None,
        *,
        body: bytes | None = None,
        etag: str = "",
    ) -> Answer:
        """Return what the server answers, whatever its status.

        Args:
            method: Of HTTP.
            path: Below the server's URL.
            query: Without what is None.
            body: JSON; None: none.
            etag: Of what is known already; empty: nothing is.

        Raises:
            VtnError: It does not answer, or gives no token.
        """
        asked = {k: v for k, v in (query or {}).items() if v is not None}
        url = self.access.url.rstrip("/") + path
        url = f"{url}?{urlencode(asked)}" if asked else url
        answer = await self._with_token(method, url, body, etag)
        if answer.status == _UNAUTHORISED:
            self.token = ""  # withdrawn, or of before the server was started anew
            answer = await self._with_token(method, url, body, etag)
        return answer

    async def _with_token(
        self, method: str, url: str, body: bytes | None, etag: str
    ) -> Answer:
        if not self.token or self._clock.seconds() >= self._renew_at:
            await self._authorise()
        headers = {
            "authorization": f"Bearer {self.token}",
            "accept": "application/json",
            "cache-control": "no-cache",
        }
        if body is not None:
            headers["content-type"] = "application/json"
        if etag:
            headers["if-none-match"] = etag
        return await self._send(method, url, headers, body)

    async def _authorise(self) -> None:
        access = self.access
        form = urlencode(
            {
                "grant_type": "client_credentials",
                "client_id": access.client_id,
                "client_secret": access.client_secret,
            }
        )
        kind = {"content-type": "application/x-www-form-urlencoded"}
        answer = await self._send("POST", access.token_url, kind, form.encode())
        try:
            token = read_token(good(answer))
        except VtnError as error:
            raise VtnError(f"token: {error}", wait_s=error.wait_s) from error
        except ValueError as error:
            # Not what was said: there may be a secret in it.
            raise VtnError("token: the answer holds none") from error
        self.token = token.access_token
        lasts = float("inf") if token.expires_in is None else token.expires_in
        self._renew_at = self._clock.seconds() + RENEW_AT * lasts

    async def _send(
        self, method: str, url: str, headers: Mapping[str, str], body: bytes | None
    ) -> Answer:
        try:
            return await self._http.ask(method, url, headers, body)
        except NoAnswerError as error:
            raise VtnError(str(error), is_said=False) from error


def read(reader: Callable[[bytes], T], data: bytes) -> T:
    """Return what `reader` makes of a body.

    Raises:
        VtnError: It cannot be read.
    """
    try:
        return reader(data)
    except ValueError as error:
        raise VtnError(f"cannot be read: {error}") from error


def good(answer: Answer) -> bytes:
    """Return the body of an answer.

    Raises:
        VtnError: It says that it was not done.
    """
    if answer.is_good:
        return answer.body
    shown = answer.body[:120].decode("ascii", "replace")
    why = f"status {answer.status} {shown}".rstrip()
    printable = "".join(c if c.isprintable() else " " for c in why)
    raise VtnError(printable, wait_s=_wait(answer))


def _wait(answer: Answer) -> float:
    """Return how long a busy server wants to be left alone (RFC 9110, 10.2.3)."""
    if answer.status != _TOO_MANY and answer.status < _SERVER_FAULT:
        return 0.0
    said = answer.headers.get("retry-after", "")
    is_seconds = said.isascii() and said.isdecimal() and len(said) <= MAX_DIGITS
    return float(said) if is_seconds else 0.0
