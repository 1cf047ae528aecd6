"""What an event says of a site's power: limits, each with its time, and prices.

| payload               | limit                                                       |
|-----------------------|-------------------------------------------------------------|
| IMPORT_CAPACITY_LIMIT | its value, in the units of its descriptor                   |
| DISPATCH_SETPOINT     | the same: a site cannot be told to draw more than it has    |
| SIMPLE 0, 1, 2, 3     | a part of the contract, by a table                          |
| ALERT_GRID_EMERGENCY  | the fail-safe, whatever other events say                    |
| PRICE                 | none: it is handed on                                       |
| ..._RELATIVE          | refused: nobody says what it is relative to                 |

Other kinds say nothing of what may be drawn. A limit that cannot be read is not taken
for none: `Reading.unread_until` says until when nothing may rise because of it.
"""

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from attrs import frozen

from protocol.openadr.objects import Descriptor, Event, Payload
from protocol.openadr.placing import Placed, ends, place
from protocol.units import UnixTime, Watts

MOST = 1.2
"""Of the contract: a limit above that is a mistake of units, and refused."""

SIMPLE = (1.0, 0.6, 0.2, 0.0)
"""Parts of the contract: normal, moderate, high, special (OpenADR 3.1, SIMPLE)."""

UNITS = {"W": 1.0, "KW": 1e3, "MW": 1e6}

MOST_OF_ANY = 1e15
"""Below it a number is one that a float holds to the watt."""

MAX_REASONS = 4
"""Of one event that are told: the same mistake in each interval is one."""

FOR_EVER = UnixTime(math.inf)
NEVER = UnixTime(-math.inf)

_IN_WATTS = frozenset({"IMPORT_CAPACITY_LIMIT", "DISPATCH_SETPOINT"})
_EMERGENCY = "ALERT_GRID_EMERGENCY"
_NOT_SAID = Descriptor()
_LIMITS = _IN_WATTS | {"SIMPLE", _EMERGENCY}


@frozen
class Rules:
    """How a site reads what its utility says.

    Attributes:
        node: Name of the end node.
        simple: Parts of the contract that the levels of SIMPLE mean, from 0 on.
        units: Of values whose event and programme say none; None: refused.
    """

    node: str
    budget_w: Watts
    fail_safe_w: Watts
    simple: tuple[float, ...] = SIMPLE
    units: str | None = None


@frozen
class Cap:
    """A limit on what a site draws, for a time.

    Attributes:
        rank: The lowest rules; of equals the lowest limit. Priority of the event; inf
            where it has none, below all others in an emergency.
        end: None: until it is cancelled.
    """

    start: UnixTime
    end: UnixTime | None
    watts: Watts
    rank: float = math.inf
    reason: str = ""


EMERGENCY_RANK = -1.0
"""Above every priority, which are 0 or more."""


@frozen
class Price:
    """A price for a time, in `currency` for each of `units`, as the utility says."""

    start: UnixTime
    end: UnixTime | None
    value: float
    currency: str = ""
    units: str = ""


@frozen
class Reading:
    """What an event says.

    Attributes:
        refused: What of it was not taken, each as a sentence.
        unread_until: Until when it may hold a limit that cannot be read.
    """

    event_id: str
    label: str = ""
    caps: tuple[Cap, ...] = ()
    prices: tuple[Price, ...] = ()
    refused: tuple[str, ...] = ()
    unread_until: UnixTime = NEVER


def read_caps(
    event: Event, rules: Rules, programme: Iterable[Descriptor], created: UnixTime
) -> Reading:
    """Return what an event says.

    Args:
        event: Of this site.
        rules: Of the site.
        programme: Descriptors of the programme, where the event has none.
        created: When it was made, or first heard: its `now`.
    """
    label, said = event.label, _descriptors(programme, event)
    try:
        placed = place(event, rules.node, created)
        over = ends(event, placed)
    except ValueError as error:
        until = FOR_EVER if _has_limit(event) else NEVER
        return Reading(event.id, label, refused=(str(error),), unread_until=until)
    caps: list[Cap] = []
    prices: list[Price] = []
    refused: dict[str, None] = {}
    unread = NEVER
    for one in _until(placed, over):
        for payload in one.interval.payloads:
            descriptor = said.get(payload.type, _NOT_SAID)
            try:
                if payload.type in _LIMITS:
                    caps.append(_cap(event, one, payload, descriptor, rules))
                elif payload.type == "PRICE":
                    prices.append(_price(one, payload, descriptor))
                elif payload.type.endswith("_RELATIVE"):
                    refused[f"{payload.type[:64]} is not taken"] = None
            except ValueError as error:
                refused[f"{payload.type[:64]}: {error}"] = None
                if payload.type in _LIMITS:
                    unread = max(unread, FOR_EVER if one.end is None else one.end)
    caps += _looped(caps, over)
    why = tuple(refused)[:MAX_REASONS]
    return Reading(event.id, label, tuple(caps), tuple(prices), why, unread)


