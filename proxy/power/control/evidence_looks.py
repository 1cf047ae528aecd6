"""Looks at what machines prove of themselves, one each control period."""

from attrs import define, field

from protocol.units import Seconds
from proxy.power.control.estimate_state import CONTROL_PERIOD
from proxy.power.control.fleet_evidence import (
    NO_EVIDENCE,
    FleetEvidence,
    fleet_evidence,
)
from proxy.power.machines.machine import LONG_AGO
from proxy.power.machines.table import Table


@define(eq=False, repr=False)
class EvidenceLooks:
    """What the machines of a table prove, by the last look."""

    table: Table
    _found: FleetEvidence = field(default=NO_EVIDENCE, init=False)
    _looked_at: Seconds = field(default=LONG_AGO, init=False)

    def at(self, now: Seconds) -> FleetEvidence:
        """Return what they prove now, or did within the control period."""
        if now - self._looked_at >= CONTROL_PERIOD:
            self._looked_at, self._found = now, fleet_evidence(self.table, now)
        return self._found
