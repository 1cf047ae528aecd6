"""What one site's control does and learns, written down before it is acted upon."""

from collections.abc import Callable

from attrs import define, field
from twisted.logger import Logger

from protocol.units import UnixTime
from proxy.controller.notify import tell
from proxy.power.journal.effects import Effects, Learned
from proxy.power.journal.store import Store, StoreError
from proxy.power.link.messages import Up
from proxy.power.site import SiteControl


@define(eq=False, repr=False)
class SiteJournal:
    """Writes for one site; what could not be written goes with the next write.

    Attributes:
        control: Whose site it is.
        store: Where all is written.
        send: Sends a message to the share process: it is told of each event.
        wall_clock: What time it is.
        unwritten: What could not be written yet.
    """

    _log = Logger()

    control: SiteControl
    store: Store
    send: Callable[[Up], None]
    wall_clock: Callable[[], UnixTime]
    unwritten: Effects = field(factory=Effects, init=False)

    def write(self, effects: Effects) -> bool:
        """Make what `effects` hold durable, and all before it; return whether it is."""
        new = len(effects.events)
        effects = effects.after(self.unwritten)
        if not effects.is_to_be_written:
            return True
        orders, name = self.control.orders.orders, self.control.name
        try:
            rows = self.store.write(name, effects, orders, self.wall_clock())
        except StoreError as error:
            if not self.unwritten.is_to_be_written:
                self._log.error("{error}: nothing is raised", error=error)
            self.unwritten = effects
            return False
        self.unwritten = Effects()
        for row in rows[len(rows) - new :]:
            tell(row, self.send)
        return True

    def spoke(self, source: str) -> None:
        """Note that a source was heard."""
        try:
            self.store.spoke(self.control.name, source, self.wall_clock())
        except StoreError as error:  # a restart takes it for silent: the safe side
            self._log.error("{error}", error=error)

    def keep(self) -> None:
        """Keep what a restart should know; what fails is kept once it grows again."""
        known = self.control.state.estimate
        learned = Learned(known.bias, known.reference)
        debts, energy = self.control.table.debts(), self.control.energy
        try:
            self.store.remember(self.control.name, learned, debts, energy.rows)
        except StoreError as error:
            self._log.error("{error}", error=error)
        else:
            energy.clear()
