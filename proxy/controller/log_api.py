"""What operators ask of the event log, and of the log that others see."""

from collections.abc import Awaitable, Callable, Iterable
from typing import Any, Protocol

import msgspec
from attrs import define, field
from msgspec import Raw, Struct

from proxy.controller.answers import AskError
from proxy.controller.transparency import LogSide, LogView
from proxy.oversight.generation import GenerationError
from proxy.power.journal.chain import Row
from proxy.power.journal.store import Store

MAX_HISTORY = 1000
MAX_HISTORY_BYTES = 800_000
"""Of events in one answer: with `before` the others can be had."""

Run = Callable[[Callable[[], Any]], Awaitable[Any]]
"""Runs a function where it may take its time: on a thread, if not in a test."""


class LogHolder(Protocol):
    """Whoever publishes the log for others."""

    log_side: LogSide | None


class EventView(Struct):
    """An event of the log."""

    id: int
    at: float
    site: str
    kind: str
    cause: str
    body: Raw
    hash: str


class EventPage(Struct):
    """Events, the newest first.

    Attributes:
        broken_at: Id of the first event that was tampered with; null if none was, or
            if nobody asked.
        is_checked: Every event's hash was held against the one before.
    """

    events: list[EventView]
    is_checked: bool
    broken_at: int | None


@define(eq=False, repr=False)
class LogApi:
    """Answers of the log.

    Attributes:
        check_site: Raises AskError for a site that there is not.
    """

    store: Store
    run: Run
    logs: LogHolder
    check_site: Callable[[str], None]
    _is_checking: bool = field(default=False, init=False)

    async def history(
        self,
        site: str | None = None,
        limit: int = 50,
        before: int | None = None,
        check: bool = False,  # noqa: FBT001, FBT002  (a parameter on the wire)
    ) -> EventPage:
        """Return events, the newest first."""
        if site is not None:
            self.check_site(site)
        rows = self.store.history(site, max(1, min(limit, MAX_HISTORY)), before)
        broken = await self._check() if check else None
        return EventPage(_views(rows), check, broken)

    def status(self) -> LogView:
        """Return the log for others at a glance."""
        return self._side().view()

    async def new_generation(self) -> LogView:
        """Begin the log for others anew, under the origin of the configuration."""
        side = self._side()
        try:
            await side.new_generation()
        except GenerationError as error:
            raise AskError(str(error)) from error
        return side.view()

    def _side(self) -> LogSide:
        if self.logs.log_side is None:
            raise AskError("no log is published: see [proxy.transparency]")
        return self.logs.log_side

    async def _check(self) -> int | None:
        """Hold every event against the one before, one check at a time."""
        if self._is_checking:
            raise AskError("the log is being checked: try again")
        self._is_checking = True
        try:
            broken: int | None = await self.run(self.store.first_broken)
            return broken
        finally:
            self._is_checking = False


def _views(rows: Iterable[Row]) -> list[EventView]:
    """Return `rows`, or as many of the first as an answer has room for."""
    views: list[EventView] = []
    room = MAX_HISTORY_BYTES
    for r in rows:
        view = EventView(r.id, r.at, r.site, r.kind, r.cause, Raw(r.text), r.hash.hex())
        room -= len(msgspec.json.encode(view))
        if views and room < 0:
            break
        views.append(view)
    return views
