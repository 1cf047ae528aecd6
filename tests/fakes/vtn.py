"""A utility's server (OpenADR 3.1) in memory, held to what openleadr-vtn answered.

It has the calls that an end node makes, and switches for what a real one does not show
on demand: silence, garbage, old and missing dates, other statuses.
"""

import json
import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from email.utils import formatdate
from typing import Any
from urllib.parse import parse_qsl, urlsplit
from uuid import UUID

from attrs import define, field

from proxy.signals.http_client import Answer, NoAnswerError
from tests.fakes.vtn_script import Credentials

KNOWN = Credentials("ven-hall-a", "a secret")
EXPIRES_IN = 2_592_000

_DURATION = re.compile(r"P(?:(\d+)D)?(?:T(?:(\d+)H)?(?:(\d+)M)?(?:(\d+)S)?)?")
_CONFLICT = "A foreign key constraint is violated"
_UNKNOWN = "Authorization via Bearer token in Authorization header required"
_KINDS = ("programs", "vens", "resources", "events", "reports")
_REASONS = {400: "Bad Request", 401: "Unauthorized", 404: "Not Found", 409: "Conflict"}


@define(eq=False)
class FakeVtn:
    """The server, also the `HttpClient` of who asks it.

    Attributes:
        wall: Its clock.
        silent: It answers nothing.
        override: What it answers instead, by the beginning of the path.
        date: What its dates are; None: of its clock.
        has_dates: It says when an answer was made.
        asked: Method and path of each request.
    """

    wall: Callable[[], float]
    silent: bool = False
    override: dict[str, Answer] = field(factory=dict)
    date: float | None = None
    has_dates: bool = True
    asked: list[str] = field(factory=list)
    objects: dict[str, list[dict[str, Any]]] = field(
        factory=lambda: {kind: [] for kind in _KINDS}
    )
    tokens: dict[str, str] = field(factory=lambda: {"utility": "utility"})
    between: Callable[[str], None] = field(default=lambda _: None)
    _made: int = 0

    async def ask(
        self,
        method: str,
        url: str,
        headers: Mapping[str, str],
        body: bytes | None = None,
    ) -> Answer:
        """See `HttpClient`."""
        found = urlsplit(url)
        path = f"{found.path}?{found.query}" if found.query else found.path
        self.asked.append(f"{method} {path}")
        if self.silent:
            raise NoAnswerError("no whole answer in 5 s")
        self.between(f"{method} {path}")
        for beginning, answer in self.override.items():
            if path.startswith(beginning):
                return Answer(answer.status, answer.body, self._dated(answer.headers))
        token = headers.get("authorization", "").removeprefix("Bearer ")
        status, said = self.answer(token, method, path, body)
        return Answer(status, json.dumps(said).encode(), self._dated({}))

    async def close(self) -> None:
        """See `HttpClient`."""

    def post(self, body: dict[str, Any] | bytes) -> dict[str, Any]:
        """Post an event as the utility."""
        data = body if isinstance(body, bytes) else json.dumps(body).encode()
        status, event = self.answer("utility", "POST", "/events", data)
        assert status == 201
        found: dict[str, Any] = event
        return found

    def cancel(self, event: dict[str, Any]) -> int:
        """Take an event back as the utility; return the status."""
        return self.answer("utility", "DELETE", f"/events/{event['id']}", None)[0]

    def answer(  # noqa: PLR0911
        self, token: str, method: str, path: str, body: bytes | None
    ) -> tuple[int, Any]:
        """Return status and answer of a request."""
        found = urlsplit(path)
        query = dict(parse_qsl(found.query))
        if found.path == "/auth/token":
            return self._token(dict(parse_qsl((body or b"").decode())))
        who = next((n for n, known in self.tokens.items() if known == token), None)
        if who is None:
            return self._problem(401, _UNKNOWN)
        kind, _, name = found.path.strip("/").partition("/")
        if method == "GET":
            return self._list(who, kind, query)
        if method == "POST":
            return self._make(who, kind, json.loads(body or b""))
        one = next((o for o in self.objects[kind] if o["id"] == name), None)
        if one is None:
            return self._problem(404)
        if method == "PUT":
            one.update(json.loads(body or b""))
            return 200, self._spelt(one)
        return self._delete(kind, one)

    def _delete(self, kind: str, one: dict[str, Any]) -> tuple[int, Any]:
        if any(r.get("eventID") == one["id"] for r in self.objects["reports"]):
            return self._problem(409, _CONFLICT)
        self.objects[kind].remove(one)
        return 200, self._spelt(one)

    def _token(self, form: dict[str, str]) -> tuple[int, Any]:
        if Credentials(form["client_id"], form["client_secret"]) != KNOWN:
            why = {"error_description": "Invalid client_id or client_secret"}
            return 401, {"error": "invalid_client"} | why
        self._made += 1
        self.tokens[KNOWN.client_id] = f"token-{self._made}"
        shown = {"access_token": self.tokens[KNOWN.client_id], "token_type": "Bearer"}
        return 200, shown | {"expires_in": EXPIRES_IN}

    def _list(self, who: str, kind: str, query: dict[str, str]) -> tuple[int, Any]:
        limit, skip = int(query.get("limit", 50)), int(query.get("skip", 0))
        if limit > 50:
            return self._problem(400, "limit: Validation error: range")
        names = {"programID", "venName", "clientName"} & query.keys()
        found = [
            one
            for one in self.objects[kind]
            if all(one.get(name) == query[name] for name in names)
            and (who == "utility" or self._may_see(who, one))
        ]
        return 200, [self._spelt(one) for one in found[skip : skip + limit]]

    def _may_see(self, who: str, one: dict[str, Any]) -> bool:
        """Tell whether an end node sees an object (3.1, object privacy)."""
        own = [v for v in self.objects["vens"] if v["clientID"] == who]
        names = {target for ven in own for target in ven["targets"]}
        targets = one.get("targets") or []
        return one in own or not targets or not names.isdisjoint(targets)

    def _make(self, who: str, kind: str, body: dict[str, Any]) -> tuple[int, Any]:
        events = {event["id"] for event in self.objects["events"]}
        if kind == "reports" and body["eventID"] not in events:
            return self._problem(409, _CONFLICT)
        self._made += 1
        one = {
            "id": str(UUID(int=self._made)),
            "createdDateTime": _written(self.wall()),
            "modificationDateTime": _written(self.wall()),
        } | body
        if kind == "vens":
            one = {k: v for k, v in one.items() if k != "objectType"}
            one |= {"clientID": who, "targets": []}
        if kind == "programs":
            one |= {"objectType": "PROGRAM", "targets": []}
        if kind == "events":
            one |= {
                "priority": body.get("priority"),
                "targets": body.get("targets", []),
            }
        if kind == "reports":
            one |= {"clientID": who}
        self.objects[kind].insert(0, one)
        self.objects["events"].sort(key=_rank)
        return 201, self._spelt(one)

    def _spelt(self, one: dict[str, Any]) -> dict[str, Any]:
        """Return an object as the real server spells it."""
        found: dict[str, Any] = json.loads(json.dumps(one))
        for descriptor in found.get("payloadDescriptors") or ():
            descriptor.pop("objectType", None)
            if descriptor.get("readingType") == "DIRECT_READ":
                del descriptor["readingType"]
        _spell(found)
        return found

    def _problem(self, status: int, detail: str | None = None) -> tuple[int, Any]:
        self._made += 1
        title = f"{status} {_REASONS[status]}"
        problem = {"type": "about:blank", "title": title, "status": status}
        if detail is not None:
            problem["detail"] = detail
        return status, problem | {"instance": str(UUID(int=self._made))}

    def _dated(self, headers: Mapping[str, str]) -> Mapping[str, str]:
        at = self.wall() if self.date is None else self.date
        dated = {"date": formatdate(at, usegmt=True)} if self.has_dates else {}
        return dated | dict(headers)


def _rank(event: dict[str, Any]) -> tuple[bool, int]:
    priority = event["priority"]
    return priority is None, priority or 0


def _written(at: float) -> str:
    return datetime.fromtimestamp(at, UTC).isoformat()


def _spell(found: Any) -> None:
    """Spell durations out, in all of an object."""
    if isinstance(found, list):
        for one in found:
            _spell(one)
    if isinstance(found, dict):
        for name, value in found.items():
            parts = _DURATION.fullmatch(value) if name == "duration" else None
            if parts is not None:
                days, hours, minutes, seconds = (part or "0" for part in parts.groups())
                found[name] = f"P0Y0M{days}DT{hours}H{minutes}M{seconds}S"
            else:
                _spell(value)
