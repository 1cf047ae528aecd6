"""What subscribers hear of an event."""

import json

import msgspec

from proxy.controller.notify import tell
from proxy.power.journal.chain import Event, rows_after
from proxy.power.link.messages import EventNotice, Up


def _heard(kind: str, body: dict[str, object]) -> dict[str, object]:
    (row,) = rows_after(0, bytes(32), [Event(9.0, "hall-a", kind, "why", body)])
    sent: list[Up] = []
    tell(row, sent.append)
    (notice,) = sent
    assert isinstance(notice, EventNotice)
    assert notice.topic == "power"
    said: dict[str, object] = json.loads(msgspec.json.encode(notice.value))
    return said


def test_of_a_document_who_signed_is_told_and_its_text_is_not() -> None:
    long = {"document": "x" * 4096, "signatures": [{"key": "a", "value": "y" * 2000}]}
    short = {"id": "ab", "verdict": "pending", "keys": ["host-1"], "needs": ["plant"]}
    for kind in ("document", "policy"):
        assert _heard(kind, {**long, **short})["body"] == short


def test_other_events_are_told_whole() -> None:
    body: dict[str, object] = {"watts": 5.0, "document": "a word"}
    assert _heard("order", body)["body"] == body
