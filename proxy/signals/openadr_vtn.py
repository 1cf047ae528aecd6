"""The utility's server (VTN) as an OpenADR 3.1 end node asks it.

A list comes in pages of 50. Each page begins with the last event of the one before, so
that one that was cancelled in between is noticed: it would hide another, and an event
that is missing is a cancelled one.
"""

from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import quote

import msgspec
from attrs import define, evolve, field, frozen

from protocol.openadr.objects import (
    PAGE,
    Program,
    Ven,
    read_notifiers,
    read_page,
    read_programs,
    read_report,
    read_reports,
    read_topics,
    read_ven,
    read_vens,
)
from protocol.units import UnixTime
from proxy.signals.openadr_session import VtnError, VtnSession, good, read

MAX_EVENTS = 500
"""Of a programme: beyond it the list is not read, and is no word."""

MAX_PROGRAMS = 100

_NOT_FOUND, _CONFLICT, _UNCHANGED = 404, 409, 304


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

    _session: VtnSession
    _wall_clock: Callable[[], UnixTime]
    _etag: str = field(default="", init=False)
    _listed: tuple[bytes, ...] = field(default=(), init=False)

    async def close(self) -> None:
        """Hang up."""
        await self._session.close()

    async def programs(self) -> list[Program]:
        """Return the programmes that may be seen.

        Raises:
            VtnError: They cannot be had.
        """
        found: list[Program] = []
        while len(found) < MAX_PROGRAMS:
            query = {"skip": len(found), "limit": PAGE}
            page = read(read_programs, await self._session.get("/programs", query))
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
        answer = await self._session.ask("POST", "/vens", body=body)
        if answer.status == _CONFLICT:
            raise VtnError(f"{name!r} is another client's end node")
        return read(read_ven, good(answer))

    async def resources(self, ven_id: str) -> list[Ven]:
        """Return the resources of an end node; none where the server has no such list.

        Raises:
            VtnError: They cannot be had.
        """
        answer = await self._session.ask(
            "GET", "/resources", {"venID": ven_id, "limit": PAGE}
        )
        if answer.status == _NOT_FOUND:
            return []
        return read(read_vens, good(answer))

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
            etag = "" if found else self._etag
            answer = await self._session.ask("GET", "/events", query, etag=etag)
            heard, date = self._wall_clock(), answer.headers.get("date")
            if answer.status == _UNCHANGED and not found:
                return EventList(self._listed, date, sent, heard)
            page = read(read_page, good(answer))
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
        told = read(read_notifiers, await self._session.get("/notifiers", {})).mqtt
        if told is None:
            raise VtnError("the server tells of nothing over MQTT")
        topics: list[str] = []
        # Events without targets, and those that we are targeted by.
        for of in ("events", f"vens/{quote(ven_id, safe='')}/events"):
            found = await self._session.get(f"/notifiers/mqtt/topics/{of}", {})
            topics += read(read_topics, found)
        place = NoticePlace(tuple(told.uris), tuple(topics))
        if told.authentication.method == "ANONYMOUS":
            return place
        named = told.authentication.username or "{clientID}"
        who = named.replace("{clientID}", self._session.access.client_id)
        return evolve(place, username=who, password=self._session.token)

    async def report(self, body: bytes, report_id: str | None) -> str:
        """Hand in a report, in place of an earlier one if that is named; return its id.

        Raises:
            VtnError: It was not taken.
        """
        if report_id is not None:
            path = f"/reports/{quote(report_id, safe='')}"
            answer = await self._session.ask("PUT", path, body=body)
            if answer.status != _NOT_FOUND:
                return read(read_report, good(answer)).id
        answer = await self._session.ask("POST", "/reports", body=body)
        return read(read_report, good(answer)).id

    async def withdraw(self, report_id: str) -> None:
        """Take a report back; one that is gone already is.

        Raises:
            VtnError: It could not be.
        """
        path = f"/reports/{quote(report_id, safe='')}"
        answer = await self._session.ask("DELETE", path)
        if answer.status != _NOT_FOUND:
            good(answer)

    async def own_reports(self, name: str) -> list[str]:
        """Return the ids of reports that this end node has left, a page of them.

        Raises:
            VtnError: They cannot be had.
        """
        query = {"clientName": name, "limit": PAGE}
        found = read(read_reports, await self._session.get("/reports", query))
        return [report.id for report in found]

    async def _known_ven(self, name: str) -> Ven | None:
        found = read(read_vens, await self._session.get("/vens", {"venName": name}))
        return next((ven for ven in found if ven.ven_name == name), None)


def _json(body: Mapping[str, Any]) -> bytes:
    return msgspec.json.encode(body)
