"""What the share process tells of a site's miners: who is there, parked, at work."""

from fnmatch import fnmatchcase

from attrs import define, field

from protocol.units import Seconds
from proxy.power.actuation.admission import Admission
from proxy.power.actuation.polls import Polls
from proxy.power.control.cold import shown_at_rest
from proxy.power.control.estimate_state import EstimateParams
from proxy.power.control.looks import Looks
from proxy.power.evidence.checks import ShareChecks
from proxy.power.journal.alarms import AlarmName
from proxy.power.journal.batches import parts
from proxy.power.journal.outbox import SiteOutbox
from proxy.power.link.messages import FailSafe, FleetReport
from proxy.power.machines.absence import FORGOTTEN_AFTER
from proxy.power.machines.supply import note_difficulty, note_parked
from proxy.power.machines.table import Table


@define(eq=False, repr=False)
class Presence:
    """Takes in the reports of one site's miners."""

    table: Table
    admission: Admission
    polls: Polls
    share_checks: ShareChecks
    outbox: SiteOutbox
    _locked_out: set[str] = field(factory=set, init=False)  # fleet rows

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
            self.outbox.log("machine", f"first seen: {machine.kind.name}", body)
            self.outbox.save(self.table.saved_row(machine))
        for miner, is_parked in report.parked:
            found = self.table.of_miner(miner)
            if found is not None:
                note_parked(found, miner, now, is_parked=is_parked)
        for miner, difficulty in report.difficulty:
            found = self.table.of_miner(miner)
            if found is not None:
                note_difficulty(found, difficulty, now)
        self._count(report, now)

    def mind_absent(self, now: Seconds) -> None:
        """Set aside or forget who is gone; name those that count at full power."""
        aside, forgotten = self.table.mind_absent(now)
        for machine in aside:
            self.outbox.log(
                "machine", "absent: not connected", {"machine": machine.key}
            )
            self.outbox.save(self.table.saved_row(machine))
        for machine in forgotten:
            self.polls.drop(machine, "forgotten", now)
        self._alarm(now)

    def note_cold(self, looks: Looks, params: EstimateParams, now: Seconds) -> None:
        """Count those as off that the meter shows never to have worked."""
        rows = shown_at_rest(self.table.fleet, looks, now, params)
        if len(rows):
            self.table.rest(rows)
            why = "never seen at work, and the meter shows that they are at rest"
            self.outbox.log("machine", why, {"machines": len(rows)})

    def forget(self, pattern: str, now: Seconds) -> int:
        """Forget who is gone, as an operator knows; return how many that were.

        Args:
            pattern: Glob on the key or the worker of machines that are absent.
            now: The moment.
        """
        gone = [
            m
            for m in self.table.machines
            if m.is_absent(now)
            and (fnmatchcase(m.key, pattern) or fnmatchcase(m.worker, pattern))
        ]
        if gone:
            self.table.forget(gone)
        for machine in gone:
            self.polls.drop(machine, "forgotten by an operator", now)
        return len(gone)

    def failed_safe(self, told: FailSafe) -> None:
        """Write down what was done while there was no controller."""
        found = [self.table.of_miner(miner) for miner in told.parked]
        parked = [machine.key for machine in found if machine is not None]
        said = {"limit_w": told.limit_w, "ago_s": told.ago_s}
        for some in parts(parked) if parked else [parked]:
            body = {"parked": some, **said}
            self.outbox.log("admission", "fail-safe: there was no controller", body)

    def _alarm_logins(self, now: Seconds) -> None:
        """Raise the alarm over each fleet row whose login devices refuse."""
        alarms, name = self.polls.alarms, AlarmName.LOGIN
        rows = self.polls.actuations.recovery.locked_out
        for row in rows:
            why = f"devices refuse the user name or password of fleet row {row!r}"
            alarms.holds(name, why, {}, now, row)
        for row in self._locked_out - rows:
            alarms.lapses(name, now, row, Seconds(0.0))
        self._locked_out = rows

    def _alarm(self, now: Seconds) -> None:
        self._alarm_logins(now)
        alarms, why = self.polls.alarms, "not seen for an hour, counts at full power"
        lost = [
            machine.key
            for machine in self.table.gone.values()
            if not machine.is_responsive
            and machine.is_absent(now)
            and now - machine.seen_at >= FORGOTTEN_AFTER
        ]
        for key in lost:
            alarms.holds(AlarmName.ABSENT, why, {}, now, key)
        for key in set(alarms.against(AlarmName.ABSENT)).difference(lost):
            alarms.lapses(AlarmName.ABSENT, now, key, Seconds(0.0))

    def _count(self, report: FleetReport, now: Seconds) -> None:
        for work in report.work:
            if not work.proves_hashing:
                continue
            machine = self.share_checks.count(work, now)
            if machine is None:
                continue
            if self.table.level_of(machine) == 0:
                self.polls.actuations.hashed(machine, now)
            else:
                self.polls.actuations.recovery.worked(machine, now)
