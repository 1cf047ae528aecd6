"""What stands in the tables of a cluster, as values.

A row that says what cannot be, or what this release does not know, is a fault of its
member alone: the rest of it is read, and the others'.
"""

from collections.abc import Mapping
from math import inf, isfinite
from typing import Annotated, Any

import msgspec
from attrs import field, frozen

from protocol.units import Seconds
from proxy.power.allotment.election import Leader
from proxy.power.allotment.rows import MAX_NEEDS, Grant, Need, Row

UNKNOWN_DOWN = Seconds(3600.0)
"""How long a member may draw on whose row says no time: as long as none does."""

_Whole = Annotated[int, msgspec.Meta(ge=0)]
_Needs = list[tuple[int, int, _Whole, _Whole]]


@frozen
class Place:
    """Whose row it is."""

    site: str
    member: str


class Figures(msgspec.Struct, frozen=True):
    """What a member says of itself, for people and for the check of its version.

    Attributes:
        digest: Of what its configuration says of the site.
        power_w: What the hall draws, as it knows.
        budget_w: What rules the hall.
        state: Of its control.
        instance: Of its proxy.
        release: Of its proxy.
        is_draining: It wants nothing, and is to be left out.
        signals: Of the whole site, those that it hears: by name, how long each may be
            silent; null: for ever.
    """

    digest: str = ""
    power_w: float = 0.0
    budget_w: float = 0.0
    state: str = ""
    instance: int = 0
    release: str = ""
    is_draining: bool = False
    signals: dict[str, Annotated[float, msgspec.Meta(gt=0)] | None] = {}


@frozen
class Found:
    """All that a candidate looks at, of one moment.

    Attributes:
        faults: Members whose rows say what cannot be, or what this release does not
            know, with what it is; the rest of the row is in `rows`.
    """

    leader: Leader
    rows: Mapping[str, Row]
    figures: Mapping[str, Figures]
    grants: Mapping[str, Grant]
    orders: tuple[Any, ...]
    spoken: Mapping[str, int]
    faults: Mapping[str, str] = field(factory=dict)


def member_of(found: tuple[Any, ...]) -> tuple[Row, Figures, str]:
    """Return a member's row and figures, and what is wrong with them, if anything."""
    life, seq, epoch, applied, held_w, floor_w, down_s, version, need, said = found
    need, figures, fault = _said(need, said)
    if floor_w < 0 or not 0 <= down_s < inf:
        fault = f"its row says floor_w = {floor_w}, down_s = {down_s:g}"
    down_s = max(0.0, down_s) if isfinite(down_s) else UNKNOWN_DOWN
    row = Row(
        life,
        seq,
        epoch,
        applied,
        held_w,
        max(0, floor_w),
        Seconds(down_s),
        need,
        version,
    )
    return row, figures, fault


def _said(need: Any, said: Any) -> tuple[tuple[Need, ...], Figures, str]:
    try:
        needs = msgspec.convert(need, _Needs)[:MAX_NEEDS]
        figures = msgspec.convert(said, Figures)
    except msgspec.ValidationError as error:
        return (), Figures(), f"its row cannot be read: {error}"
    return tuple(Need(*one) for one in needs), figures, ""


def need_row(need: Need) -> tuple[int, int, int, int]:
    """Return a row of a hall's need as its JSON has it."""
    return need.priority, need.joules_per_th, need.running_w, need.wanted_w


def grant_of(found: tuple[Any, ...]) -> Grant:
    """Return a grant, from the columns that `tables` asks for."""
    epoch, number, watts, out, life, answers = found
    pairs = tuple((int(n), int(w)) for n, w in out)
    return Grant(epoch, number, watts, pairs, life, answers)


def json_text(value: Any) -> str:
    """Return a value as a column of kind jsonb takes it."""
    return msgspec.json.encode(value).decode()
