"""What `GET /api/v1/...` answers: the views of the admin socket."""

from collections.abc import Coroutine, Mapping
from typing import Any

import msgspec
from attrs import frozen
from msgspec import Raw

from proxy.admin.miner_query import Order, State
from proxy.admin.operations import Operations
from proxy.admin.refused import Refused
from proxy.admin.rpc import RpcError
from proxy.admin.running import Running
from proxy.admin.views import MinerView
from proxy.web.answers import CSV, JSON, SSE, Answer, ProblemError, in_json
from proxy.web.asked import EVENTS, TABLE, Asked
from proxy.web.csv_text import csv_answer, rows_of
from proxy.web.event_log import KINDS, MAX_EVENTS, EventLog, as_cells
from proxy.web.map_modes import MODES
from proxy.web.pulse import Pulse
from proxy.web.routes import Routes
from proxy.web.site_map import SiteMap
from proxy.web.stream import MAX_UNSENT_BYTES, Streams, event_of

STREAM = ("now", "map", "news", "alarm")
FIELDS = (*STREAM, *MODES)
TOPICS = ("pool", "power", "block", "alarm", "action")

MAX_FILTER_CHARS = 256

MAX_EVENT_ID = 10**15
"""Milliseconds: in the year 33,658."""

MAX_ID_DIGITS = 16
MAX_MISSED_BYTES = MAX_UNSENT_BYTES // 2
"""Of events that one who comes back is sent; of more, the newest."""


