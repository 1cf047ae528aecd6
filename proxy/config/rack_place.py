"""Where a machine is in the hall, as far as its name or its address says it."""

import re
from collections.abc import Sequence

from attrs import frozen

PIECES = ("hall", "row", "rack", "shelf", "pos")
"""From the largest to the smallest; what comes before `shelf` tells racks apart."""

RACK_PIECES = PIECES[:3]

MAX_PATTERN_CHARS = 128
MAX_PIECE_CHARS = 16
"""Bounds what a name can make a pattern try: each piece ends at a letter of its own."""

_PIECE = re.compile(r"\{([^{}]*)\}|\*")
_LAST = re.compile(r"(.+)[./-]([^./-]*\d[^./-]*)")
_NUMBER = re.compile(r"(.*\D)(\d+)")


@frozen
class Place:
    """A machine's rack, and where it is in there; empty: nothing says it."""

    rack: str = ""
    position: str = ""


def place_pattern(text: str) -> re.Pattern[str]:
    """Return what finds the pieces of a place in a name: `{hall}-r{rack}.{pos}`.

    A piece is of up to 16 letters and digits, `*` is anything, all else is itself.

    Raises:
        ValueError: It is no pattern; the message says why.
    """
    if not 0 < len(text) <= MAX_PATTERN_CHARS:
        raise ValueError(f"Expected 1 to {MAX_PATTERN_CHARS} characters")
    found, at, was_piece = "", 0, False
    names: list[str] = []
    for match in _PIECE.finditer(text):
        between = text[at : match.start()]
        if was_piece and not between:
            raise ValueError(f"Expected something between {text[:at]!r} and the rest")
        name = match[1]
        if name is not None and name not in PIECES:
            known = ", ".join(f"{{{piece}}}" for piece in PIECES)
            raise ValueError(f"Expected {known} or *, got {{{name}}}")
        if name in names:
            raise ValueError(f"Expected {{{name}}} once")
        names += [name] if name else []
        piece = f"(?P<{name}>[^\\W_]{{1,{MAX_PIECE_CHARS}}}?)" if name else ".*"
        found += re.escape(between) + piece
        at, was_piece = match.end(), True
    if not names:
        raise ValueError("Expected a piece: {rack}, {pos}")
    if "*" in text and text.count("*") > 1:
        raise ValueError("Expected one * at most")
    return re.compile(found + re.escape(text[at:]), re.DOTALL)


def place_of(patterns: Sequence[re.Pattern[str]], worker: str, address: str) -> Place:
    """Return where a machine is: by a pattern, else by its name, else its address.

    A name says it where its last part has a digit: `rack-a.012`, `R1L1N2`, `c3.r12.s4`;
    of an IPv4 address the last part is the position.

    Args:
        patterns: Tried in order, each on the name and then on the address.
        worker: Name that it works under; empty: it has not said one.
        address: Of its peer.
    """
    for pattern in patterns:
        match = pattern.fullmatch(worker) or pattern.fullmatch(address)
        if match is not None:
            return _of_pieces(match.groupdict())
    return _in(worker) or _in(address) or Place("", worker or address)


def _of_pieces(pieces: dict[str, str]) -> Place:
    rack = " ".join(f"{name} {pieces[name]}" for name in RACK_PIECES if name in pieces)
    rest = [pieces[name] for name in ("shelf", "pos") if name in pieces]
    return Place(rack, ".".join(rest))


def _in(name: str) -> Place | None:
    match = _LAST.fullmatch(name) or _NUMBER.fullmatch(name)
    return None if match is None else Place(match[1], match[2])
