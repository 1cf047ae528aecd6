"""Which machine answers at an address, and whether its limit is its owner's.

A device that says an identity which a machine at another address has is that machine,
moved, two machines of one identity, or DHCP has swapped them. The other address is
asked: silence, while nothing is connected from there, means moved; the same answer,
that the identity tells nothing; another answer, swapped.

    the limit that it is read with     what is its own
    no level that we command           that limit: its owner has set it
    one, of a machine that is known    what that was found with
    one, while it is not known who     nothing yet; it is not limited meanwhile
    one, of a machine that is new      that limit; but none at all where a machine is
                                       gone that never said who it is: it may be that
                                       one, and the limit may be ours
"""

from attrs import define, field

from protocol.units import Seconds, Watts
from proxy.power.actuation.sought import SoughtIdentities
from proxy.power.journal.outbox import SiteOutbox
from proxy.power.machines.found import NEAR
from proxy.power.machines.kinds import Mode
from proxy.power.machines.known import NAMELESS, is_local
from proxy.power.machines.machine import LONG_AGO, Machine
from proxy.power.machines.rows import FoundLimit
from proxy.power.machines.table import Table

UNSURE_FOR = Seconds(90.0)
"""A machine is not limited for so long after it was not known whose its limit is: until
it has been read again."""

LOST_FOR = Seconds(1.0)
"""How long the answer holds whether a machine is gone that never said who it is: it
takes a look at each."""


@define(eq=False, repr=False)
class Recognition:
    """Who the machines of one site are."""

    table: Table
    outbox: SiteOutbox
    _sought: SoughtIdentities = field(factory=SoughtIdentities, init=False)
    _lost: tuple[Seconds, bool] = field(default=(LONG_AGO, False), init=False)

    def heard(self, machine: Machine, identity: str | None) -> tuple[str, ...]:
        """Take note of who a machine says that it is; None: it was not asked.

        Returns the keys of those who are to be read now, to tell.
        """
        known = self.table.known
        if identity is None or known.is_shared(identity):
            return ()
        asked: tuple[str, ...] = ()
        sought = self._sought.pop(machine.key)
        if identity != machine.identity:
            asked = self._become(machine, identity)
        elif sought is not None:
            self._share(machine, identity)
        if sought is None:
            return asked
        wanted, key = sought
        asker = self.table.find(key)
        if asker is not None and not known.is_shared(wanted):
            asked += self._become(asker, wanted)
        return (*asked, key)

    def moved_from(self, machine: Machine) -> Machine | None:
        """Return who a machine that does not answer is now, at another address."""
        sought = None if machine.miners else self._sought.pop(machine.key)
        if sought is None:
            return None
        identity, key = sought
        asker = self.table.find(key)
        if asker is None:
            return None
        self.table.known.release(identity, machine.key)
        if machine.found_w is not None:
            self._keep(identity, machine.found_w)
        self._become(asker, identity)
        self.table.take_over(asker, machine)
        return asker

    def forget(self, machine: Machine) -> None:
        """Take note that a machine is gone; what it was found with stays known."""
        self._sought.pop(machine.key)
        self.table.known.release(machine.identity, machine.key)
        if machine.identity is None and machine.found_w is not None:
            self._keep(NAMELESS, Watts(0.0))

    def limit_found(
        self, machine: Machine, limit_w: Watts, now: Seconds
    ) -> Watts | None:
        """Return what a machine is found with; None: that cannot be told yet."""
        if not _may_be_ours(machine, limit_w):
            return limit_w
        known_w = self.table.known.limit_of(machine.identity)
        if known_w is not None:
            return known_w
        if self._sought.is_asker(machine.key):
            machine.limits_from = max(machine.limits_from, Seconds(now + UNSURE_FOR))
            return None
        return None if self._is_any_lost(now) else limit_w

    def note_found(self, machine: Machine, found_w: Watts) -> bool:
        """Take what a machine is found with; return whether its owner has set it."""
        if machine.identity is not None:
            self._keep(machine.identity, found_w)
        return self.table.note_found(machine, found_w)

    def _become(self, machine: Machine, identity: str) -> tuple[str, ...]:
        """Know a machine by an identity, unless another one has it: that is sought.

        Returns the key of that one.
        """
        known = self.table.known
        self._lose_identity(machine, identity)
        holder = known.holder_of(identity)
        if holder is not None:
            self._sought.seek(holder, identity, machine.key)
            return (holder,)
        known.hold(identity, machine.key)
        machine.identity = identity
        found_w, known_w = machine.found_w, known.limit_of(identity)
        if found_w is not None and known_w is not None:
            found_w = known_w if _may_be_ours(machine, found_w) else found_w
            self.table.note_found(machine, found_w)
        if found_w is not None:
            self._keep(identity, found_w)
        self.outbox.save(self.table.saved_row(machine))
        return ()

    def _lose_identity(self, machine: Machine, said: str) -> None:
        """Know that a machine is not who it was; it says another identity now."""
        before, machine.identity = machine.identity, None
        if before is None:
            return
        known = self.table.known
        known.release(before, machine.key)
        if is_local(said) and known.limit_of(said) is None:
            return  # it may be the same
        body = {"machine": machine.key, "identity": said, "before": before}
        self.outbox.log("machine", "another machine has its address", body)
        self.table.note_found(machine, None)

    def _share(self, machine: Machine, identity: str) -> None:
        machine.identity = None
        self.table.known.share(identity)
        body = {"machine": machine.key, "identity": identity}
        self.outbox.log("machine", "two machines say that they are this one", body)
        self.outbox.save(self.table.saved_row(machine))

    def _keep(self, identity: str, found_w: Watts) -> None:
        if self.table.known.limit_of(identity) != found_w:
            self.table.known.note_limit(identity, found_w)
            self.outbox.effects.found.append(FoundLimit(identity, found_w))

    def _is_any_lost(self, now: Seconds) -> bool:
        """Tell whether a machine that never said who it is may be elsewhere now."""
        at, is_lost = self._lost
        if now - at >= LOST_FOR:
            is_lost = any(map(_may_have_moved, self.table.machines))
            self._lost = now, is_lost
        return is_lost or self.table.known.has_lost_any


def _may_have_moved(machine: Machine) -> bool:
    is_nameless = machine.identity is None and machine.found_w is not None
    is_away = not machine.miners and machine.is_asleep is not True
    return machine.has_api and is_nameless and is_away


def _may_be_ours(machine: Machine, limit_w: Watts) -> bool:
    """Tell whether a limit is one of the levels that we limit such machines to."""
    levels = machine.kind.variants[Mode.TUNED].points[1:-1]
    return any(abs(limit_w - watts) <= NEAR * watts for _, watts in levels)
