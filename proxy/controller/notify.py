"""Which events of the log are told at once, and to whom."""

from collections.abc import Callable

import msgspec
from msgspec import Raw
from twisted.logger import Logger

from proxy.power.journal.chain import Row
from proxy.power.link.messages import EventNotice, Up

TOPICS = {
    "order": "power",
    "document": "power",
    "policy": "power",
    "presence": "power",
    "refused": "power",
    "withdraw": "power",
    "hold": "power",
    "budget": "power",
    "state": "power",
    "cap": "power",
    "start": "power",
    "relay": "power",
    "unresponsive": "power",
    "responsive": "power",
    "leader": "power",
    "member": "power",
    "alarm": "alarm",
    "cleared": "alarm",
}
"""Kinds of events that subscribers hear of; single commands are in the log alone."""

SIGNED = ("document", "policy")
"""Kinds whose body has a text and its signatures."""

_LOGGED = frozenset({"state", "budget", "relay", "cleared", *SIGNED, "presence"})
_LONG = ("document", "signatures")
"""What is in the log alone of a document that was signed: up to 60 kB."""

_TEXT = "{site}: {kind}: {cause} {body}"

_log = Logger()


def tell(row: Row, send: Callable[[Up], None]) -> None:
    """Send an event to those who subscribed, and to the log if it is one to read."""
    topic = TOPICS.get(row.kind)
    if topic is None:
        return
    text = _short(row.text) if row.kind in SIGNED else row.text
    said = {
        "site": row.site,
        "at": row.at,
        "kind": row.kind,
        "cause": row.cause,
        "body": Raw(text),
    }
    send(EventNotice(topic, Raw(msgspec.json.encode(said))))
    words = {
        "site": row.site,
        "kind": row.kind,
        "cause": row.cause,
        "body": text.decode(),
    }
    if row.kind == "alarm":
        _log.error(_TEXT, **words)
    elif row.kind in _LOGGED:
        _log.info(_TEXT, **words)


def _short(text: bytes) -> bytes:
    """Return the body of a document's event without its text and signatures."""
    body = msgspec.json.decode(text)
    said = {k: v for k, v in body.items() if k not in _LONG}
    return msgspec.json.encode(said)
