"""`GET /api/v1/sites/S/history` and its like: what charts draw of the past."""

from collections.abc import Awaitable, Callable, Mapping
from typing import Any

import msgspec
import numpy as np
from attrs import define
from numpy.typing import NDArray

from protocol.work.hashrate import HASHES_PER_DIFFICULTY
from proxy.admin.operations import Operations
from proxy.admin.running import Running
from proxy.history.history import History, Key, Series
from proxy.history.service import Keeper
from proxy.history.span import (
    Span,
    columns_of,
    error_of,
    listed,
    one_column,
    rounded,
    span_of,
)
from proxy.web.answers import CSV, Answer, ProblemError
from proxy.web.archive import ENERGY_FROM_S, Archive
from proxy.web.asked import TABLE, Asked
from proxy.web.csv_text import csv_of_columns
from proxy.web.routes import Routes

HASHRATE_OVER_S = 120
"""`hashrate_hs` is an average whose weight fades by e in a minute: it is as sure as one
over so many seconds."""

SURE = 1.96
"""Standard deviations on both sides: 95 of 100."""

MAX_NAME_CHARS = 256

Columns = dict[str, NDArray[np.float64]]
_encode = msgspec.json.encode


@define(eq=False, repr=False)
class Histories:
    """Answers what was.

    Attributes:
        turn: Lets everything else have its turn: each column is a piece of work.
    """

    running: Running
    operations: Operations
    keeper: Keeper
    archive: Archive
    turn: Callable[[], Awaitable[object]]

    def add_to(self, routes: Routes) -> None:
        """Answer the paths."""
        for path, handler in (
            ("sites/{site}/history", self.site),
            ("pools/{pool}/history", self.pool),
            ("miners/{id}/history", self.miner),
        ):
            routes.add("GET", f"/api/v1/{path}", handler)

    async def site(self, asked: Asked) -> Answer:
        """Return a site's columns; energy, where the step is a minute or more."""
        kind, series, span = self._found(asked, "site")
        columns = await self._columns(series, span)
        columns |= _band(series, span, columns["hashrate_hs"])
        if span.step >= ENERGY_FROM_S:
            columns |= await self._energy(asked.names["site"], span)
        return await self._answer(kind, {"site": asked.names["site"]}, span, columns)

    async def pool(self, asked: Asked) -> Answer:
        """Return a pool's columns."""
        kind, series, span = self._found(asked, "pool")
        columns = await self._columns(series, span)
        answers_s = columns.pop("answers_s")
        answers = columns["accepted"] + columns["rejected"]
        mean = answers_s / np.where(answers > 0, answers, np.nan)
        columns["latency_s"] = rounded(mean)
        return await self._answer(kind, {"pool": asked.names["pool"]}, span, columns)

    async def miner(self, asked: Asked) -> Answer:
        """Return what a worker did, by its name or the number of a miner.

        Where the proxy ran, no share is 0; where it did not, nothing is known.
        """
        kind, history = asked.accepted(*TABLE), self._history()
        name = asked.names["id"][:MAX_NAME_CHARS]
        places = await self.operations.places_of(name)
        if not places:
            places = [(site, name) for site in self.running.factories]
        span = _span(asked, self.running.wall_clock(), ENERGY_FROM_S)
        rows = await self.archive.work(places, span)
        if not rows and not await self.operations.places_of(name):
            raise ProblemError(
                404, f"no miner {name!r}, and no work of it in that time"
            )
        ran = np.zeros(span.count, bool)
        for site in {place for place, _ in places}:
            if series := history.series.get(Key("site", site)):
                ran |= ~np.isnan(one_column(series, "connected", span))
        known = np.where(ran, 0.0, np.nan)
        columns = _added(rows, span, ("accepted", "rejected", "work"), known)
        columns["hashrate_hs"] = rounded(
            columns["work"] * (HASHES_PER_DIFFICULTY / span.step)
        )
        return await self._answer(kind, {"worker": places[0][1]}, span, columns)

    async def _energy(self, site: str, span: Span) -> Columns:
        names = ("energy_wh", "curtailed_wh", "budget_wh", "machine_s_down")
        rows = await self.archive.energy(site, span)
        return _added(rows, span, names, np.full(span.count, np.nan))

    async def _columns(self, series: Series, span: Span) -> Columns:
        found: Columns = {}
        for name, column in columns_of(series, span):
            found[name] = column
            await self.turn()
        return found

    async def _answer(
        self, kind: str, what: Mapping[str, str], span: Span, columns: Columns
    ) -> Answer:
        """Return columns by name, or a table of them with a time before each row."""
        lists: dict[str, list[Any]] = {"at": span.times()}
        if kind == CSV:
            lists |= {name: listed(column) for name, column in columns.items()}
            return await csv_of_columns(lists, self.turn)
        parts = [b'"at":' + _encode(lists["at"])]
        for name, column in columns.items():
            await self.turn()
            parts.append(f'"{name}":'.encode() + _encode(listed(column)))
        head = {**what, "from": span.since, "to": span.until, "step": span.step}
        body = b'%b,"columns":{%b}}' % (_encode(head)[:-1], b",".join(parts))
        return Answer(body, headers={"cache-control": "no-store"})

    def _found(self, asked: Asked, kind: str) -> tuple[str, Series, Span]:
        accepted, history = asked.accepted(*TABLE), self._history()
        name = asked.names[kind]
        series = history.series.get(Key(kind, name))
        if series is None:
            raise ProblemError(404, f"nothing is known of a {kind} of this name")
        return accepted, series, _span(asked, self.running.wall_clock(), 1)

    def _history(self) -> History:
        history = self.keeper.history
        if history is None:
            raise ProblemError(503, "history is being read", {"retry-after": "1"})
        return history


def _span(asked: Asked, now: float, least: int) -> Span:
    """Return what `from`, `to` and `step` ask for, in steps of `least` or more."""
    since, until, step = (
        asked.number(name, 0.0) if name in asked.args else None
        for name in ("from", "to", "step")
    )
    if least > 1:
        step = max(step or 0.0, float(least))
    return span_of(since, until, step, now)


def _band(series: Series, span: Span, hashrate: NDArray[np.float64]) -> Columns:
    """Return between what a site's hashrate is, by how many shares say so."""
    before = max(0, -(-HASHRATE_OVER_S // span.step) - 1)
    error = error_of(one_column(series, "accepted", span, before), before)
    off = hashrate * SURE * error
    low, high = np.maximum(0.0, hashrate - off), hashrate + off
    return {"hashrate_low_hs": rounded(low), "hashrate_high_hs": rounded(high)}


def _added(
    rows: list[tuple[Any, ...]],
    span: Span,
    names: tuple[str, ...],
    known: NDArray[np.float64],
) -> Columns:
    """Return sums of rows that begin with their time; `known` where there is none."""
    table = np.array(
        [[np.nan if v is None else v for v in row] for row in rows], float
    ).reshape(len(rows), len(names) + 1)
    places = ((table[:, 0] - span.since) // span.step).astype(int)
    is_within = (places >= 0) & (places < span.count)
    columns: Columns = {}
    for number, name in enumerate(names, 1):
        column = known.copy()
        column[places[is_within]] = 0.0
        np.add.at(column, places[is_within], table[is_within, number])
        columns[name] = rounded(column)
    return columns
