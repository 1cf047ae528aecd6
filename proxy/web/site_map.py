"""A site's machines as cells of a map, one byte each.

The byte: bits 0 to 2 are the state, an index into `STATES`; bits 3 to 7 are the
hashrate of five minutes against the model's in steps of 5 %, so that 20 is as it should
be, at most `MOST_LEVEL`; `UNKNOWN_LEVEL` where nobody knows what it should be.
"""

from base64 import b64encode
from collections.abc import Awaitable, Callable

import msgspec
from attrs import define, field
from msgspec import Struct
from twisted.internet.defer import Deferred, DeferredLock

from protocol.units import HashesPerSecond, Seconds
from proxy.config.rack_place import Place
from proxy.downstream.connection import SiteFactory
from proxy.downstream.miner import Miner
from proxy.downstream.roster import ACTIVE_FOR

STATES = (
    "absent",
    "hashing",
    "silent",
    "parked",
    "held",
    "unauthorised",
    "new",
    "no_work",
)
ABSENT, HASHING, SILENT, PARKED, HELD, UNAUTHORISED, NEW, NO_WORK = range(8)

UNKNOWN_LEVEL, MOST_LEVEL = 31, 30
STEPS = 20

HASHES_ON = Seconds(135.0)
"""Work that comes later than this after parking is none of what was still under way."""

MAX_CELLS = 100_000
"""As many as a site takes connections; a cell costs about 300 B."""

LOOKED_AT_ONCE = 128
"""Miners in one turn of the reactor: 0.7 ms, at 5 us each on a core that others use."""

NEW_COSTS = 16
"""So many looks is describing a machine that is new, by the rows of a large fleet."""

RATED_EVERY = 16
"""Looks in which each machine's hashrate is taken once: it costs more than all else."""

MAX_NEW_FOR = Seconds(120.0)
"""A machine that came so recently may well have sent no share."""


class Described(Struct, frozen=True, gc=False):
    """What the fleet's rows say of a machine; empty, 0: nothing."""

    model: str = ""
    tenant: str = ""
    expected_hs: float = 0.0
    expected_w: float = 0.0
    place: Place = Place()


@define(eq=False, repr=False)
class Cell:
    """A machine's place in the frame."""

    number: int
    worker: str
    address: str
    described: Described
    id: int = 0
    seen: int = 0
    level: int = UNKNOWN_LEVEL


COLUMNS: tuple[tuple[str, Callable[[Cell], object]], ...] = (
    ("workers", lambda cell: cell.worker),
    ("addresses", lambda cell: cell.address),
    ("models", lambda cell: cell.described.model),
    ("tenants", lambda cell: cell.described.tenant),
    ("expected_hs", lambda cell: cell.described.expected_hs),
    ("expected_w", lambda cell: cell.described.expected_w),
    ("racks", lambda cell: cell.described.place.rack),
    ("positions", lambda cell: cell.described.place.position),
    ("ids", lambda cell: cell.id),
)
"""Of a map, in the order of the bytes of a frame."""

Key = tuple[str, str]
"""Worker and address."""