@frozen(eq=False)
class Reads:
    """The reading half of the API."""

    running: Running
    operations: Operations
    pulse: Pulse
    streams: Streams
    events: EventLog
    maps: Mapping[str, SiteMap]

    def add_to(self, routes: Routes) -> None:
        """Answer the paths."""
        for path, handler in (
            ("status", lambda _: in_json(self.operations.status())),
            ("sites", lambda _: in_json(self.operations.sites())),
            ("sites/{site}/map", self.map),
            ("sites/{site}/miners", self.miners),
            ("sites/{site}/machines", self.machines),
            ("sites/{site}/plan", self.plan),
            ("miners/{id}", self.miner),
            ("pools", self.pools),
            ("nodes", lambda _: in_json(self.operations.nodes())),
            ("blocks", self.blocks),
            ("alarms", lambda _: in_json(self.running.alerts.standing.all)),
            ("power", self.power),
            ("documents", self.documents),
            ("log", self.log),
            ("events", self.event_list),
            ("stream", self.stream),
        ):
            routes.add("GET", f"/api/v1/{path}", handler)

    async def map(self, asked: Asked) -> Answer:
        """Return the machines of a site, in the order of the frames' bytes."""
        site_map = self.maps[self.site(asked)]
        if not site_map.cells or not self.streams.takers("map"):
            await self.pulse.look(site_map)  # else the stream has just looked
        if asked.headers.get("if-none-match") == f'"{site_map.gen}"':
            return Answer(b"", JSON, 304, _tagged(site_map.gen))
        gen, body = await site_map.view(self.pulse.pieces.turn)
        return Answer(body, headers=_tagged(gen))

    async def miners(self, asked: Asked) -> Answer:
        """Return a page of a site's miners."""
        site, kind = self.site(asked), asked.accepted(*TABLE)
        query = {
            "filter": asked.args.get("filter", "*"),
            "text": asked.args.get("text", ""),
            "site": site,
            "page": asked.page(),
            "state": asked.args.get("state"),
            "sort": asked.args.get("sort"),
        }
        try:
            checked = msgspec.convert(query, _MinerQuery)
        except msgspec.ValidationError as error:
            raise ProblemError(400, str(error)) from error
        page = await self.operations.miner_page(**msgspec.structs.asdict(checked))
        if kind == CSV:
            return csv_answer(*rows_of(MinerView, page.miners))
        return in_json(page)

    async def machines(self, asked: Asked) -> Answer:
        """Return a page of a site's machines, as the controller knows them."""
        site, page = self.site(asked), asked.page()
        pattern = asked.args.get("filter", "*")
        if len(pattern) > MAX_FILTER_CHARS:
            raise ProblemError(400, f"filter: Expected {MAX_FILTER_CHARS} characters")
        found = await self.operations.power.machines(site, pattern, page)
        return Answer(bytes(found), headers={"cache-control": "no-store"})

    async def plan(self, asked: Asked) -> Answer:
        """Return what would be done under a budget; nothing is.

        Without `watts`: under what would rule once operators' orders are cleared.
        """
        site = self.site(asked)
        watts = asked.number("watts", -1.0) if "watts" in asked.args else None
        if watts is not None and watts < 0:
            raise ProblemError(400, "watts: Expected a number from 0 up")
        found = await self.operations.power.plan(site, watts)
        return Answer(bytes(found), headers={"cache-control": "no-store"})

    async def miner(self, asked: Asked) -> Answer:
        """Return why a miner, by id or worker, is as it is, and all its figures."""
        name = asked.names["id"][:MAX_FILTER_CHARS]
        try:
            return in_json(await self.operations.why(name))
        except Refused as error:
            raise ProblemError(404, str(error)) from error

    async def pools(self, _: Asked) -> Answer:
        """Return every pool, its last day with it."""
        return in_json(await self.operations.pools())

    async def blocks(self, _: Asked) -> Answer:
        """Return the newest blocks."""
        return in_json(await self.operations.blocks())

    async def power(self, _: Asked) -> Answer:
        """Return what rules the power of each site; empty: no site has a budget."""
        if self.running.power is None:
            return in_json([])
        try:
            found = await self.operations.power.show()
        except RpcError as error:
            raise ProblemError(503, str(error), {"retry-after": "5"}) from error
        return Answer(bytes(found), headers={"cache-control": "no-store"})

    async def documents(self, _: Asked) -> Answer:
        """Return what signed documents make of each site that has them."""
        return await self._told(self.operations.power.documents())

    async def log(self, _: Asked) -> Answer:
        """Return the event log for others at a glance; null: none is published."""
        if self.running.config.proxy.transparency is None:
            return in_json(None)
        return await self._told(self.operations.log.status())

    async def _told(self, asked: Coroutine[Any, Any, Raw]) -> Answer:
        """Return what the controller tells; an empty list without one."""
        if self.running.power is None:
            asked.close()
            return in_json([])
        try:
            found = await asked
        except RpcError as error:
            raise ProblemError(503, str(error), {"retry-after": "5"}) from error
        return Answer(bytes(found), headers={"cache-control": "no-store"})

    def event_list(self, asked: Asked) -> Answer:
        """Return the newest events, or a stream of those that come."""
        kind = asked.accepted(*EVENTS)
        only = asked.args.get("kind")
        if only is not None and only not in KINDS:
            raise ProblemError(400, f"kind: Expected one of {', '.join(KINDS)}")
        if kind == SSE:
            self.streams.admit(asked)
            first = self._missed(asked.headers.get("last-event-id", ""), only)
            return self.streams.answer([only] if only else TOPICS, asked, first)
        after = asked.whole("after", 0, 0, MAX_EVENT_ID)
        limit = asked.whole("limit", MAX_EVENTS, 1, MAX_EVENTS)
        found = self.events.after(after, only, limit)
        if kind == CSV:
            return csv_answer(["id", "at", "kind", "value"], map(as_cells, found))
        return in_json({"last": self.events.last, "events": found})

    def stream(self, asked: Asked) -> Answer:
        """Open a stream: `now`, `map:SITE`, `news`, `alarm`; or `fields` of all.

        `age:SITE`, `temperature:SITE`, `efficiency:SITE` only where they are named.
        """
        asked.accepted(SSE)
        fields = asked.args.get("fields", ",".join(STREAM)).split(",")
        for name in fields:
            if name not in FIELDS:
                raise ProblemError(400, f"fields: Expected some of {', '.join(FIELDS)}")
        self.streams.admit(asked)
        return self.streams.answer(fields, asked)

    def _missed(self, last: str, only: str | None) -> bytes:
        """Return the newest events after the one that a viewer heard last."""
        if not (last.isascii() and last.isdecimal() and len(last) <= MAX_ID_DIGITS):
            return b""
        found: list[bytes] = []
        left = MAX_MISSED_BYTES
        for event in reversed(self.events.after(int(last), only, MAX_EVENTS)):
            found.append(event_of(event.kind, bytes(event.value), event.id))
            left -= len(found[-1])
            if left < 0:
                break
        return b"".join(reversed(found))

    def site(self, asked: Asked) -> str:
        """Return the site that a path names.

        Raises:
            ProblemError: There is none.
        """
        name = asked.names["site"]
        if name not in self.running.factories:
            raise ProblemError(404, "no such site: see /api/v1/sites")
        return name


def _tagged(gen: int) -> dict[str, str]:
    return {"cache-control": "no-cache", "etag": f'"{gen}"'}


class _MinerQuery(msgspec.Struct):
    """What `miner_page` takes."""

    filter: str
    text: str
    site: str
    page: int
    state: State | None = None
    sort: Order | None = None
