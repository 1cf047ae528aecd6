"""What the share process tells of a site's miners: who is there, parked, at work."""

from collections.abc import Callable

from attrs import define

from protocol.units import Seconds
from proxy.power.actuate import Actuations
from proxy.power.admission import Admission
from proxy.power.alarms import Log
from proxy.power.machines import Machine
from proxy.power.messages import FailSafe, FleetReport
from proxy.power.table import Table
from proxy.power.witness import Witness


@define(eq=False)
class Attendance:
    """Takes in the reports of one site's miners.

    Attributes:
        save: Called with each machine that is seen for the first time.
    """

    table: Table
    admission: Admission
    actuations: Actuations
    witness: Witness
    log: Log
    save: Callable[[Machine], None]

    def report(self, report: FleetReport, now: Seconds) -> None:
        """Take in what changed."""
        if report.is_whole:
            self.table.leave_all(now)
        for miner in report.left:
            self.table.leave(miner, now)
        known = len(self.table.machines)
        self.admission.admit(self.table.join(report.joined, now), "connected")
        for machine in self.table.machines[known:]:
            body = {"machine": machine.key, "worker": machine.worker}
            self.log("machine", f"first seen: {machine.kind.name}", body)
            self.save(machine)
        for miner, is_parked in report.parked:
            found = self.table.of_miner(miner)
            if found is not None:
                self.table.note_parked(found, miner, now, is_parked=is_parked)
        for miner, difficulty in report.difficulty:
            found = self.table.of_miner(miner)
            if found is not None:
                self.table.note_difficulty(found, difficulty, now)
        self._count(report, now)

    def failed_safe(self, told: FailSafe) -> None:
        """Write down what was done while there was no controller."""
        found = [self.table.of_miner(miner) for miner in told.parked]
        parked = [machine.key for machine in found if machine is not None]
        body = {"parked": parked, "limit_w": told.limit_w, "ago_s": told.ago_s}
        self.log("admission", "fail-safe: there was no controller", body)

    def _count(self, report: FleetReport, now: Seconds) -> None:
        for work in report.work:
            machine = self.witness.count(work, now)
            if machine is None:
                continue
            if self.table.level_of(machine) == 0:
                self.actuations.hashed(machine, now)
            else:
                machine.hashed_at = now