@define(eq=False, repr=False)
class SiteMap:
    """Keeps the cells of one site.

    Attributes:
        describe: Tells of a worker at an address.
        gen: Changes whenever a cell comes or is another machine's.
    """

    site: str
    factory: SiteFactory
    describe: Callable[[str, str], Described] = field(default=lambda *_: Described())
    gen: int = field(default=0, init=False)
    more: int = field(default=0, init=False)
    cells: list[Cell] = field(factory=list, init=False)
    states: bytearray = field(factory=bytearray, init=False)
    _places: dict[Key, Cell] = field(factory=dict, init=False)
    _by_worker: dict[str, Cell] = field(factory=dict, init=False)
    _looks: int = field(default=0, init=False)
    _encoded: tuple[int, bytes] = field(default=(-1, b""), init=False)
    _viewing: DeferredLock = field(factory=DeferredLock, init=False)
    _joined: list[Deferred[None]] | None = field(default=None, init=False)

    async def look(self, now: Seconds, turn: Callable[[], Awaitable[object]]) -> None:
        """Look at every miner, some of them in each turn.

        Who asks while a look is under way waits for its end: two at once would take
        cells from each other.
        """
        if self._joined is not None:
            end: Deferred[None] = Deferred()
            self._joined.append(end)
            await end
            return
        self._joined = []
        try:
            await self._look(now, turn)
        finally:
            joined, self._joined = self._joined, None
            for end in joined:
                end.callback(None)

    async def _look(self, now: Seconds, turn: Callable[[], Awaitable[object]]) -> None:
        self._looks += 1
        more, changed = 0, False
        left = LOOKED_AT_ONCE
        for miner in list(self.factory.roster.miners.values()):
            if left <= 0:
                await turn()
                left = LOOKED_AT_ONCE
            left -= 1
            cell = self._places.get((_worker_of(miner), miner.address))
            if cell is None:
                left -= NEW_COSTS
                cell = self._place(miner)
                changed = True
            if cell is None:
                more += 1
                continue
            changed = self._show(cell, miner, now) or changed
        await turn()
        for cell in self.cells:
            if cell.seen != self._looks:
                self.states[cell.number] = ABSENT | UNKNOWN_LEVEL << 3
        if changed or more != self.more:
            self.gen += 1
        self.more = more

    async def describe_anew(
        self,
        describe: Callable[[str, str], Described],
        turn: Callable[[], Awaitable[object]],
    ) -> None:
        """Take what other rows of the configuration say of each machine."""
        self.describe = describe
        some = LOOKED_AT_ONCE // NEW_COSTS
        for begin in range(0, len(self.cells), some):
            for cell in self.cells[begin : begin + some]:
                cell.described = describe(cell.worker, cell.address)
            await turn()
        self.gen += 1

    def frame(self) -> bytes:
        """Return the frame of now, JSON."""
        return msgspec.json.encode(
            {
                "gen": self.gen,
                "n": len(self.states),
                "cells": b64encode(self.states).decode(),
            }
        )

    async def view(self, turn: Callable[[], Awaitable[object]]) -> tuple[int, bytes]:
        """Return a `gen` and its rows, JSON; made once for each, a column in a turn.

        {"site", "gen", "states", "more": machines that have no cell, for there are too
        many; each of `COLUMNS`; in "ids" 0 is one that is not connected}
        """
        await self._viewing.acquire()  # who comes meanwhile takes what is being made
        try:
            if self._encoded[0] != self.gen:
                self._encoded = await self._view(turn)
        finally:
            self._viewing.release()
        return self._encoded

    async def _view(self, turn: Callable[[], Awaitable[object]]) -> tuple[int, bytes]:
        # What changes meanwhile is another gen, which the next frame names.
        gen, cells = self.gen, list(self.cells)
        head = {"site": self.site, "gen": gen, "states": STATES, "more": self.more}
        parts = [msgspec.json.encode(head)[:-1]]
        for name, value in COLUMNS:
            await turn()
            column = msgspec.json.encode([value(cell) for cell in cells])
            parts.append(f'"{name}":'.encode() + column)
        return gen, b",".join(parts) + b"}"

    def _place(self, miner: Miner) -> Cell | None:
        """Return a cell for a miner that has none; None: there are too many."""
        worker, address = _worker_of(miner), miner.address
        cell = self._by_worker.get(worker) if worker else None
        if cell is not None and cell.seen < self._looks - 1:  # its address is another
            del self._places[cell.worker, cell.address]
            cell.address = address
        elif len(self.cells) >= MAX_CELLS:
            return None
        else:
            cell = Cell(len(self.cells), worker, address, Described())
            self.cells.append(cell)
            self.states.append(ABSENT)
            self._by_worker.setdefault(worker, cell)
        cell.described = self.describe(worker, address)
        self._places[worker, address] = cell
        return cell

    def _show(self, cell: Cell, miner: Miner, now: Seconds) -> bool:
        """Write a machine's byte; return whether its row is another one now."""
        changed = cell.id != miner.id
        cell.id = miner.id
        cell.seen = self._looks
        if changed or not (cell.number + self._looks) % RATED_EVERY:
            rate = miner.meter.rates(now).m5
            cell.level = level_of(rate, cell.described.expected_hs)
        self.states[cell.number] = state_of(miner, now) | cell.level << 3
        return changed


def state_of(miner: Miner, now: Seconds) -> int:
    """Return the state of a miner, an index into `STATES`."""
    share_at = miner.share_at
    if not miner.is_granted:
        if _is_recent_after(miner.parked_at, share_at, now):
            return UNAUTHORISED
        if miner.is_held_off:
            return HELD
        return NO_WORK if miner.is_held_out and miner.is_allowed else PARKED
    if share_at is not None and now - share_at < ACTIVE_FOR:
        return HASHING
    return NEW if now - miner.connected_at < MAX_NEW_FOR else SILENT


def _is_recent_after(
    parked_at: Seconds | None, share_at: Seconds | None, now: Seconds
) -> bool:
    """Return whether a share came lately, and later after parking than it may."""
    if parked_at is None or share_at is None:
        return False
    return share_at - parked_at > HASHES_ON and now - share_at < HASHES_ON


def level_of(rate: HashesPerSecond, expected: float) -> int:
    """Return the hashrate against what it should be, as a byte has it."""
    if expected <= 0:
        return UNKNOWN_LEVEL
    return min(MOST_LEVEL, round(rate / expected * STEPS))


def _worker_of(miner: Miner) -> str:
    return next(iter(miner.workers), "")
