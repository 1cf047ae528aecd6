"""A web side with a hall of any size behind it: what the pages are measured against.

`python -m tests.browser.hall_server PORT MACHINES` serves the pages as proxy/web does,
its figures made of a seed. What the real one says is `proxy/web/openapi.json`.
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
from proxy.web.site_map import STATES
from tests.browser.looking import TOKEN

STATIC = Path(__file__).parents[2] / "proxy" / "web" / "static"
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
    "connect-src 'self'; font-src 'self'; worker-src 'self'; base-uri 'none'; "
    "form-action 'self'; frame-ancestors 'none'; "
    "require-trusted-types-for 'script'; trusted-types baseload"
)
WEIGHTS = (1.5, 86, 1, 8, 1.5, 0.3, 1, 0.2)
CHANGING = 0.02
"""Part of the machines that change each second."""

PAGES = (b"fleet", b"pools", b"tenants", b"events")
MODELS = ("Antminer S21", "Whatsminer M60S", "Avalon A1566")
TENANTS = ("northwind", "acme", "solheim", "")
FULL_W, FULL_HS = 3500.0, 2e14
PER_RACK = 60


class Hall:
    """A site's figures, each second others."""

    def __init__(self, machines: int) -> None:
        self.random = random.Random(15)  # noqa: S311  (the same hall each time)
        self.machines = machines
        self.at = 1_800_000_000
        self.cells = bytearray(self._byte() for _ in range(machines))

    def _byte(self) -> int:
        (state,) = self.random.choices(range(8), WEIGHTS)
        level = min(30, max(0, round(self.random.gauss(20, 1.5)))) if state == 1 else 0
        return state | level << 3

    def tick(self) -> None:
        """Have some machines change."""
        self.at += 1
        for at in self.random.sample(
            range(self.machines), max(1, int(self.machines * CHANGING))
        ):
            self.cells[at] = self._byte()

    def mode(self, mode: str) -> bytes:
        """Return a byte a machine of a mode."""
        middle, spread = {"age": (50, 18), "temperature": (71, 6)}.get(mode, (101, 6))
        draw = random.Random(self.at // 10)  # noqa: S311  (a picture)
        return bytes(
            255 if byte & 7 != 1 else min(254, max(0, int(draw.gauss(middle, spread))))
            for byte in self.cells
        )

    def counts(self) -> list[int]:
        """Return how many machines are in which state."""
        return [sum(byte & 7 == state for byte in self.cells) for state in range(8)]

    def roster(self) -> dict[str, Any]:
        """Return the map's columns."""
        each = range(self.machines)
        return {
            "site": "hall-a",
            "gen": 1,
            "states": STATES,
            "more": 0,
            "workers": [f"r{i // PER_RACK + 1:03}.{i % PER_RACK + 1:02}" for i in each],
            "addresses": [f"10.{i >> 16}.{i >> 8 & 255}.{i & 255}" for i in each],
            "models": [MODELS[i // (PER_RACK * 7) % 3] for i in each],
            "tenants": [TENANTS[i // (PER_RACK * 5) % 4] for i in each],
            "expected_hs": [FULL_HS for _ in each],
            "expected_w": [FULL_W for _ in each],
            "racks": [f"r{i // PER_RACK + 1:03}" for i in each],
            "positions": [f"{i % PER_RACK + 1:02}" for i in each],
            "ids": [i + 1 for i in each],
        }

    def now(self) -> dict[str, Any]:
        """Return the frame of this second."""
        counts = self.counts()
        budget = self.machines * FULL_W * 0.93
        power = budget * (0.985 + self.random.gauss(0, 0.003))
        hashed = counts[1] * FULL_HS * (1 + self.random.gauss(0, 0.004))
        proved = {
            "hash_hs": hashed,
            "low_hs": hashed * 0.975,
            "high_hs": hashed * 1.026,
            "shares": 5400,
        }
        site = {
            "name": "hall-a",
            "budget_w": budget,
            "cap_hs": budget / FULL_W * FULL_HS,
            "power_w": power,
            "power_source": "meter",
            "state": "follow",
            "ruled_by": "order of plant",
            "alarms": [],
            "hashrate_hs": dict.fromkeys(("1m", "5m", "1h", "24h"), hashed),
            "miners": {
                "connected": self.machines - counts[0],
                "active": counts[1],
                "parked": counts[3] + counts[4],
            },
            "shares": {
                "accepted": 8_412_377 + self.at % 1000,
                "rejected": {"stale": 4211, "duplicate": 37, "low_difficulty": 902},
                "lost": {},
            },
            "source": "main",
        }
        rule = {
            "site": "hall-a",
            "budget_w": budget,
            "ruled_by": "order of plant",
            "next_change": self.at + 620,
            "state": "follow",
            "state_reason": "",
            "signals": [
                {"name": "plant", "lease_s": 10, "silent_s": 2, "has_lapsed": False},
                {"name": "grid", "lease_s": 90, "silent_s": None, "has_lapsed": False},
            ],
            "machines": {
                "total": self.machines,
                "unresponsive": counts[5] * 2,
                "hashing_on": counts[5],
                "silent": counts[2],
                "under_way": counts[6],
            },
            "hashrate": proved,
            "tenants": {
                name: {key: value * part for key, value in proved.items()}
                for name, part in zip(TENANTS, (0.5, 0.3, 0.2), strict=False)
            },
            "joules_per_terahash": power / hashed * 1e12,
            "expected_joules_per_terahash": 17.5,
            "alarms": [
                {
                    "alarm": "unauthorised_hash",
                    "machine": "r001.07",
                    "cause": "shares came 310 s after it was told to stop",
                    "for_s": 310,
                    "figures": {},
                }
            ],
        }
        return {
            "at": self.at,
            "status": self.status(site),
            "power": {"hall-a": rule},
        }

    def status(self, site: dict[str, Any]) -> dict[str, Any]:
        """Return the whole process at a glance."""
        return {
            "version": "0.1.0",
            "name": "unit-1",
            "state": "running",
            "uptime_s": 912_000,
            "ledger": "ok",
            "sites": [site],
            "pools": [self.pool("main", "up", ""), self.pool("spare", "standby", "")],
            "nodes": [
                {
                    "name": "core",
                    "state": "up",
                    "height": 925_114,
                    "tip": "00" * 9 + "a7" * 23,
                    "chain": "main",
                    "reason": "",
                }
            ],
            "blocks": {"found": 2, "accepted": 2},
            "by_hand": [{"kind": "machine", "name": "r014.*", "how": "parked"}],
        }

    def pool(self, name: str, state: str, reason: str) -> dict[str, Any]:
        """Return a pool and its last hours."""
        hours = [
            {
                "hour": self.at // 3600 * 3600 - 3600 * back,
                "pool": name,
                "forwarded": 61_200 - 31 * back,
                "accepted": 61_180 - 31 * back,
                "pending": 2 if back == 0 else 0,
                "rejected": {"stale": 18},
                "lost": {},
                "work": 3.1e12,
            }
            for back in reversed(range(8))
        ]
        return {
            "name": name,
            "state": state,
            "reason": reason,
            "url": f"stratum+tcp://{name}.pool.example:3333",
            "difficulty": 5.2e7,
            "accepted": 61_180 * 8,
            "rejected": 144,
            "connections": 20,
            "last_job_age_s": 11.0,
            "lost": {"pool_gone": 4},
            "hours": hours if state == "up" else [],
            "by_hand": None,
        }


EVENTS = (
    ("power", {"text": "order of plant", "watts": 65.1e6}),
    ("alarm", {"level": "warn", "text": "r001.07 hashes though it was told to stop"}),
    ("action", {"what": "park", "who": "ops", "machines": "r014.*"}),
    ("pool", {"pool": "main", "state": "up", "reason": ""}),
    ("block", {"worker": "r003.12", "height": 925_113, "verdict": "accepted"}),
)


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


class Miner(Deed):
    """Tells of a miner, or does something to it."""

    @override
    def render(self, request: Request) -> bytes:
        if request.method != b"GET":
            return super().render(request)
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
        (v1, b"pools", lambda: hall.now()["status"]["pools"]),
        (v1, b"blocks", list),
        (v1, b"events", lambda: {"last": len(events), "events": events}),
    ):
        parent.putChild(name, Json(value))
    v1.putChild(b"miners", Miner())
    site.putChild(b"plan", Plan())
    site.putChild(b"power", Deed())
    for name in (b"session", b"reload", b"drain", b"undrain", b"expire"):
        v1.putChild(name, Deed())
    for name in (b"login", b"logout"):
        root.putChild(name, Deed())
    return Site(root)


def miners(hall: Hall) -> dict[str, Any]:
    """Return one miner as a page."""
    rates = {"1m": 2.02e14, "5m": 1.99e14, "1h": 2.0e14, "24h": 1.97e14}
    miner = {
        "id": 7,
        "worker": "r001.07",
        "address": "10.0.0.6",
        "protocol": "sv2",
        "user_agent": "bmminer/2.0.0",
        "state": "active",
        "source": "main",
        "difficulty": 262_144.0,
        "hashrate_hs": rates,
        "accepted": 41_220,
        "rejected": {"stale": 18, "low_difficulty": 2},
        "connected_s": 91_000.0,
        "last_share_s": 4.0,
    }
    return {"miners": [miner], "page": 0, "pages": 1, "total": hall.machines}


def machines() -> dict[str, Any]:
    """Return one machine as a page."""
    proved = {"hash_hs": 2e14, "low_hs": 1.9e14, "high_hs": 2.1e14, "shares": 140}
    machine = {
        "machine": "r001.07",
        "worker": "r001.07",
        "model": MODELS[0],
        "tenant": "northwind",
        "held_by": "tuned",
        "told_w": FULL_W,
        "power_w": 3476.0,
        "debt_h": 1.25,
        "state": "running",
        "hashrate": proved,
        "api": "obeys",
        "fault": "",
    }
    return {"machines": [machine]}


def main(port: int, count: int) -> None:
    """Serve a hall until killed."""
    reactor: Any = installed
    hall, stream = Hall(count), Stream()

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
    main(int(sys.argv[1]), int(sys.argv[2]))
