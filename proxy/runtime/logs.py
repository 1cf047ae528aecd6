"""What operators read: one line an event, as text or JSON, without secrets."""

import json
import math
import sys
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

from attrs import frozen
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

from proxy.runtime.debugging import want_debug_lines
from proxy.runtime.log_file import FileOut
from proxy.runtime.log_limit import Kind, KindLimit
from proxy.runtime.log_writer import DescriptorOut, LogWriter, Out

MAX_LINE_CHARS = 4096
MAX_TRACEBACK_LINES = 60
"""Of a deep recursion: its end says what failed."""

HIDDEN = "***"

LIBRARIES = ("twisted", "treq", "log_legacy")
"""Whose lines are written from level warn on: of each connection they would tell.
`log_legacy` is what Twisted calls its older parts. At level debug all are written."""

_SECRET_KEYS = ("password", "token", "cookie")
_NO_FIELDS = frozenset({"format", "message", "time", "isError", "system"})
_LATIN = 0x100


class SecretRedactor:
    """Takes secrets out of what is about to be written.

    Args:
        secrets: Texts that no line may hold. One of a single character is left:
            "x" is what pools expect by custom, and it is in every word.
    """

    def __init__(self, secrets: Iterable[str]) -> None:
        self._secrets: list[str] = []
        self.add(secrets)

    def add(self, secrets: Iterable[str]) -> None:
        """Take out these, too; those of before may still be on their way to a line."""
        found = {*self._secrets, *(s for s in secrets if len(s) > 1)}
        # the longest first: one may begin with another
        self._secrets = sorted(found, key=len)[::-1]

    def blot(self, text: str) -> str:
        """Return `text` without the secrets, and no longer than a line may be."""
        # Before the text is cut to its length, which could leave half a secret.
        for secret in self._secrets:
            text = text.replace(secret, HIDDEN)
        return text[:MAX_LINE_CHARS]


@implementer(ILogObserver)
class LineObserver:
    """Writes events as lines; secrets are blotted out, control characters escaped.

    Attributes:
        limit: How many lines of a kind are written.
        redactor: Knows the secrets.
    """

    def __init__(
        self, write: Callable[[str], object], *, as_json: bool, secrets: Iterable[str]
    ) -> None:
        self.limit = KindLimit()
        self._write = write
        self._render = _json_line if as_json else _text_lines
        self.redactor = SecretRedactor(secrets)

    def __call__(self, event: LogEvent) -> None:
        """Write `event`, if there were not too many of its kind."""
        # Before the event is made into text: what is left out costs no formatting.
        if self.limit.admits(kind_of(event), event.get("log_time", 0.0)):
            self._write(self.line_of(event))

    def line_of(self, event: LogEvent) -> str:
        """Return `event` as it is written."""
        return self._render(_without_secret_keys(event), self.redactor.blot) + "\n"

    def left_out(self, now: float, *, is_last: bool) -> Iterator[str]:
        """Yield a line for each kind of which lines were left out in a minute.

        Args:
            now: Wall clock.
            is_last: Also where the minute is not over.
        """
        until = math.inf if is_last else now
        for kind, count in self.limit.left_out(until).items():
            text = "{count} more lines left out: {what}"
            what = ": ".join(filter(None, kind))
            yield self.line_of(_told(now, text, count, what))


def file_or_stderr(path: str | None, max_bytes: int, keep: int) -> Out:
    """Return where a log is written to.

    Raises:
        OSError: The file cannot be opened.
    """
    if path is None:
        return DescriptorOut(sys.stderr.fileno())
    return FileOut(Path(path), max_bytes, keep)


@frozen
class Log:
    """The log of a process.

    Attributes:
        observer: Takes events; it never blocks.
        redactor: Knows the secrets that no line may hold.
        set_level: Sets the least level that is written.
        reopen: Opens the log's file again, if it has one; from any thread.
        close: Writes what waits. Nothing is written off the reactor after that.
    """

    observer: ILogObserver
    redactor: SecretRedactor
    set_level: Callable[[str], None]
    reopen: Callable[[], None]
    close: Callable[[], None]


