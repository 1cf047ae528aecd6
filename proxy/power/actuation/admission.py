"""Which connections of a site are given jobs: those of machines that shall run."""

from collections.abc import Callable, Sequence

from attrs import define, field

from protocol.units import Seconds
from proxy.power.journal.batches import parts
from proxy.power.journal.outbox import SiteOutbox
from proxy.power.machines.machine import LONG_AGO, Machine
from proxy.power.machines.table import Table

LOOK_EVERY = Seconds(60.0)
"""How often it is looked for machines that shall run and are parked: a lost grant is
rare, and twice in a row is one to two minutes of one machine's work."""

MAX_AGAIN = 1000
"""Machines that are granted work again at one look, the others at the next: a row of
the log (`batches.MAX_ROWS`)."""


@define(eq=False, repr=False)
class Admission:
    """Parks and grants the connections of one site's machines by their levels."""

    table: Table
    outbox: SiteOutbox
    _idle: frozenset[str] = field(default=frozenset(), init=False)
    _looked_at: Seconds = field(default=LONG_AGO, init=False)

    def connect(self, machine: Machine) -> None:
        """Park or grant all connections of `machine` as its level says.

        Also those that are said to be so already: a report may be on its way that
        says otherwise.
        """
        is_off = self.table.level_of(machine) == 0
        effects = self.outbox.effects
        (effects.park if is_off else effects.grant).extend(machine.miners)

    def admit(self, machines: Sequence[Machine], cause: str) -> None:
        """Do so for machines whose levels stay as they are."""
        levels = self.table.fleet.level
        for some in parts([(m.key, bool(levels[m.row])) for m in machines]):
            on = [key for key, is_on in some if is_on]
            off = [key for key, is_on in some if not is_on]
            self.outbox.log("admission", cause, {"granted": on, "parked": off})
        for machine in machines:
            self.connect(machine)

    def tick(self, now: Seconds, is_under_way: Callable[[Machine], bool]) -> None:
        """Grant work to those that shall run and were found parked twice in a row.

        A grant that cannot be written down is lost, and one on a link that ends.

        Args:
            now: The moment.
            is_under_way: Tells whether a command to a machine is not over.
        """
        if now - self._looked_at < LOOK_EVERY:
            return
        self._looked_at = now
        levels = self.table.fleet.level.tolist()
        idle = [
            m
            for m in self.table.machines
            if levels[m.row] > 0
            and any(m.miners.values())
            and m.hashing.difficulty > 0  # else it is parked for want of work
            and not is_under_way(m)
        ]
        again = [m for m in idle if m.key in self._idle]
        self.admit(again[:MAX_AGAIN], "again: it shall run, and is parked")
        self._idle = frozenset(m.key for m in idle)
