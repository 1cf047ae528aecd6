"""A web side with a hall of any size behind it: what the pages are measured against.

`python -m tests.browser.hall_server PORT MACHINES [KIND]` serves the pages as proxy/web
does, its figures made of a seed; KIND is a hall of `hall_kinds`. What the real one says
is `proxy/web/openapi.json`.
"""

import json
import random
import sys
from base64 import b64encode
from functools import partial
from pathlib import Path
from typing import Any

from twisted.internet import reactor as installed
from twisted.internet.task import LoopingCall
from twisted.web.resource import Resource
from twisted.web.server import NOT_DONE_YET, Request, Site
from twisted.web.static import File
from typing_extensions import override

from proxy.web.map_modes import MODES
from tests.browser.hall import Hall
from tests.browser.hall_kinds import KINDS
from tests.browser.hall_rows import (
    EVENTS,
    FULL_HS,
    FULL_W,
    MINER_PAST,
    POOL_PAST,
    machines,
    miners,
    site_past,
    tenants,
)
from tests.browser.looking import TOKEN

STATIC = Path(__file__).parents[2] / "proxy" / "web" / "static"
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
    "connect-src 'self'; font-src 'self'; worker-src 'self'; base-uri 'none'; "
    "form-action 'self'; frame-ancestors 'none'; "
    "require-trusted-types-for 'script'; trusted-types baseload"
)
PAGES = (b"fleet", b"pools", b"tenants", b"events")


REJECTS_HIGH = {
    "kind": "rejects_high",
    "site": "hall-a",
    "severity": "warning",
    "text": "9.1% of the shares of 5 minutes are rejected",
    "names": [],
    "count": 0,
    "ended": None,
}
"""It stands."""


class Json(Resource):
    """Answers a value as JSON; whatever is below it, the same."""

    isLeaf = True  # noqa: N815  (twisted's name)

    def __init__(self, value: Any) -> None:
        super().__init__()
        self.value = value

    @override
    def render(self, request: Request) -> bytes:
        request.setHeader(b"content-type", b"application/json")
        return json.dumps(self.value()).encode()