def open_log(
    wall_clock: Callable[[], float],
    *,
    as_json: bool,
    secrets: Iterable[str],
    level: str,
    out: Out,
) -> Log:
    """Return a log that is written by a thread of its own.

    Args:
        wall_clock: Returns Unix seconds.
        as_json: Write an object a line, else text.
        secrets: Texts that no line may hold.
        level: The least level that is written.
        out: Where to; used by that thread alone.
    """

    def overdue(refused: int, is_last: bool) -> Iterator[str]:  # noqa: FBT001
        now = wall_clock()
        if refused:
            text = "{count} lines left out: {what}"
            yield lines.line_of(_told(now, text, refused, "the log was not read"))
        yield from lines.left_out(now, is_last=is_last)

    reopen = out.reopen if isinstance(out, FileOut) else lambda: None
    writer = LogWriter(out, overdue)
    lines = LineObserver(writer.write, as_json=as_json, secrets=secrets)
    writer.start()
    filtered, set_level = _filtered(lines, level)
    return Log(filtered, lines.redactor, set_level, reopen, writer.close)


def observer(
    out: Out, *, as_json: bool, secrets: Iterable[str], level: str = "info"
) -> tuple[ILogObserver, Callable[[str], None]]:
    """Return an observer that writes at once, and a function that sets its level."""
    lines = LineObserver(out.write, as_json=as_json, secrets=secrets)
    return _filtered(lines, level)


def _filtered(
    lines: LineObserver, level: str
) -> tuple[ILogObserver, Callable[[str], None]]:
    predicate = LogLevelFilterPredicate()

    def set_level(name: str) -> None:
        least = LogLevel.levelWithName(name)
        predicate.setLogLevelForNamespace("", least)
        want_debug_lines(least == LogLevel.debug)
        of_libraries = LogLevel.warn if least == LogLevel.info else least
        for library in LIBRARIES:
            predicate.setLogLevelForNamespace(library, of_libraries)

    set_level(level)
    return FilteringLogObserver(lines, [predicate]), set_level


def kind_of(event: LogEvent) -> Kind:
    """Return which lines are counted together: one statement, at one site or pool.

    All of it comes from the code and the configuration, nothing from a peer.
    """
    text = str(event.get("statement") or event.get("log_format"))
    # A flood at one pool must not hide another pool's line.
    for key in ("site", "pool"):
        if key in event:
            text = text.replace(f"{{{key}}}", str(event[key]))
    return str(event.get("log_namespace")), text


def _told(now: float, text: str, count: int, what: str) -> LogEvent:
    return {
        "log_time": now,
        "log_level": LogLevel.warn,
        "log_namespace": __name__,
        "log_format": text,
        "count": count,
        "what": what,
    }


def _without_secret_keys(event: LogEvent) -> LogEvent:
    hidden = [k for k in event if any(word in k.lower() for word in _SECRET_KEYS)]
    return {**event, **dict.fromkeys(hidden, HIDDEN)} if hidden else event


def _text_lines(event: LogEvent, blot: Callable[[str], str]) -> str:
    head = f"{formatTime(event.get('log_time'))} {_level(event):8} "
    # Secrets first: escaping could change how one is spelled.
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
    # NaN and infinity are no JSON: they are written as text.
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)
    return value if isinstance(value, int | float) else blot(str(value))


def _level(event: LogEvent) -> str:
    level = event.get("log_level")
    return level.name if level is not None else "info"


def _traceback(event: LogEvent) -> Iterator[str]:
    if "log_failure" in event:
        lines = event["log_failure"].getTraceback().splitlines()
        for line in lines[-MAX_TRACEBACK_LINES:]:
            yield f"    {line}"


def escaped(text: str) -> str:
    """Return `text` without what forges a line or moves a terminal's cursor."""
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() else _escape(ord(c)) for c in text)


def _escape(code: int) -> str:
    return f"\\x{code:02x}" if code < _LATIN else f"\\u{code:04x}"
