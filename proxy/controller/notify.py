"""Which events of the log are told at once, and to whom."""

from collections.abc import Callable

import msgspec
from msgspec import Raw
from twisted.logger import Logger

from proxy.power.journal.chain import Row
from proxy.power.link.messages import EventNotice, Up

TOPICS = {
    "order": "power",
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

_LOGGED = frozenset({"state", "budget", "relay", "cleared"})
_TEXT = "{site}: {kind}: {cause} {body}"

_log = Logger()


def tell(row: Row, send: Callable[[Up], None]) -> None:
    """Send an event to those who subscribed, and to the log if it is one to read."""
    topic = TOPICS.get(row.kind)
    if topic is None:
        return
    said = {
        "site": row.site,
        "at": row.at,
        "kind": row.kind,
        "cause": row.cause,
        "body": Raw(row.text),
    }
    send(EventNotice(topic, Raw(msgspec.json.encode(said))))
    words = {
        "site": row.site,
        "kind": row.kind,
        "cause": row.cause,
        "body": row.text.decode(),
    }
    if row.kind == "alarm":
        _log.error(_TEXT, **words)
    elif row.kind in _LOGGED:
        _log.info(_TEXT, **words)
