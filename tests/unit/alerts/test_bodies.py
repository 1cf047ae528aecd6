"""What receivers read."""

from email import message_from_bytes
from email.policy import default

import msgspec

from protocol.units import UnixTime
from proxy.alerts import bodies
from proxy.alerts.alarm import Alarm
from proxy.alerts.delivery import Notice

AT = 1_700_000_000.0
TRIP = Alarm("trip", "hall-a", "critical", "zu viel: über 3 MW", (), 0, AT)
DOWN = Alarm("pool_down", "", "warning", "a pool is away", ("main",), 3, AT, AT + 60)
BOTH = [Notice(DOWN, "cleared"), Notice(TRIP, "begins")]


def test_the_worst_comes_first_and_what_is_over_last() -> None:
    assert bodies.text(BOTH).splitlines() == [
        "CRITICAL hall-a: zu viel: über 3 MW, since 2023-11-14 22:13 UTC",
        (
            "WARNING over: a pool is away (main and 2 more),"
            " 2023-11-14 22:13 UTC to 2023-11-14 22:14 UTC"
        ),
    ]


def test_alertmanager_learns_the_end_or_until_when_it_stands() -> None:
    down, trip = bodies.alertmanager("unit-1", BOTH, UnixTime(AT + 240))
    assert trip == {
        "labels": {
            "alertname": "trip",
            "instance": "unit-1",
            "severity": "critical",
            "site": "hall-a",
        },
        "annotations": {"summary": "zu viel: über 3 MW"},
        "startsAt": "2023-11-14T22:13:20Z",
        "endsAt": "2023-11-14T22:17:20Z",
    }
    assert down["endsAt"] == "2023-11-14T22:14:20Z"
    assert down["annotations"] == {
        "summary": "a pool is away",
        "names": "main",
        "count": "3",
    }


def test_a_webhook_reads_as_alertmanagers_own() -> None:
    body = bodies.webhook("unit-1", "pager", BOTH)
    assert msgspec.json.decode(msgspec.json.encode(body)) == body
    assert body["version"] == "4"
    assert body["status"] == "firing"
    assert [alert["status"] for alert in body["alerts"]] == ["resolved", "firing"]
    assert bodies.webhook("unit-1", "pager", BOTH[:1])["status"] == "resolved"
    known = {alert["fingerprint"] for alert in body["alerts"]}
    assert len(known) == 2


def test_headers_of_ntfy_are_ascii_and_rank_it() -> None:
    headers = bodies.ntfy_headers("unit-1", BOTH)
    assert headers == {
        "Title": "unit-1: critical: trip",
        "Priority": "5",
        "Tags": "rotating_light",
    }
    assert bodies.ntfy_headers("unit-1", BOTH[:1])["Priority"] == "3"


def test_mail_can_be_read_back() -> None:
    to = ["a@x.example", "b@x.example"]
    data = bodies.mail("unit-1", "proxy@x.example", to, BOTH, UnixTime(AT))
    message = message_from_bytes(data, policy=default)
    assert message["Subject"] == "unit-1: critical: trip"
    assert message["To"] == "a@x.example, b@x.example"
    assert "über 3 MW" in message.get_content()
