"""What a map shows beside states, one byte a machine: made only for who asks for it."""

from base64 import b64encode
from collections.abc import Awaitable, Callable
from math import log2

import msgspec
from attrs import define, field
from msgspec import Struct

from protocol.units import Seconds
from proxy.admin.power import PowerOperations
from proxy.admin.rpc import RpcError
from proxy.web.site_map import LOOKED_AT_ONCE, SiteMap

AGE, TEMPERATURE, EFFICIENCY = MODES = ("age", "temperature", "efficiency")
UNKNOWN, MOST = 255, 254

AGE_STEPS = 16
"""Of a byte, in which the age of a share doubles: to 4.4 %, up to 16 hours."""

PAGES_AT_ONCE = 4
"""Of 1,000 machines, asked of the controller each second: 20,000 in five."""


class _Cells(Struct):
    miners: list[int]
    values: bytes
    more: bool


_decode = msgspec.json.Decoder(_Cells).decode


def age_byte(age: Seconds) -> int:
    """Return the age of a share as a byte: `AGE_STEPS` times log2 of it and one."""
    return min(MOST, round(AGE_STEPS * log2(1.0 + max(0.0, age))))


@define(eq=False, repr=False)
class Reading:
    """What the controller says of a site's connections, a page after the other.

    Attributes:
        values: By connection, of the last time that all pages were read.
    """

    site: str
    mode: str
    values: dict[int, int] = field(factory=dict, init=False)
    _page: int = field(default=0, init=False)
    _coming: dict[int, int] = field(factory=dict, init=False)
    _is_whole: bool = field(default=False, init=False)

    async def read(self, power: PowerOperations) -> None:
        """Read some pages on."""
        for _ in range(PAGES_AT_ONCE):
            raw = await power.cells(self.site, self.mode, self._page)
            found = _decode(bytes(raw))
            self._coming.update(zip(found.miners, found.values, strict=True))
            self._page += 1
            if not self._is_whole:
                self.values = self._coming
            if not found.more:
                self.values, self._coming = self._coming, {}
                self._page, self._is_whole = 0, True
                return


@define(eq=False, repr=False)
class MapModes:
    """Makes the bytes of the modes.

    Attributes:
        power: Asks the controller.
    """

    power: PowerOperations
    _readings: dict[tuple[str, str], Reading] = field(factory=dict, init=False)
    """Two for each site at the most."""

    async def frame(
        self,
        site_map: SiteMap,
        mode: str,
        now: Seconds,
        turn: Callable[[], Awaitable[object]],
    ) -> bytes:
        """Return the frame of a mode, JSON: as `SiteMap.frame`, a byte a machine."""
        if mode == AGE:
            value_of = _ages(site_map, now)
        else:
            value_of = await self._read(site_map.site, mode)
        cells = site_map.cells[:]
        values = bytearray()
        for begin in range(0, len(cells), LOOKED_AT_ONCE):
            some = cells[begin : begin + LOOKED_AT_ONCE]
            values += bytes(value_of(cell.id) for cell in some)
            await turn()
        return msgspec.json.encode(
            {
                "gen": site_map.gen,
                "n": len(values),
                "cells": b64encode(values).decode(),
            }
        )

    def forget(self, wanted: frozenset[str]) -> None:
        """Forget what was read of modes that nobody looks at any more."""
        for key in [key for key in self._readings if key[1] not in wanted]:
            del self._readings[key]

    async def _read(self, site: str, mode: str) -> Callable[[int], int]:
        reading = self._readings.setdefault((site, mode), Reading(site, mode))
        try:
            await reading.read(self.power)
        except RpcError:  # no budget, or no controller: what it said last is old
            reading.values = {}
        values = reading.values
        return lambda miner: values.get(miner, UNKNOWN)


def _ages(site_map: SiteMap, now: Seconds) -> Callable[[int], int]:
    miners = site_map.factory.roster.miners

    def age_of(number: int) -> int:
        miner = miners.get(number)
        share_at = None if miner is None else miner.share_at
        return UNKNOWN if share_at is None else age_byte(Seconds(now - share_at))

    return age_of
