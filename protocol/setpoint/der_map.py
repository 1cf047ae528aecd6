"""Setpoint registers as SunSpec has them for DER: 704 written, 701 read.

From 40000 on: `SunS`, common model 1, 704 (DER AC controls), 701 (DER AC measurement),
the read-backs as a model of our own, the end. Offsets count from a model's ID.
Spec: SunSpec DER Information Model, models 701, 704.

* 704, 67 registers: WMaxLimPctEna 14, WMaxLimPct 15, WMaxLimPctRvrt 16,
  WMaxLimPctEnaRvrt 17, WMaxLimPctRvrtTms 18, WSetEna 22, WSetMod 23, WSet 24,
  WSetRvrt 26, WSetPct 28, WSetPctRvrt 29, WSetEnaRvrt 30, WSetRvrtTms 31,
  WSetRvrtRem 33, WMaxLimPct_SF 54, WSet_SF 55
* 701, 155 registers: St 3, W 10, Hz 17, TotWhAbs 23, Hz_SF 115, W_SF 116, TotWh_SF 120
"""

from collections.abc import Sequence

from attrs import define, evolve, field

from protocol.setpoint.frames import ExceptionCode, RefusedError
from protocol.setpoint.points import Points
from protocol.setpoint.registers import (
    HALF,
    MOST,
    Change,
    Scale,
    Setpoint,
    as_int32,
    as_uint32,
    as_uint64,
    int32,
    read_backs,
    span_of,
    torn_by,
    uint32,
    written,
)
from protocol.sunspec.values import scale_for, to_int16
from protocol.units import Seconds, Watts

BASE = 40_000
PCT_ENABLE, PCT, PCT_REVERT, PCT_ENABLE_REVERT, PCT_TIMEOUT = 14, 15, 16, 17, 18
SET_ENABLE, SET_MODE, SET, SET_REVERT = 22, 23, 24, 26
SET_PCT, SET_PCT_REVERT, SET_ENABLE_REVERT, SET_TIMEOUT = 28, 29, 30, 31
SET_REMAINING, PCT_SCALE, SET_SCALE = 33, 54, 55
CONTROLS_LENGTH, MEASURES_LENGTH = 67, 155
CONTROLS_AT = 2 + 68
"""Where 704 begins, from BASE on: after `SunS` and the common model."""

HZ, TOT_WH, HZ_SF, TOT_WH_SF = 17, 23, 115, 120
HZ_SCALE = -3
"""Millihertz: a meter of class 0.2 tells ten of them."""

OWN_MODEL = 64_880
"""Of the range that is free for vendors, 64001 to 65535."""

PCT_PER_COUNT = 0.1
_NO_UINT16, _NO_INT16, _NO_INT32 = 0xFFFF, 0x8000, -0x8000_0000

_PERCENT = frozenset({PCT_ENABLE, PCT})
_WATTS = frozenset({SET_ENABLE, SET, SET + 1})
_ENABLES = frozenset({PCT_ENABLE, SET_ENABLE})
_NUMBERS = (PCT_TIMEOUT, SET, SET_REVERT, SET_TIMEOUT)
_FLAGS = (PCT_ENABLE, PCT_ENABLE_REVERT, SET_ENABLE, SET_ENABLE_REVERT)
_WRITABLE = frozenset(range(PCT_ENABLE, PCT_TIMEOUT + 2)) | frozenset(
    range(SET_ENABLE, SET_TIMEOUT + 2)
)


