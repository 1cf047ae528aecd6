"""What machines had before we changed it, kept until it is put back.

A device is identified anew after failures, at another address after DHCP moved it, or
where more are known than are remembered; none of that may lose the mode that its owner
had chosen, or a thermal management that is still to be turned on again. It is kept by
address, and by the machine's identity (`identity`) once that is known, which rules.
"""

from attrs import define, field

from proxy.devices.antminer import StockModes
from proxy.devices.auradine import PowerModes
from proxy.devices.luxos import Profiles
from proxy.devices.mara import MaraModes
from proxy.devices.quirks import Quirks
from proxy.devices.work_modes import WorkModes
from proxy.power.machines.fleet import MAX_MACHINES

MAX_FOUND = MAX_MACHINES
"""Machines by each of both; 0.5 kB each. The one found first is lost first."""


@define(eq=False, repr=False)
class Found:
    """What one machine was found with.

    Attributes:
        firmware: That it was found under; another one knows nothing of it.
        identity: None: not known yet.
        address: Where it was last.
        modes: Of one that sleeps by a mode of its configuration.
        power_modes: Of an Auradine.
        profiles: Of a LuxOS.
    """

    firmware: str
    identity: str | None = None
    address: str = ""
    modes: WorkModes | None = None
    power_modes: PowerModes = field(factory=PowerModes)
    profiles: Profiles = field(factory=Profiles)

    @classmethod
    def of(cls, quirks: Quirks, identity: str | None = None) -> "Found":
        """Return that of a machine that nothing is known of."""
        modes: WorkModes | None = MaraModes() if quirks.has_selector else None
        if quirks.writes_whole:
            modes = StockModes()
        return cls(quirks.firmware, identity, modes=modes)


@define(eq=False, repr=False)
class FoundMachines:
    """What all machines were found with."""

    _by_address: dict[str, Found] = field(factory=dict, init=False)  # MAX_FOUND
    _by_identity: dict[str, Found] = field(factory=dict, init=False)  # MAX_FOUND

    def address_of(self, identity: str) -> str | None:
        """Return where a machine was last, None if it is not known."""
        found = self._by_identity.get(identity)
        return None if found is None else found.address

    def of(self, address: str, quirks: Quirks, identity: str | None) -> Found:
        """Return what the machine at an address was found with, to be kept up to date.

        Args:
            address: Where it is now.
            quirks: Of the firmware that it has now.
            identity: None: it does not say; it is who was there before.
        """
        found = self._by_identity.get(identity or "")
        if found is None or found.firmware != quirks.firmware:
            found = self._last_at(address, quirks, identity)
        found.address = address
        _put(self._by_address, address, found)
        if found.identity is not None:
            _put(self._by_identity, found.identity, found)
        return found

    def _last_at(self, address: str, quirks: Quirks, identity: str | None) -> Found:
        last = self._by_address.get(address)
        if last is None or last.firmware != quirks.firmware:
            return Found.of(quirks, identity)
        if last.identity is None:
            last.identity = identity
        is_same = identity is None or last.identity == identity
        return last if is_same else Found.of(quirks, identity)


def _put(kept: dict[str, Found], key: str, found: Found) -> None:
    if key not in kept and len(kept) >= MAX_FOUND:
        del kept[next(iter(kept))]
    kept[key] = found
