"""What one site's loop makes durable before it is done, and what it keeps meanwhile."""

from collections.abc import Callable, Sequence
from typing import Any

from attrs import define, field
from twisted.logger import Logger

from protocol.units import Seconds, UnixTime
from proxy.controller.notify import tell
from proxy.power.journal.chain import Event
from proxy.power.journal.effects import Effects, Learned
from proxy.power.journal.store import Store, StoreError
from proxy.power.link.messages import Up
from proxy.power.machines.debts import ALL
from proxy.power.orders.documents import DocumentRow, Recorded
from proxy.power.site import SiteControl

KEEP_EVERY = Seconds(60.0)
"""How often what was learned, who is owed and the energy is kept; and at the end."""

KEPT = 2000
"""Machines whose debts are kept in one second: 10 to 20 ms of the reactor's."""


@define(eq=False, repr=False)
class SiteJournal:
    """Writes one site's part of the database; what fails is written with the next."""

    _log = Logger()

    _control: SiteControl
    _store: Store
    _send: Callable[[Up], None]
    _wall_clock: Callable[[], UnixTime]
    _origin: Callable[[], str]
    _unwritten: Effects = field(factory=Effects, init=False)
    _kept_at: Seconds = field(default=Seconds(0.0), init=False)
    _kept_row: int = field(default=0, init=False)  # what is before it is kept

    @property
    def lags(self) -> bool:
        """Orders have changed since they were written down last."""
        return self._unwritten.has_orders

    @lags.setter
    def lags(self, lags: bool) -> None:
        self._unwritten.has_orders = lags

    def write(self, effects: Effects) -> bool:
        """Write down what is to be done; return whether that is durable."""
        new = len(effects.events)
        effects = effects.after(self._unwritten)
        if not effects.is_to_be_written:
            return True
        orders = self._control.orders.orders
        try:
            rows = self._store.write(
                self._control.name, effects, orders, self._wall_clock()
            )
        except StoreError as error:
            if not self._unwritten.is_to_be_written:
                self._log.error("{error}: nothing is raised", error=error)
            self._unwritten = effects
            return False
        self._unwritten = Effects()
        for row in rows[len(rows) - new :]:
            tell(row, self._send)
        return True

    def record(
        self, kind: str, cause: str, body: dict[str, Any], rows: Sequence[DocumentRow]
    ) -> Recorded | None:
        """Write down one event with what it tells of, or nothing; None: nothing.

        It is not tried again: whoever is told that it failed must not find it done.
        """
        at = self._wall_clock()
        effects = Effects([Event(at, self._control.name, kind, cause, body)])
        effects.documents.extend(rows)
        try:
            row = self._store.write(self._control.name, effects, (), at)[-1]
        except StoreError as error:
            self._log.error("{error}: a document is not written down", error=error)
            return None
        tell(row, self._send)
        origin = self._origin()
        if not origin:
            return Recorded(row.id, row.at)
        leaf = row.id - 1 - self._store.log_base(origin)
        return Recorded(row.id, row.at, origin, leaf)

    def documents(self) -> Sequence[DocumentRow]:
        """Return the signed documents of the site, the oldest first.

        Raises:
            StoreError: They could not be read.
        """
        return self._store.documents(self._control.name)

    def forget_documents(self, until: UnixTime) -> None:
        """Forget documents that can have no effect since a moment."""
        try:
            self._store.forget_documents(self._control.name, until)
        except StoreError as error:  # they take room, and nothing else
            self._log.error("{error}", error=error)

    def spoke(self, source: str) -> None:
        """Note that a source was heard."""
        try:
            self._store.spoke(self._control.name, source, self._wall_clock())
        except StoreError as error:  # a restart takes it for silent: the safe side
            self._log.error("{error}", error=error)

    def tick(self, now: Seconds) -> None:
        """Keep what a restart should know, a part each second, all in a while."""
        if now - self._kept_at >= KEEP_EVERY:
            self._kept_at, self._kept_row = now, 0
        if self._kept_row < len(self._control.table.machines) or not self._kept_row:
            begin, self._kept_row = self._kept_row, self._kept_row + KEPT
            self.keep(slice(begin, self._kept_row))

    def keep(self, rows: slice = ALL) -> None:
        """Keep what a restart should know; what fails is kept once it grows again.

        Args:
            rows: Of machines whose debts are looked at.
        """
        known = self._control.state.estimate
        learned = Learned(known.bias, known.reference)
        debts, energy = self._control.table.debts(rows), self._control.energy
        try:
            self._store.remember(self._control.name, learned, debts, energy.rows)
        except StoreError as error:
            self._log.error("{error}", error=error)
        else:
            energy.clear()
