"""What an end node and its utility ask a server for, one after another.

`tests/peers` puts it to openleadr-vtn and compares with what was recorded of it;
`tests/unit/signals/test_fake_vtn.py` holds the fake to the same record.
"""

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from attrs import frozen

from protocol.openadr.reports import Ack, Measured, report_of
from protocol.units import Seconds, UnixTime

RECORDED = Path(__file__).parent / "vtn_recorded.json"

Ask = Callable[[str, str, str, bytes | None], tuple[int, Any]]
"""Takes who asks (`utility`, `node`, or nobody), method, path and body."""

_ID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")
_TIME = re.compile(r"2\d{3}-\d\d-\d\dT[0-9:.]+(Z|\+00:00)")
_RANGE = re.compile(r"range \[\{.*?\}\]")  # in another order each time
_TOKEN = re.compile(r'"access_token": "[^"]+"')


@frozen
class Credentials:
    """What the end node shows for a token."""

    client_id: str
    client_secret: str

    @property
    def form(self) -> bytes:
        shown = {"client_id": self.client_id, "client_secret": self.client_secret}
        return urlencode({"grant_type": "client_credentials"} | shown).encode()


def event(program: str, kilowatts: float, **more: Any) -> bytes:
    kind = "IMPORT_CAPACITY_LIMIT"
    described = {"objectType": "EVENT_PAYLOAD_DESCRIPTOR", "payloadType": kind}
    body = {
        "objectType": "EVENT",
        "programID": program,
        "eventName": "script",
        "payloadDescriptors": [described | {"units": "KW"}],
        "intervalPeriod": {"start": "2026-11-30T12:00:00Z", "duration": "PT15M"},
        "intervals": [{"id": 0, "payloads": [{"type": kind, "values": [kilowatts]}]}],
    } | more
    return json.dumps(body).encode()


def report(event_id: str) -> bytes:
    measured = Measured(UnixTime(1_796_040_000.0), Seconds(60.0), 44_870.5, 48_000.0)
    return report_of(event_id, "script", "hall-a", measured, [Ack(event_id, "TAKEN")])


def run(ask: Ask, known: Credentials) -> list[Any]:
    """Put the script to a server; return its answers without ids and times."""
    found: list[Any] = []

    def say(who: str, method: str, path: str, body: bytes | None = None) -> Any:
        status, answer = ask(who, method, path, body)
        if path.startswith("/programs?"):  # there may be others
            answer = [one for one in answer if one["programName"] == "script"]
        found.append([f"{who} {method} {_plain(path)}", status, _plain(answer)])
        return answer

    wrong = Credentials(known.client_id, "a guess")
    say("", "POST", "/auth/token", wrong.form)
    say("", "POST", "/auth/token", known.form)
    say("", "GET", "/events?skip=0&limit=50")
    program = say("utility", "POST", "/programs", b'{"programName":"script"}')["id"]
    say("node", "GET", "/programs?skip=0&limit=50")
    say("node", "GET", "/vens?venName=script")
    node = b'{"objectType":"VEN_VEN_REQUEST","venName":"script"}'
    ven = say("node", "POST", "/vens", node)["id"]
    say("node", "GET", "/vens?venName=script")
    say("node", "GET", f"/resources?venID={ven}&limit=50")
    low = say("utility", "POST", "/events", event(program, 30.0))["id"]
    say("utility", "POST", "/events", event(program, 20.0, priority=1))
    say("utility", "POST", "/events", event(program, 10.0, targets=["others"]))
    events = f"/events?skip=0&limit=50&programID={program}"
    say("node", "GET", events)
    say("node", "GET", f"/events?skip=1&limit=1&programID={program}")
    say("node", "GET", "/events?limit=51")
    made = say("node", "POST", "/reports", report(low))["id"]
    say("node", "PUT", f"/reports/{made}", report(low))
    say("node", "GET", "/reports?clientName=script&limit=50")
    say("utility", "DELETE", f"/events/{low}")  # a report names it
    say("node", "DELETE", f"/reports/{made}")
    say("utility", "DELETE", f"/events/{low}")
    say("node", "DELETE", f"/reports/{made}")
    say("node", "PUT", f"/reports/{made}", report(low))
    say("node", "POST", "/reports", report(low))
    say("node", "GET", events)
    return found


def recorded() -> list[Any]:
    """Return what openleadr-vtn answered."""
    found: list[Any] = json.loads(RECORDED.read_text())
    return found


def _plain(answer: Any) -> Any:
    """Return an answer without what is another one each time."""
    text = json.dumps(answer)
    for pattern, instead in (
        (_ID, "ID"),
        (_TIME, "TIME"),
        (_RANGE, "range"),
        (_TOKEN, '"access_token": "TOKEN"'),
    ):
        text = pattern.sub(instead, text)
    return json.loads(text)