@define
class DerMap:
    """The lower one of the two limits that are enabled holds.

    A setpoint counts each time that it is written; its reversion time-out is its lease.
    """

    scale: Scale
    name: str = "site"
    _now: Change = field(init=False)
    _head: tuple[int, ...] = field(init=False)
    _watts_scale: int = field(init=False)

    def __attrs_post_init__(self) -> None:
        self._now = Change(_controls(self.scale))
        self._head = _head(self.name)
        self._watts_scale = scale_for(self.scale.budget_w * MOST)

    def restore(self, watts: Watts) -> None:
        """See `SetpointMap`."""
        words = list(self._now.words)
        words[SET_ENABLE] = 1
        words[SET : SET + 2] = as_int32(self.scale.count(watts))
        self._now = Change(tuple(words), is_spoken=True)

    def read(self, address: int, count: int, points: Points) -> tuple[int, ...]:
        """See `SetpointMap`."""
        controls = list(self._now.words)
        controls[SET_REMAINING : SET_REMAINING + 2] = as_uint32(points.lease_left_s)
        own = read_backs(points, self.scale)
        words = (
            *self._head,
            *controls,
            *self._measures(points),
            *(OWN_MODEL, len(own), *own),
            *(_NO_UINT16, 0),
        )
        return span_of(words, BASE, address, count)

    def write(self, address: int, values: Sequence[int]) -> Change:
        """See `SetpointMap`."""
        at = address - BASE - CONTROLS_AT
        span = range(at, at + len(values))
        words = written(self._now.words, _WRITABLE, at, values)
        is_enabling = not _ENABLES.isdisjoint(span)
        torn = torn_by(self._now.torn, _NUMBERS, span) - _believed(span)
        # An enable is for what was written before it, not for a half beside it.
        torn |= torn_by(frozenset(), _NUMBERS, span)
        self._check(words, torn)
        change = Change(words, torn, is_spoken=True)
        if (_PERCENT | _WATTS).isdisjoint(span):
            return change  # a reversion alone: it goes with the next setpoint
        if torn:
            return evolve(change, doubt=HALF)
        is_on = bool(words[PCT_ENABLE] or words[SET_ENABLE])
        if not is_on and not is_enabling:
            return change  # a value that is not enabled says nothing
        return evolve(change, said=self._said(words))

    def commit(self, change: Change) -> None:
        """See `SetpointMap`."""
        self._now = change

    def _check(self, words: Sequence[int], torn: frozenset[int]) -> None:
        """Refuse what a register cannot hold."""
        for flag in _FLAGS:
            if words[flag] not in {0, 1}:
                raise RefusedError(
                    ExceptionCode.ILLEGAL_VALUE, f"{words[flag]} at {flag}: 0 or 1"
                )
        no_percent = {0, _NO_INT16}
        if words[SET_MODE] not in {0, 1} or words[SET_PCT] not in no_percent:
            why = "WSetPct is not taken: write WSet, or WMaxLimPct"
            raise RefusedError(ExceptionCode.ILLEGAL_VALUE, why)
        self._percent(words[PCT])
        if words[PCT_REVERT] != _NO_UINT16:
            self._percent(words[PCT_REVERT])
        for at in (SET, SET_REVERT):
            if at not in torn and int32(words, at) != _NO_INT32:
                self.scale.watts(int32(words, at))
        if SET not in torn and words[SET_ENABLE] and int32(words, SET) == _NO_INT32:
            raise RefusedError(ExceptionCode.ILLEGAL_VALUE, "WSet is not a number")

    def _percent(self, raw: int) -> Watts:
        part = raw * PCT_PER_COUNT / 100.0
        if part > MOST:
            raise RefusedError(
                ExceptionCode.ILLEGAL_VALUE, f"{part:.1%}, wanted at most {MOST:.0%}"
            )
        return Watts(part * self.scale.budget_w)

    def _said(self, words: Sequence[int]) -> Setpoint:
        watts: list[Watts] = []
        reverts: list[Watts] = []
        times: list[int] = []
        if words[PCT_ENABLE]:
            watts.append(self._percent(words[PCT]))
            times.append(uint32(words, PCT_TIMEOUT))
            if words[PCT_REVERT] != _NO_UINT16:
                reverts.append(self._percent(words[PCT_REVERT]))
        if words[SET_ENABLE]:
            watts.append(self.scale.watts(int32(words, SET)))
            times.append(uint32(words, SET_TIMEOUT))
            if int32(words, SET_REVERT) != _NO_INT32:
                reverts.append(self.scale.watts(int32(words, SET_REVERT)))
        lease = min((t for t in times if t), default=None)
        return Setpoint(
            min(watts, default=None),
            None if lease is None else Seconds(lease),
            min(reverts, default=None),
        )

    def _measures(self, points: Points) -> tuple[int, ...]:
        words = [_NO_UINT16] * MEASURES_LENGTH
        words[0:2] = 701, MEASURES_LENGTH - 2
        words[3] = 1  # St: on
        words[6:8] = 0, 0  # Alrm: none
        watts = points.power_w
        raw = -0x8000
        if watts is not None:
            most = 0x7FFF * 10.0**self._watts_scale
            raw = to_int16(
                self.scale.sign * min(most, max(0.0, watts)), self._watts_scale
            )
        # Signed ones that are not implemented.
        for at in (10, 11, 12, 13, 14, *range(35, 46), *range(64, 69), *range(87, 92)):
            words[at] = _NO_INT16
        words[10] = raw & 0xFFFF
        words[113:123] = [_NO_INT16] * 10
        words[116] = self._watts_scale
        if points.hz is not None:
            words[HZ : HZ + 2] = as_uint32(points.hz * 10**-HZ_SCALE)
            words[HZ_SF] = HZ_SCALE & 0xFFFF
        if points.energy_wh is not None:
            words[TOT_WH : TOT_WH + 4] = as_uint64(points.energy_wh)
            words[TOT_WH_SF] = 0
        words[123:] = [0] * (MEASURES_LENGTH - 123)  # MnAlrmInfo: no text
        return tuple(words)


