"""The utility's server (VTN) as an OpenADR 3.1 end node asks it.

A token is had with client credentials (RFC 6749, 4.4) and again when the server says
401 or most of its time is over. A list comes in pages of 50. Each page begins with the
last event of the one before, so that one that was cancelled in between is noticed: it
would hide another, and an event that is missing is a cancelled one.
"""

from collections.abc import Callable, Mapping
from typing import Any, TypeVar
from urllib.parse import quote, urlencode

import msgspec
from attrs import define, evolve, field, frozen
from twisted.internet.interfaces import IReactorTime

from protocol.openadr.objects import (
    PAGE,
    Program,
    Ven,
    read_notifiers,
    read_page,
    read_programs,
    read_report,
    read_reports,
    read_token,
    read_topics,
    read_ven,
    read_vens,
)
from protocol.units import UnixTime
from proxy.signals.http_client import Answer, HttpClient, NoAnswerError

T = TypeVar("T")

MAX_EVENTS = 500
"""Of a programme: beyond it the list is not read, and is no word."""

MAX_PROGRAMS = 100

MAX_DIGITS = 5
"""Of the seconds that a busy server asks for: more than a day is no rest."""

RENEW_AT = 0.8
"""Of its time, a token is replaced."""

_UNAUTHORISED, _NOT_FOUND, _CONFLICT, _UNCHANGED = 401, 404, 409, 304
_TOO_MANY, _SERVER_FAULT = 429, 500


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


@frozen
class EventList:
    """All events that the server lists, none of them read.

    Attributes:
        date: Of the answer, its last page's; None: it has none.
        sent: When that was asked for.
        heard: When it was there.
        is_torn: The list changed while it was read.
    """

    events: tuple[bytes, ...]
    date: str | None
    sent: UnixTime
    heard: UnixTime
    is_torn: bool = False


@frozen
class NoticePlace:
    """Where a server tells of events over MQTT.

    Attributes:
        username: Shown to the broker, as `password` is; None: nothing is.
    """

    uris: tuple[str, ...]
    topics: tuple[str, ...]
    username: str | None = None
    password: str | None = field(default=None, repr=False)


