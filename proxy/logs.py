"""What operators read: one line an event, as text or JSON, without secrets."""

import json
from collections.abc import Callable, Iterable, Iterator
from typing import Any, TextIO

from twisted.logger import (
    FilteringLogObserver,
    ILogObserver,
    LogEvent,
    LogLevel,
    LogLevelFilterPredicate,
    formatEvent,
    formatTime,
)
from zope.interface import implementer

MAX_LINE_CHARS = 4096

HIDDEN = "***"

_SECRET_KEYS = ("password", "token", "cookie")
_NO_FIELDS = frozenset({"format", "message", "time", "isError", "system"})
_LATIN = 0x100


class Blotter:
    """Takes secrets out of what is about to be written.

    Args:
        secrets: Texts that no line may hold. One of a single character is left:
            "x" is what pools expect by custom, and it is in every word.
    """

    def __init__(self, secrets: Iterable[str]) -> None:
        # the longest first: one may begin with another
        self._secrets = sorted({s for s in secrets if len(s) > 1}, key=len)[::-1]

    def blot(self, text: str) -> str:
        """Return `text` without the secrets, and no longer than a line may be."""
        for secret in self._secrets:
            text = text.replace(secret, HIDDEN)
        return text[:MAX_LINE_CHARS]


@implementer(ILogObserver)
class LineObserver:
    """Writes events as lines; secrets are blotted out, control characters escaped."""

    def __init__(self, out: TextIO, *, as_json: bool, secrets: Iterable[str]) -> None:
        self._out = out
        self._render = _json_line if as_json else _text_lines
        self._blot = Blotter(secrets).blot

    def __call__(self, event: LogEvent) -> None:
        """Write `event`."""
        self._out.write(self._render(_without_secret_keys(event), self._blot) + "\n")
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


def _without_secret_keys(event: LogEvent) -> LogEvent:
    hidden = [k for k in event if any(word in k.lower() for word in _SECRET_KEYS)]
    return {**event, **dict.fromkeys(hidden, HIDDEN)} if hidden else event


def _text_lines(event: LogEvent, blot: Callable[[str], str]) -> str:
    head = f"{formatTime(event.get('log_time'))} {_level(event):8} "
    text = head + escaped(blot(formatEvent(event)))
    return "\n".join([text, *(escaped(blot(line)) for line in _traceback(event))])


def _json_line(event: LogEvent, blot: Callable[[str], str]) -> str:
    fields: dict[str, Any] = {
        "at": event.get("log_time"),
        "level": _level(event),
        "from": event.get("log_namespace"),
        "text": blot(formatEvent(event)),
    }
    if traceback := list(_traceback(event)):
        fields["failure"] = [blot(line) for line in traceback]
    for key, value in event.items():
        if not key.startswith("log_") and key not in _NO_FIELDS:
            fields.setdefault(key, _plain(value, blot))
    return json.dumps(fields)


def _plain(value: object, blot: Callable[[str], str]) -> object:
    is_number = isinstance(value, int | float) and value == value  # noqa: PLR0124
    return value if is_number else blot(str(value))


def _level(event: LogEvent) -> str:
    level = event.get("log_level")
    return level.name if level is not None else "info"


def _traceback(event: LogEvent) -> Iterator[str]:
    if "log_failure" in event:
        for line in event["log_failure"].getTraceback().splitlines():
            yield f"    {line}"


def escaped(text: str) -> str:
    """Return `text` without what forges a line or moves a terminal's cursor."""
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() else _escape(ord(c)) for c in text)


def _escape(code: int) -> str:
    return f"\\x{code:02x}" if code < _LATIN else f"\\u{code:04x}"