def _believed(span: range) -> frozenset[int]:
    """Return the numbers that a write of `span` enables as they are."""
    by_percent = {PCT_TIMEOUT} if PCT_ENABLE in span else set()
    by_watts = {SET, SET_REVERT, SET_TIMEOUT} if SET_ENABLE in span else set()
    return frozenset(by_percent | by_watts)


def _head(name: str) -> tuple[int, ...]:
    def text(value: str, size: int) -> tuple[int, ...]:
        data = value.encode("ascii", "replace")[: 2 * size].ljust(2 * size, b"\0")
        return tuple(data[i] << 8 | data[i + 1] for i in range(0, 2 * size, 2))

    common = (
        *text("Baseload", 16),
        *text("site setpoint", 16),
        *text("", 8),
        *text("", 8),
        *text(name, 16),
        1,  # DA: the unit
        0x8000,  # a pad
    )
    return (0x5375, 0x6E53, 1, len(common), *common)


def _controls(scale: Scale) -> tuple[int, ...]:
    words = [_NO_UINT16] * CONTROLS_LENGTH
    words[0:2] = 704, CONTROLS_LENGTH - 2
    for at in _FLAGS:
        words[at] = 0
    words[SET_MODE] = 1
    words[PCT] = round(100.0 / PCT_PER_COUNT)
    words[PCT_TIMEOUT : PCT_TIMEOUT + 2] = 0, 0
    words[SET : SET + 2] = as_int32(None)
    words[SET_REVERT : SET_REVERT + 2] = as_int32(None)
    words[SET_PCT] = words[SET_PCT_REVERT] = _NO_INT16
    words[SET_TIMEOUT : SET_TIMEOUT + 2] = 0, 0
    words[38:42] = [*as_int32(None), *as_int32(None)]  # VarSet, VarSetRvrt
    words[42] = words[43] = _NO_INT16
    words[53:59] = [_NO_INT16] * 6
    words[PCT_SCALE] = -1 & 0xFFFF
    words[SET_SCALE] = {1.0: 0, 1e3: 3, 1e6: 6}.get(scale.unit_w, 0)
    return tuple(words)