def _descriptors(
    programme: Iterable[Descriptor], event: Event
) -> Mapping[str, Descriptor]:
    own = event.payload_descriptors or ()
    return {one.payload_type: one for one in (*programme, *own)}


def _has_limit(event: Event) -> bool:
    found = (payload for one in event.intervals or () for payload in one.payloads)
    return any(payload.type in _LIMITS for payload in found)


def _until(placed: Sequence[Placed], over: UnixTime | None) -> Iterable[Placed]:
    """Yield the intervals as far as they are before an event's own end."""
    for one in placed:
        if over is None:
            yield one
        elif one.start < over:
            end = over if one.end is None else min(one.end, over)
            yield Placed(one.start, end, one.interval)


def _looped(caps: Sequence[Cap], over: UnixTime | None) -> list[Cap]:
    """Return what holds while intervals loop: the lowest of them, to be sure."""
    if over is None or not caps or any(cap.end is None for cap in caps):
        return []
    last = max(cap.end for cap in caps if cap.end is not None)
    if last >= over:
        return []
    low = min(caps, key=lambda cap: (cap.rank, cap.watts))
    return [Cap(last, over, low.watts, low.rank, f"{low.reason}, looped")]


def _cap(
    event: Event, one: Placed, payload: Payload, said: Descriptor, rules: Rules
) -> Cap:
    """Return the limit in a payload.

    Raises:
        ValueError: It cannot be read.
    """
    rank = math.inf if event.priority is None else float(event.priority)
    if payload.type == _EMERGENCY:
        watts, rank = float(rules.fail_safe_w), EMERGENCY_RANK
    elif payload.type == "SIMPLE":
        watts = _level(_number(payload.values), rules.simple) * rules.budget_w
    else:
        watts = _watts(_number(payload.values), said.units or rules.units, rules)
    what = f"{payload.type}, event {event.label}"
    if watts > rules.budget_w:
        what = f"{what}, more than the contract"
    watts = min(watts, rules.budget_w)
    return Cap(one.start, one.end, Watts(watts), rank, what)


def _level(level: float, simple: Sequence[float]) -> float:
    if level not in range(len(simple)):
        raise ValueError(f"level {level:g}, wanted 0..{len(simple) - 1}")
    return simple[int(level)]


def _watts(value: float, units: str | None, rules: Rules) -> float:
    if units is None:
        raise ValueError("neither event nor programme says in which units")
    if units.upper() == "PERCENT":
        watts = value / 100.0 * rules.budget_w
    elif units.upper() in UNITS:
        watts = value * UNITS[units.upper()]
    else:
        raise ValueError(f"{units[:40]!r} is no unit of power")
    if not 0 <= watts <= rules.budget_w * MOST:
        raise ValueError(f"{watts:.0f} W, wanted 0..{rules.budget_w * MOST:.0f} W")
    return watts


def _price(one: Placed, payload: Payload, said: Descriptor) -> Price:
    value = _number(payload.values)
    return Price(one.start, one.end, value, said.currency or "", said.units or "")


def _number(values: Sequence[Any] | None) -> float:
    """Return the one number that `values` holds.

    Raises:
        ValueError: It holds something else.
    """
    if not values or len(values) != 1:
        raise ValueError(f"{len(values or ())} values, wanted one")
    value = values[0]
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    if not is_number:
        raise ValueError(f"{str(value)[:40]!r} is no number")
    if not abs(value) < MOST_OF_ANY:
        raise ValueError("a number beyond every power and price")
    return float(value)