@define(eq=False, repr=False)
class Vtn:
    """Asks the server; one request at a time."""

    _access: VtnAccess
    _http: HttpClient
    _clock: IReactorTime
    _wall_clock: Callable[[], UnixTime]
    _token: str = field(default="", init=False)
    _renew_at: float = field(default=0.0, init=False)
    _etag: str = field(default="", init=False)
    _listed: tuple[bytes, ...] = field(default=(), init=False)

    async def close(self) -> None:
        """Hang up."""
        await self._http.close()

    async def programs(self) -> list[Program]:
        """Return the programmes that may be seen.

        Raises:
            VtnError: They cannot be had.
        """
        found: list[Program] = []
        while len(found) < MAX_PROGRAMS:
            query = {"skip": len(found), "limit": PAGE}
            page = self._read(read_programs, await self._get("/programs", query))
            found += page
            if len(page) < PAGE:
                break
        return found

    async def ven(self, name: str) -> Ven:
        """Return this end node, registered if it was not known.

        Raises:
            VtnError: It cannot be had.
        """
        known = await self._known_ven(name)
        if known is not None:
            return known
        body = _json({"objectType": "VEN_VEN_REQUEST", "venName": name})
        answer = await self._ask("POST", "/vens", body=body)
        if answer.status == _CONFLICT:
            raise VtnError(f"{name!r} is another client's end node")
        return self._read(read_ven, _good(answer))

    async def resources(self, ven_id: str) -> list[Ven]:
        """Return the resources of an end node; none where the server has no such list.

        Raises:
            VtnError: They cannot be had.
        """
        answer = await self._ask("GET", "/resources", {"venID": ven_id, "limit": PAGE})
        if answer.status == _NOT_FOUND:
            return []
        return self._read(read_vens, _good(answer))

    async def events(self, program_id: str | None) -> EventList:
        """Return the events of a programme, of all that may be seen if None.

        Raises:
            VtnError: They cannot be had as a whole.
        """
        found: list[bytes] = []
        is_torn = False
        while True:
            skip = max(0, len(found) - 1)
            query = {"skip": skip, "limit": PAGE, "programID": program_id}
            sent = self._wall_clock()
            answer = await self._ask("GET", "/events", query, etag=not found)
            heard, date = self._wall_clock(), answer.headers.get("date")
            if answer.status == _UNCHANGED and not found:
                return EventList(self._listed, date, sent, heard)
            page = self._read(read_page, _good(answer))
            is_torn |= bool(found) and page[:1] != found[-1:]
            found += page[1:] if found else page
            if len(found) > MAX_EVENTS:
                raise VtnError(f"more than {MAX_EVENTS} events")
            if len(page) < PAGE:
                break
        # A tag is of one answer: with more pages the list is asked for anew.
        self._etag = answer.headers.get("etag", "") if not skip else ""
        self._listed = tuple(found)
        return EventList(self._listed, date, sent, heard, is_torn)

    async def notices(self, ven_id: str) -> NoticePlace:
        """Return where the server tells of events.

        Raises:
            VtnError: It does not, or not over MQTT.
        """
        told = self._read(read_notifiers, await self._get("/notifiers", {})).mqtt
        if told is None:
            raise VtnError("the server tells of nothing over MQTT")
        topics: list[str] = []
        # Events without targets, and those that we are targeted by.
        for of in ("events", f"vens/{quote(ven_id, safe='')}/events"):
            found = await self._get(f"/notifiers/mqtt/topics/{of}", {})
            topics += self._read(read_topics, found)
        place = NoticePlace(tuple(told.uris), tuple(topics))
        if told.authentication.method == "ANONYMOUS":
            return place
        named = told.authentication.username or "{clientID}"
        who = named.replace("{clientID}", self._access.client_id)
        return evolve(place, username=who, password=self._token)

    async def report(self, body: bytes, report_id: str | None) -> str:
        """Hand in a report, in place of an earlier one if that is named; return its id.

        Raises:
            VtnError: It was not taken.
        """
        if report_id is not None:
            path = f"/reports/{quote(report_id, safe='')}"
            answer = await self._ask("PUT", path, body=body)
            if answer.status != _NOT_FOUND:
                return self._read(read_report, _good(answer)).id
        answer = await self._ask("POST", "/reports", body=body)
        return self._read(read_report, _good(answer)).id

    async def withdraw(self, report_id: str) -> None:
        """Take a report back; one that is gone already is.

        Raises:
            VtnError: It could not be.
        """
        path = f"/reports/{quote(report_id, safe='')}"
        answer = await self._ask("DELETE", path)
        if answer.status != _NOT_FOUND:
            _good(answer)

    async def own_reports(self, name: str) -> list[str]:
        """Return the ids of reports that this end node has left, a page of them.

        Raises:
            VtnError: They cannot be had.
        """
        query = {"clientName": name, "limit": PAGE}
        found = self._read(read_reports, await self._get("/reports", query))
        return [report.id for report in found]

    async def _known_ven(self, name: str) -> Ven | None:
        found = self._read(read_vens, await self._get("/vens", {"venName": name}))
        return next((ven for ven in found if ven.ven_name == name), None)

    async def _get(self, path: str, query: Mapping[str, Any]) -> bytes:
        return _good(await self._ask("GET", path, query))

    async def _ask(
        self,
        method: str,
        path: str,
        query: Mapping[str, Any] | None = None,
        *,
        body: bytes | None = None,
        etag: bool = False,
    ) -> Answer:
        asked = {k: v for k, v in (query or {}).items() if v is not None}
        url = self._access.url.rstrip("/") + path
        url = f"{url}?{urlencode(asked)}" if asked else url
        answer = await self._with_token(method, url, body, etag=etag)
        if answer.status == _UNAUTHORISED:
            self._token = ""  # withdrawn, or of before the server was started anew
            answer = await self._with_token(method, url, body, etag=etag)
        return answer

    async def _with_token(
        self, method: str, url: str, body: bytes | None, *, etag: bool
    ) -> Answer:
        if not self._token or self._clock.seconds() >= self._renew_at:
            await self._authorise()
        headers = {
            "authorization": f"Bearer {self._token}",
            "accept": "application/json",
            "cache-control": "no-cache",
        }
        if body is not None:
            headers["content-type"] = "application/json"
        if etag and self._etag:
            headers["if-none-match"] = self._etag
        return await self._send(method, url, headers, body)

    async def _authorise(self) -> None:
        access = self._access
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
            token = read_token(_good(answer))
        except VtnError as error:
            raise VtnError(f"token: {error}", wait_s=error.wait_s) from error
        except ValueError as error:
            # Not what was said: there may be a secret in it.
            raise VtnError("token: the answer holds none") from error
        self._token = token.access_token
        lasts = float("inf") if token.expires_in is None else token.expires_in
        self._renew_at = self._clock.seconds() + RENEW_AT * lasts

    async def _send(
        self, method: str, url: str, headers: Mapping[str, str], body: bytes | None
    ) -> Answer:
        try:
            return await self._http.ask(method, url, headers, body)
        except NoAnswerError as error:
            raise VtnError(str(error), is_said=False) from error

    @staticmethod
    def _read(reader: Callable[[bytes], T], data: bytes) -> T:
        try:
            return reader(data)
        except ValueError as error:
            raise VtnError(f"cannot be read: {error}") from error


def _good(answer: Answer) -> bytes:
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


def _json(body: Mapping[str, Any]) -> bytes:
    return msgspec.json.encode(body)
