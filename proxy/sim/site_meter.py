"""A simulated site meter: late, noisy, and at times wrong."""

import math
from collections import deque
from enum import Enum

import numpy as np
from attrs import frozen

from protocol.sunspec.common import Common, build_common
from protocol.sunspec.meter import MeterReading, build_meter
from protocol.sunspec.survey import build_map
from protocol.units import Seconds

MAX_PENDING = 600
"""Readings under way to the display: ten minutes of lag."""

SPIKE = 8.0
"""Factor on the watts of a spike."""

_WHO = Common("Baseload", "simulated meter", serial="sim-1")


class MeterTrouble(Enum):
    """What a simulated meter can do wrong."""

    NAN = "nan"  # says that it does not know
    FROZEN = "frozen"  # repeats what it showed
    SILENT = "silent"  # takes requests and answers none
    SPIKE = "spike"  # shows 8 times too much, every other time
    NEGATIVE = "negative"  # its transformers were swapped


@frozen
class MeterOptions:
    """What a simulated meter is like."""

    model_id: int = 203
    noise: float = 0.002  # standard deviation, part of the reading
    lag_s: float = 1.0
    unit: int = 1  # Modbus address


class SiteMeter:
    """Takes what the site draws each second and shows it after a while."""

    def __init__(self, options: MeterOptions, seed: int) -> None:
        self.trouble: MeterTrouble | None = None
        self.options = options
        self._random = np.random.default_rng(seed)
        self._pending: deque[tuple[float, float]] = deque(maxlen=MAX_PENDING)
        self._watts = math.nan
        self._shown = math.nan
        self._energy_wh = 1000.0  # a counter at 0 counts as not implemented
        self._noted_at: float | None = None
        self._spiked = False

    @property
    def is_silent(self) -> bool:
        """It answers nobody."""
        return self.trouble is MeterTrouble.SILENT

    def note(self, watts: float, now: Seconds) -> None:
        """Take what the site draws `now`, which is later than before."""
        if self._noted_at is not None:
            self._energy_wh += watts * (now - self._noted_at) / 3600.0
        self._noted_at = now
        self._pending.append((now, watts))
        while self._pending and self._pending[0][0] <= now - self.options.lag_s:
            self._watts = self._pending.popleft()[1]
        if self.trouble is not MeterTrouble.FROZEN:
            self._shown = self._read()

    def reading(self) -> MeterReading:
        """Return what it shows; NaN before the first reading has come through."""
        return MeterReading(
            model_id=self.options.model_id,
            watts=self._shown,
            imported_wh=self._energy_wh,
            hertz=50.0,
        )

    def registers(self) -> bytes:
        """Return its whole SunSpec map, from register 40000 on."""
        return build_map(build_common(_WHO), build_meter(self.reading()))

    def _read(self) -> float:
        noise = 1.0 + self.options.noise * float(self._random.standard_normal())
        match self.trouble:
            case MeterTrouble.NAN:
                return math.nan
            case MeterTrouble.NEGATIVE:
                return -self._watts * noise
            case MeterTrouble.SPIKE:
                self._spiked = not self._spiked
                return self._watts * noise * (SPIKE if self._spiked else 1.0)
            case _:
                return self._watts * noise
