"""What maps of setpoint registers have in common: numbers, halves, what a write says.

A number of 32 bits is two registers, high word first. Of one that was written by half
nothing is believed until its other half comes in the same request as it, or an enable
is written after: a torn write is no order.
"""

import struct
from collections.abc import Mapping, Sequence
from typing import Protocol

from attrs import frozen

from protocol.setpoint.frames import ExceptionCode, RefusedError
from protocol.setpoint.points import Points
from protocol.units import Seconds, Watts

MOST = 1.2
"""Of the contract: a setpoint above that is a mistake of units, and refused."""

HALF = "half of a 32-bit number: no order until its enable is written"

_STATES = {"normal": 0, "hold": 1, "failsafe": 2, "trip": 3}
_NO_INT32 = 0x8000_0000


@frozen
class Scale:
    """How the setpoints of a site are read.

    Attributes:
        budget_w: Its contract.
        unit_w: Watts that one count is.
        sign: 1 where what is drawn is written positive, -1 where negative.
    """

    budget_w: Watts
    unit_w: float = 1.0
    sign: int = 1

    def watts(self, raw: int) -> Watts:
        """Return the watts that a count means.

        Raises:
            RefusedError: They are beyond the site.
        """
        watts = self.sign * raw * self.unit_w
        if not 0 <= watts <= self.budget_w * MOST:
            most = f"0..{self.budget_w * MOST:.0f} W"
            raise RefusedError(
                ExceptionCode.ILLEGAL_VALUE, f"{watts:.0f} W, wanted {most}"
            )
        return Watts(watts)

    def count(self, watts: float) -> int:
        """Return the count that means `watts`."""
        return round(self.sign * watts / self.unit_w)


@frozen
class Setpoint:
    """What a write says.

    Attributes:
        watts: The most that the site may draw; None: nothing is enabled.
        lease_s: Reversion time-out; None: the signal's lease alone.
        revert_w: What it reverts to; None: nothing is said.
    """

    watts: Watts | None
    lease_s: Seconds | None = None
    revert_w: Watts | None = None


@frozen
class Change:
    """What a write makes of a map; nothing is changed until it is committed.

    Attributes:
        words: The registers after it.
        torn: First registers of the numbers that are written by half.
        said: The order in it; None: none.
        doubt: Why there is none, where one might be meant; empty: none is.
    """

    words: tuple[int, ...]
    torn: frozenset[int] = frozenset()
    said: Setpoint | None = None
    doubt: str = ""
    is_spoken: bool = False


class SetpointMap(Protocol):
    """Registers that setpoints are written to."""

    def read(self, address: int, count: int, points: Points) -> tuple[int, ...]:
        """Return registers.

        Raises:
            RefusedError: There are no such.
        """

    def write(self, address: int, values: Sequence[int]) -> Change:
        """Return what a write would make of the map.

        Raises:
            RefusedError: There are no such registers, or they cannot hold that.
        """

    def commit(self, change: Change) -> None:
        """Hold what was written."""

    def restore(self, watts: Watts) -> None:
        """Hold what was said before a restart."""


def span_of(
    words: Sequence[int], base: int, address: int, count: int
) -> tuple[int, ...]:
    """Return `count` of `words`, of which the first is register `base`.

    Raises:
        RefusedError: Some are outside.
    """
    at = address - base
    if at < 0 or at + count > len(words):
        raise RefusedError(
            ExceptionCode.ILLEGAL_ADDRESS, f"no registers {address}+{count}"
        )
    return tuple(words[at : at + count])


def written(
    words: Sequence[int], writable: frozenset[int], at: int, values: Sequence[int]
) -> tuple[int, ...]:
    """Return `words` with `values` from `at` on.

    Raises:
        RefusedError: Some may not be written.
    """
    span = range(at, at + len(values))
    if not writable.issuperset(span):
        raise RefusedError(
            ExceptionCode.ILLEGAL_ADDRESS, f"{at}+{len(values)} may not be written"
        )
    new = list(words)
    new[at : at + len(values)] = values
    return tuple(new)


def torn_by(
    torn: frozenset[int], numbers: Sequence[int], span: range
) -> frozenset[int]:
    """Return which of the 32-bit `numbers` are torn after a write of `span`."""
    halves = {n for n in numbers if (n in span) != (n + 1 in span)}
    whole = {n for n in numbers if n in span and n + 1 in span}
    return frozenset((torn | halves) - whole)


def int32(words: Sequence[int], at: int) -> int:
    """Return the signed number at `at`."""
    value: int = struct.unpack(">i", struct.pack(">HH", *words[at : at + 2]))[0]
    return value


def uint32(words: Sequence[int], at: int) -> int:
    """Return the unsigned number at `at`."""
    return words[at] << 16 | words[at + 1]


def as_int32(value: float | None) -> tuple[int, int]:
    """Return a signed number as registers, at its bounds where it is beyond them."""
    whole = (
        _NO_INT32
        if value is None
        else max(-0x7FFF_FFFF, min(0x7FFF_FFFF, round(value))) & 0xFFFF_FFFF
    )
    return whole >> 16, whole & 0xFFFF


def as_uint32(value: float | None) -> tuple[int, int]:
    """Return an unsigned number as registers; None: not implemented."""
    whole = 0xFFFF_FFFF if value is None else max(0, min(0xFFFF_FFFE, int(value)))
    return whole >> 16, whole & 0xFFFF


def as_uint64(value: float) -> tuple[int, int, int, int]:
    """Return an unsigned number as four registers."""
    whole = max(0, min(0xFFFF_FFFF_FFFF_FFFE, int(value)))
    words = struct.unpack(">4H", struct.pack(">Q", whole))
    return words[0], words[1], words[2], words[3]


def read_backs(points: Points, scale: Scale) -> tuple[int, ...]:
    """Return the list of points as int32 pairs, in the order of `help signals`."""

    def power(watts: float | None) -> float | None:
        return None if watts is None else watts / scale.unit_w

    hashrate = points.hashrate_hs
    by_name: Mapping[str, float | None] = {
        "power": power(points.power_w),
        "budget": power(points.budget_w),
        "down in 10 s": power(points.available_down_10s_w),
        "down in 60 s": power(points.available_down_60s_w),
        "up": power(points.available_up_w),
        "TH/s": None if hashrate is None else hashrate / 1e12,
        "told": points.machines_told,
        "obeying": points.machines_obeying,
        "lease left": points.lease_left_s,
        "state": _STATES.get(points.state),
        "last order": (
            None if points.last_order is None else points.last_order % 1_000_000_000
        ),
    }
    return tuple(word for value in by_name.values() for word in as_int32(value))
