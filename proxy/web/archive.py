"""What the databases hold of the past, read on a thread."""

import sqlite3
from collections.abc import Awaitable, Callable, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

from attrs import frozen

from proxy.history.span import Span
from proxy.power.journal.database import STORE_FILE
from proxy.power.journal.energy import WHOLE_SITE
from proxy.runtime.database_file import reading
from proxy.shares.database import LEDGER_FILE
from proxy.web.answers import ProblemError

BUSY_S = 1.0

ENERGY_FROM_S = 60
"""The finest step that energy is kept by."""

HOUR = 3600

ENERGY = (
    "SELECT {span} * {length}, wh, curtailed_wh, budget_wh, machine_s_down"
    " FROM energy_{span} WHERE {span} >= ? AND {span} < ? AND site = ? AND tenant = ?"
    " ORDER BY {span}"
)
# For each span one look by the whole key: a range would go through all workers.
WORK = (
    "WITH RECURSIVE span(number) AS (VALUES (?) UNION ALL SELECT number + 1 FROM span"
    " WHERE number + 1 < ?) SELECT number * {length}, accepted, rejected, work"
    " FROM span CROSS JOIN work_{span} AS done ON done.{span} = number"
    " AND done.site = ? AND done.worker = ?"
)

Rows = list[tuple[Any, ...]]
OnThread = Callable[[Callable[[], Any]], Awaitable[Any]]


@frozen
class Disk:
    """The state folder.

    Attributes:
        line: Makes what runs functions on a thread, one after the other.
    """

    folder: Path
    line: Callable[[], OnThread]


@frozen
class Archive:
    """Asks the ledger and the controller's database.

    Attributes:
        state: The state folder.
        run: Runs a function where it may take its time, one after the other.
    """

    state: Path
    run: OnThread

    async def energy(self, site: str, span: Span) -> Rows:
        """Return start, wh, curtailed_wh, budget_wh, machine_s_down of a site."""
        name, length = _kept_by(span.step)
        sql = ENERGY.format(span=name, length=length)
        bounds = (span.since // length, -(-span.until // length))
        return await self._ask(STORE_FILE, [(sql, (*bounds, site, WHOLE_SITE))])

    async def work(self, workers: Sequence[tuple[str, str]], span: Span) -> Rows:
        """Return start, accepted, rejected, work of workers, each by site and name."""
        name, length = _kept_by(span.step)
        sql = WORK.format(span=name, length=length)
        bounds = (span.since // length, -(-span.until // length))
        return await self._ask(LEDGER_FILE, [(sql, (*bounds, *one)) for one in workers])

    async def _ask(
        self, file: str, questions: Sequence[tuple[str, tuple[object, ...]]]
    ) -> Rows:
        path = self.state / file

        def ask() -> Rows:
            if not path.exists():
                return []
            with closing(reading(path, BUSY_S)) as db:
                return [r for sql, given in questions for r in db.execute(sql, given)]

        try:
            found: Rows = await self.run(ask)
        except sqlite3.Error as error:
            why = f"{file} cannot be read now: {error}"
            raise ProblemError(503, why, {"retry-after": "5"}) from error
        return found


def _kept_by(step: int) -> tuple[str, int]:
    """Return the table's span, and its seconds, that rows of a step are made of."""
    return ("minute", 60) if step % HOUR else ("hour", HOUR)
