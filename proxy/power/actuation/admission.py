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
"""Machines that are granted work again in one tick, the others at the next look: a row
of the log (`batches.MAX_ROWS`)."""

LOOKED_AT = 2000
"""Machines that are looked at in a tick: 1 ms; 60 ticks have 120,000."""


@define(eq=False, repr=False)
class Admission:
    """Parks and grants the connections of one site's machines by their levels."""

    table: Table
    outbox: SiteOutbox
    _idle: set[str] = field(factory=set, init=False)  # at the last look
    _found: set[str] = field(factory=set, init=False)  # at this one, so far
    _begun_at: Seconds = field(default=LONG_AGO, init=False)
    _next: int = field(default=0, init=False)  # 0: a look is over

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
        if not self._next:
            if now - self._begun_at < LOOK_EVERY:
                return
            self._begun_at = now
        begin, self._next = self._next, self._next + LOOKED_AT
        some = self.table.machines[begin : self._next]
        levels = self.table.fleet.level[begin : begin + LOOKED_AT].tolist()
        idle = [
            m
            for m, level in zip(some, levels, strict=True)
            if level > 0
            and any(m.miners.values())
            and m.hashing.difficulty > 0  # else it is parked for want of work
            and not is_under_way(m)
        ]
        again = [m for m in idle if m.key in self._idle]
        self.admit(again[:MAX_AGAIN], "again: it shall run, and is parked")
        self._found.update(m.key for m in idle)
        if self._next >= len(self.table.machines):
            self._idle, self._found, self._next = self._found, set(), 0
