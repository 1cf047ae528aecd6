"""What operators read: one line an event, as text or JSON, without secrets."""

import json
from collections.abc import Callable, Iterable
from typing import Any, TextIO

from twisted.logger import (
    FilteringLogObserver,
    ILogObserver,
    LogEvent,
    LogLevel,
    LogLevelFilterPredicate,
    eventAsText,
    formatEvent,
    formatTime,
)
from zope.interface import implementer

MAX_LINE_CHARS = 4096

HIDDEN = "***"

_NO_FIELDS = frozenset({"format", "message", "time", "isError", "system"})


@implementer(ILogObserver)
class LineObserver:
    """Writes events as lines; secrets are blotted out, control characters escaped."""

    def __init__(self, out: TextIO, *, as_json: bool, secrets: Iterable[str]) -> None:
        self._out = out
        self._render = _json_line if as_json else _text_line
        # "x" is what pools expect by custom: it is no secret, and in every word
        self._secrets = tuple(s for s in secrets if len(s) > 1)

    def __call__(self, event: LogEvent) -> None:
        """Write `event`."""
        line = self._render(event)
        for secret in self._secrets:
            line = line.replace(secret, HIDDEN)
        self._out.write(line + "\n")
        self._out.flush()


def observer(
    out: TextIO, *, as_json: bool, secrets: Iterable[str], level: str = "info"
) -> tuple[ILogObserver, Callable[[str], None]]:
    """Return an observer, and a function that changes its level."""
    predicate = LogLevelFilterPredicate(LogLevel.levelWithName(level))
    lines = LineObserver(out, as_json=as_json, secrets=secrets)

    def set_level(name: str) -> None:
        predicate.setLogLevelForNamespace("", LogLevel.levelWithName(name))

    return FilteringLogObserver(lines, [predicate]), set_level


def _text_line(event: LogEvent) -> str:
    level = event.get("log_level")
    name = level.name if level is not None else "info"
    text = eventAsText(event, includeTimestamp=False, includeSystem=False)
    return _safe(f"{formatTime(event.get('log_time'))} {name:8} {text}")


def _json_line(event: LogEvent) -> str:
    level = event.get("log_level")
    fields: dict[str, Any] = {
        "at": event.get("log_time"),
        "level": level.name if level is not None else "info",
        "from": event.get("log_namespace"),
        "text": formatEvent(event)[:MAX_LINE_CHARS],
    }
    if "log_failure" in event:
        fields["failure"] = event["log_failure"].getTraceback()[-MAX_LINE_CHARS:]
    for key, value in event.items():
        if not key.startswith("log_") and key not in _NO_FIELDS:
            fields.setdefault(
                key, value if isinstance(value, int | float) else str(value)
            )
    return json.dumps(fields)


def _safe(text: str) -> str:
    """Escape what could forge a line or move a terminal's cursor, but tracebacks."""
    return "".join(
        c if c.isprintable() or c in "\n\t" else f"\\x{ord(c):02x}"
        for c in text[:MAX_LINE_CHARS]
    )
