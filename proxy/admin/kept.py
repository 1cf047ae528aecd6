"""The file of what operators hold by hand, read as far as it can be.

Somebody may be at work on machines that are parked, so that a file that is damaged, or
edited by hand, or of a later release, must not release those that it still names.
"""

import re
from typing import Annotated, Literal, TypeVar

import msgspec
from msgspec import Meta, Struct

from protocol.unreadable import UNREADABLE

BY_HAND_FILE = "by_hand.json"
"""In `state_dir`."""

MAX_SALVAGED_BYTES = 1 << 20
"""Of a damaged file: the largest of ours has 256 holds of 256 characters."""

How = Literal["preferred", "disabled"]

Moment = Annotated[float, Meta(ge=0, le=1e11)]
"""Unix seconds that are a date: a later one cannot be shown."""


class SourceOrder(Struct, frozen=True):
    """What is to be done with a source.

    Attributes:
        how: `preferred`: before all others of a route; `disabled`: not used at all.
        since: When that was said, Unix seconds.
        until: When it ends by itself; None: when an operator ends it.
    """

    how: How
    since: Moment
    until: Moment | None = None


class Hold(Struct, frozen=True):
    """Machines that are parked by hand.

    Attributes:
        machines: See `machines.holds.Holds`.
        since: When that was said, Unix seconds.
    """

    machines: str
    since: Moment


class Drain(Struct, frozen=True):
    """A site that is drained.

    Attributes:
        site: Its name.
        since: When that was said, Unix seconds.
    """

    site: str
    since: Moment


class Kept(Struct):
    """The file. What a later release adds is passed over.

    Attributes:
        sources: By name, those said last at the end.
        parked: Each once.
        drained: Each once.
    """

    sources: dict[str, SourceOrder] = {}
    parked: list[Hold] = []
    drained: list[Drain] = []

    @property
    def count(self) -> int:
        """How much is held."""
        return len(self.sources) + len(self.parked) + len(self.drained)


class _Named(Struct):
    """All that a hold cannot do without."""

    machines: str


_TEXT = rb'"(?:[^"\\]|\\.)*"'
_ROWS = re.compile(rb"(?:(%b)\s*:\s*)?(\{[^{}]*\})" % _TEXT)
"""Objects that hold no other, each with its key if it has one."""

_CUT_HOLD = re.compile(rb'\{\s*"machines"\s*:\s*(%b)[^{}]*$' % _TEXT)
"""A hold that the file ends in: whom it is about stands at its head."""


def read_kept(data: bytes, now: float) -> tuple[Kept, str]:
    """Return what `data` says, as far as it can be made out, and what is wrong with it.

    Args:
        data: The file.
        now: Unix seconds; that of a hold whose own cannot be read.

    Returns:
        What is held, and the fault; an empty text where there is none.
    """
    try:
        return msgspec.json.decode(data, type=Kept), ""
    except UNREADABLE as error:
        return _salvaged(data[:MAX_SALVAGED_BYTES], now), str(error)


def _salvaged(data: bytes, now: float) -> Kept:
    """Return every row that is whole, and the hold that the file breaks off in."""
    kept = Kept()
    for key, row in _ROWS.findall(data):
        name, order = _read(key, str), _read(row, SourceOrder)
        if hold := _read(row, Hold):
            kept.parked.append(hold)
        elif named := _read(row, _Named):
            kept.parked.append(Hold(named.machines, now))
        elif drain := _read(row, Drain):
            kept.drained.append(drain)
        elif name and order:
            kept.sources[name] = order
    cut = _CUT_HOLD.search(data)
    if cut and (machines := _read(cut[1], str)):
        kept.parked.append(Hold(machines, now))
    return kept


T = TypeVar("T")


def _read(data: bytes, kind: type[T]) -> T | None:
    try:
        return msgspec.json.decode(data, type=kind)
    except UNREADABLE:
        return None