class Past(Resource):
    """Answers a past, with a gap in it."""

    isLeaf = True  # noqa: N815  (twisted's name)

    def __init__(self, hall: Hall, figures: dict[str, float]) -> None:
        super().__init__()
        self.hall = hall
        self.figures = figures

    @override
    def render(self, request: Request) -> bytes:
        request.setHeader(b"content-type", b"application/json")
        args = request.args or {}
        step = int(args.get(b"step", [b"1"])[0])
        rows = 3600 if step == 1 else 86_400 // 30 if step == 30 else 3360
        to = self.hall.at // step * step
        noise = random.Random(rows)  # noqa: S311  (a picture)
        gap = range(rows // 2, rows // 2 + rows // 12)
        columns: dict[str, list[float | None]] = {
            name: [
                None if row in gap else (value or 0) * (1 + noise.gauss(0, 0.01))
                for row in range(rows)
            ]
            for name, value in self.figures.items()
        }
        columns["at"] = [to - step * (rows - row) for row in range(rows)]
        return json.dumps({"step": step, "columns": columns}).encode()


class Plan(Resource):
    """Answers what would be done under a budget."""

    isLeaf = True  # noqa: N815  (twisted's name)

    @override
    def render(self, request: Request) -> bytes:
        request.setHeader(b"content-type", b"application/json")
        watts = float((request.args or {}).get(b"watts", [b"65.1e6"])[0])
        plan = {
            "site": "hall-a",
            "budget_w": watts,
            "cap_hs": watts / FULL_W * FULL_HS,
            "watts": watts - 65.1e6,
            "hash_hs": (watts - 65.1e6) / FULL_W * FULL_HS,
            "steps": [],
            "more": int(abs(watts - 65.1e6) / FULL_W),
            "resting": 7,
            "note": "nothing is to be done",
            "ruled_by": "" if b"watts" in (request.args or {}) else "order 7 of plant",
        }
        return json.dumps(plan).encode()


class Deed(Resource):
    """Does what it is asked to by who has logged in; `TOKEN` logs in."""

    isLeaf = True  # noqa: N815  (twisted's name)
    open = False

    @override
    def render(self, request: Request) -> bytes:
        request.setHeader(b"content-type", b"application/json")
        body = json.loads(request.content.read() or b"{}") if request.content else {}
        match request.path.rpartition(b"/")[2]:
            case b"session":
                left = 40_000 if Deed.open else None
                return json.dumps(
                    {"actions": True, "may_act": Deed.open, "ends_in_s": left}
                ).encode()
            case b"login" if body.get("token") == TOKEN:
                Deed.open = True
            case b"logout" | b"expire":
                Deed.open = False
            case what if not Deed.open:
                why = "that is not the token" if what == b"login" else "log in"
                return self.refuse(request, 401, why)
            case b"kick":
                return self.refuse(
                    request, 409, "no miner of this id: it has just left"
                )
        return json.dumps(
            {"done": True, "text": f"{request.path.decode()} done"}
        ).encode()

    def refuse(self, request: Request, status: int, why: str) -> bytes:
        """Answer with a problem."""
        request.setResponseCode(status)
        problem = {"title": "Refused", "status": status, "detail": why}
        return json.dumps(problem).encode()


class Pools(Resource):
    """Tells of pools, and of the past of one."""

    isLeaf = True  # noqa: N815  (twisted's name)

    def __init__(self, hall: Hall) -> None:
        super().__init__()
        self.hall = hall

    @override
    def render(self, request: Request) -> bytes:
        if request.path.endswith(b"history"):
            return Past(self.hall, POOL_PAST).render(request)
        return Json(lambda: self.hall.now()["status"]["pools"]).render(request)


class Miner(Deed):
    """Tells of a miner, or does something to it."""

    def __init__(self, hall: Hall) -> None:
        super().__init__()
        self.hall = hall

    @override
    def render(self, request: Request) -> bytes:
        if request.method != b"GET":
            return super().render(request)
        if request.path.endswith(b"history"):
            return Past(self.hall, MINER_PAST).render(request)
        request.setHeader(b"content-type", b"application/json")
        return json.dumps([{"sentences": ["It has been at work for 2 h."]}]).encode()


class Stream(Resource):
    """Sends each second to all who watch."""

    isLeaf = True  # noqa: N815  (twisted's name)

    def __init__(self) -> None:
        super().__init__()
        self.viewers: dict[Request, bytes] = {}

    @override
    def render(self, request: Request) -> int:
        request.setHeader(b"content-type", b"text/event-stream")
        request.write(b"retry: 2000\n\n")
        self.viewers[request] = (request.args or {}).get(b"fields", [b"now,map"])[0]
        _ = request.notifyFinish().addBoth(lambda _: self.viewers.pop(request, None))
        return NOT_DONE_YET

    def takers(self, name: str) -> list[Request]:
        """Return who wants events of a name."""
        return [v for v, names in self.viewers.items() if name.encode() in names]

    def send(self, name: str, value: Any) -> None:
        """Send an event to who wants it."""
        text = f"event: {name}\ndata: {json.dumps(value)}\n\n".encode()
        for viewer in self.takers(name.partition(":")[0]):
            viewer.write(text)


class Pages(File):
    """The static files, and the page itself at each of its paths."""

    @override
    def getChild(self, path: bytes, request: Request) -> Resource:
        for name, value in (
            ("content-security-policy", POLICY),
            ("x-content-type-options", "nosniff"),
            ("cross-origin-opener-policy", "same-origin"),
        ):
            request.setHeader(name, value)
        if path == b"m":
            request.postpath = []
        is_page = path in (*PAGES, b"m", b"")
        found: Resource = super().getChild(b"index.html" if is_page else path, request)
        return found


def site_of(hall: Hall, stream: Stream) -> Site:
    """Return what serves a hall."""
    root = Pages(str(STATIC))
    root.contentTypes = {**File.contentTypes, ".js": "text/javascript"}
    api, v1, sites, site = Resource(), Resource(), Resource(), Resource()
    root.putChild(b"api", api)
    api.putChild(b"v1", v1)
    v1.putChild(b"sites", sites)
    sites.putChild(b"hall-a", site)
    v1.putChild(b"stream", stream)
    events = [
        {"id": nth, "at": 1_800_000_000 - 40 * (60 - nth), "kind": kind, "value": value}
        for nth, (kind, value) in enumerate(EVENTS * 12, 1)
    ]
    for parent, name, value in (
        (site, b"map", hall.roster),
        (site, b"miners", partial(miners, hall)),
        (site, b"machines", machines),
        (v1, b"tenants", partial(tenants, hall)),
        (v1, b"log", lambda: None),  # none is published
        (v1, b"blocks", list),
        (v1, b"alarms", lambda: [REJECTS_HIGH | {"since": hall.at - 70}]),
        (v1, b"events", lambda: {"last": len(events), "events": events}),
    ):
        parent.putChild(name, Json(value))
    v1.putChild(b"miners", Miner(hall))
    v1.putChild(b"pools", Pools(hall))
    site.putChild(b"plan", Plan())
    site.putChild(b"history", Past(hall, site_past(hall)))
    site.putChild(b"power", Deed())
    for name in (b"session", b"reload", b"drain", b"undrain", b"expire"):
        v1.putChild(name, Deed())
    for name in (b"login", b"logout"):
        root.putChild(name, Deed())
    return Site(root)


def main(port: int, count: int, kind: str) -> None:
    """Serve a hall until killed."""
    reactor: Any = installed
    hall, stream = KINDS[kind](count), Stream()

    def beat() -> None:
        hall.tick()
        stream.send("now", hall.now())
        send_cells("map", bytes(hall.cells))
        for mode in filter(stream.takers, MODES):
            send_cells(mode, hall.mode(mode))

    def send_cells(name: str, cells: bytes) -> None:
        frame = {"gen": 1, "n": count, "cells": b64encode(cells).decode()}
        stream.send(f"{name}:hall-a", frame)

    reactor.listenTCP(port, site_of(hall, stream), interface="127.0.0.1")
    _ = LoopingCall(beat).start(1.0)
    reactor.run()


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]), *sys.argv[3:] or ["plain"])
