"""Make text of miners and pools safe to show on a terminal."""

from typing import Any


def printable(value: Any) -> Any:
    """Return a JSON value whose texts move no cursor and begin no line.

    What a worker is called, or why a pool says that it refuses, is up to them.
    """
    match value:
        case str():
            return value if value.isprintable() else _escaped(value)
        case list():
            return [printable(item) for item in value]
        case dict():
            return {printable(key): printable(item) for key, item in value.items()}
    return value


def _escaped(text: str) -> str:
    return "".join(c if c.isprintable() else f"\\u{ord(c):04x}" for c in text)
