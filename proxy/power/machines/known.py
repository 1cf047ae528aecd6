"""Machines by what they say that they are, and the limits that they were found with.

The key of a machine is its address, which DHCP may give to another one. Its identity
stays with it (the MAC or the serial number, of devices that say one). By it a machine
that moved is one and not two, and a limit that we set is not taken for its owner's
where the machine comes back at another address, or after it was forgotten.
"""

from collections.abc import Mapping

from attrs import define, field

from protocol.units import Watts
from proxy.power.machines.fleet import MAX_MACHINES

MAX_LIMITS = MAX_MACHINES
"""Identities that are known by a limit; 0.2 kB each. The oldest goes first."""

MAX_SHARED = 10_000
"""Identities of several machines; beyond it they are looked at anew each time."""

NAMELESS = ""
"""Stands, where limits are kept, for machines that were forgotten and never said who
they are: one that comes may be one of them."""

SERIAL = "serial "
"""Begins an identity that is a serial number, and no MAC."""

_LOCAL = 0x02
"""In the first byte of a MAC: not its maker's. Boards without one invent it, some at
each start."""


@define(eq=False, repr=False)
class KnownMachines:
    """What is known of machines by their identities."""

    _limits: dict[str, Watts] = field(factory=dict, init=False)  # MAX_LIMITS
    _holders: dict[str, str] = field(factory=dict, init=False)  # of those in the table
    _shared: set[str] = field(factory=set, init=False)  # MAX_SHARED

    def restore(self, limits: Mapping[str, Watts]) -> None:
        """Take in the limits that were known before a restart."""
        self._limits |= limits

    def limit_of(self, identity: str | None) -> Watts | None:
        """Return what a machine was found with, None if that is not known."""
        return None if identity is None else self._limits.get(identity)

    def note_limit(self, identity: str, found_w: Watts) -> None:
        """Know what a machine was found with."""
        if identity not in self._limits and len(self._limits) >= MAX_LIMITS:
            del self._limits[next(iter(self._limits))]
        self._limits[identity] = found_w

    def holder_of(self, identity: str) -> str | None:
        """Return the key of the machine that has an identity, None if none has."""
        return self._holders.get(identity)

    def hold(self, identity: str, key: str) -> None:
        """Know which machine of the table has an identity."""
        self._holders[identity] = key

    def release(self, identity: str | None, key: str) -> None:
        """Forget that a machine of the table has an identity."""
        if identity is not None and self._holders.get(identity) == key:
            del self._holders[identity]

    def is_shared(self, identity: str) -> bool:
        """Tell whether several machines say that they are this one."""
        return identity in self._shared

    def share(self, identity: str) -> None:
        """Know that several machines say that they are this one: it tells nothing."""
        if len(self._shared) < MAX_SHARED:
            self._shared.add(identity)
        self._holders.pop(identity, None)
        self._limits.pop(identity, None)

    @property
    def has_lost_any(self) -> bool:
        """A machine was forgotten that had never said who it is."""
        return NAMELESS in self._limits


def is_local(identity: str) -> bool:
    """Tell whether a MAC was invented, so that another one proves nothing."""
    if identity.startswith(SERIAL):
        return False
    return bool(int(identity.partition(":")[0], 16) & _LOCAL)
