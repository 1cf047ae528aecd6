"""One verification, from the checkpoint to the report."""

from collections.abc import Mapping
from pathlib import Path

from attrs import define, field, frozen

from protocol.errors import MalformedMessageError
from protocol.tlog.note import MAX_NOTE_BYTES
from proxy.regular_file import read_regular
from proxy.verifier.budgets import Budgets
from proxy.verifier.commands import Commands
from proxy.verifier.disclosed import Disclosed, read_openings
from proxy.verifier.documents import Documents
from proxy.verifier.fleet import Fleets, Range
from proxy.verifier.folder import CHECKPOINT, LogCopy
from proxy.verifier.hashing import HASHES_OF_ONE, TERA, Hashing, HourFigures
from proxy.verifier.meter import Meter, Quarter, summed
from proxy.verifier.minutes import Minutes
from proxy.verifier.order import Order
from proxy.verifier.other_meter import hold, read_other
from proxy.verifier.reading import Look, Reading
from proxy.verifier.register import Registers
from proxy.verifier.report import Findings, Report, TenantSums
from proxy.verifier.signatures import SignedPoint, Trusted, signed_point

MAX_STRANGERS = 20


class UnusableError(Exception):
    """There is nothing to verify, or what was given is no such thing."""


@frozen
class Wanted:
    """What is to be verified, and by what.

    Attributes:
        folder: A copy of a log.
        since: An older checkpoint of it that one kept; None: none.
        policy_id: Of the first policy of documents; empty: nobody knows it.
        meter: Another meter's quarters of an hour; None: there is none.
        response_s: What a site may take to be under a lower budget.
        openings: Of hidden values that one was shown; None: none was.
        fleet: Joules a terahash that the site's machines take, as one knows it; None:
            the site's word counts.
    """

    folder: Path
    trusted: Trusted = field(factory=Trusted)
    since: Path | None = None
    policy_id: str = ""
    meter: Path | None = None
    response_s: float = 30.0
    openings: Path | None = None
    fleet: Range | None = None


@define(eq=False, repr=False)
class Looks:
    """All who look at leaves, each with what it needs of those before it.

    Attributes:
        order: Looks at every leaf.
    """

    findings: Findings
    order: Order
    documents: Documents
    budgets: Budgets
    minutes: Minutes
    registers: Registers
    meter: Meter
    hashing: Hashing
    fleets: Fleets
    commands: Commands
    disclosed: Disclosed

    @classmethod
    def of(cls, wanted: Wanted, findings: Findings) -> "Looks":
        """Return those for one verification."""
        order, commands = Order(findings), Commands(findings)
        documents = Documents(findings, order, wanted.policy_id)
        budgets = Budgets(findings, documents)
        minutes = Minutes(findings, order)
        registers = Registers(findings, budgets, minutes)
        meter = Meter(findings, budgets, minutes, wanted.response_s)
        fleets = Fleets(wanted.fleet)
        hashing = Hashing(findings, meter, fleets)
        disclosed = Disclosed(findings, _openings(wanted.openings))
        return cls(
            findings=findings,
            order=order,
            documents=documents,
            budgets=budgets,
            minutes=minutes,
            registers=registers,
            meter=meter,
            hashing=hashing,
            fleets=fleets,
            commands=commands,
            disclosed=disclosed,
        )

    @property
    def by_kind(self) -> list[Look]:
        """Those that look at some kinds, in the order in which they see a leaf."""
        return [
            # Minutes refuse for those behind, and the meter lets budgets be forgotten.
            *(self.documents, self.budgets, self.minutes, self.registers, self.meter),
            *(self.hashing, self.fleets, self.commands, self.disclosed),
        ]


@frozen
class Verified:
    """What came of it.

    Attributes:
        quarters: Of the meter, for a chart.
        hours: Of energy and hashes, by site and beginning.
    """

    report: Report
    quarters: Mapping[int, Quarter]
    hours: Mapping[tuple[str, int], HourFigures]


def verify(wanted: Wanted) -> Verified:
    """Return what is found.

    Raises:
        UnusableError: There is no log, or what else was given is no such thing.
    """
    findings = Findings()
    other = _other_meter(wanted.meter)
    point = _point(wanted.folder / CHECKPOINT, wanted.trusted, findings, CHECKPOINT)
    since = (
        None
        if wanted.since is None
        else _point(wanted.since, wanted.trusted, findings, "the older checkpoint")
    )
    looks = Looks.of(wanted, findings)
    copy = LogCopy(wanted.folder, point.point.size)
    roots = dict.fromkeys([] if since is None else [since.point.size], b"")
    reading = Reading(copy, findings, looks.order.take, looks.by_kind, roots)
    is_whole = reading.run()
    if is_whole:
        is_whole = _hold_root(point, reading, findings)
        if since is not None:
            _hold_since(since, point, reading, findings)
    for number, name in enumerate(copy.strangers()):
        if number < MAX_STRANGERS:
            findings.note(f"{name} is no file of this log: nothing vouches for it")
    difference = None
    if other is not None:
        difference = hold(looks.meter.whole_quarters(), other, findings)
    report = _report(point, reading, looks)
    report.meter_disagreement, report.is_whole = difference, is_whole
    return Verified(report, looks.meter.quarters, looks.hashing.hours)


def _hold_root(point: SignedPoint, reading: Reading, findings: Findings) -> bool:
    """Return whether the leaves have the root that was signed."""
    found = reading.edge.root()
    if found != point.point.root:
        findings.fault(
            f"the leaves have the root {found.hex()}, not the one that was signed,"
            f" {point.point.root.hex()}"
        )
    return found == point.point.root


def _openings(path: Path | None) -> dict[int, list[str]]:
    if path is None:
        return {}
    try:
        return read_openings(path)
    except OSError as error:
        raise UnusableError(f"--openings {path}: {error.strerror}") from error
    except ValueError as error:
        raise UnusableError(str(error)) from error


def _other_meter(path: Path | None) -> dict[int, float] | None:
    if path is None:
        return None
    try:
        return read_other(path)
    except OSError as error:
        raise UnusableError(f"--meter {path}: {error.strerror}") from error
    except ValueError as error:
        raise UnusableError(str(error)) from error


def _point(path: Path, trusted: Trusted, findings: Findings, what: str) -> SignedPoint:
    try:
        raw = read_regular(path, MAX_NOTE_BYTES)
        return signed_point(raw, trusted, findings, what)
    except OSError as error:
        raise UnusableError(f"{path}: {error.strerror}") from error
    except MalformedMessageError as error:
        raise UnusableError(f"{path}: {error}") from error


def _hold_since(
    since: SignedPoint, point: SignedPoint, reading: Reading, findings: Findings
) -> None:
    old = since.point
    if old.origin != point.point.origin:
        findings.fault(f"the older checkpoint is of another log, {old.origin}")
    elif old.size > point.point.size:
        findings.fault(
            f"the older checkpoint has {old.size} leaves, this log {point.point.size}:"
            " it was set back"
        )
    elif reading.roots[old.size] != old.root:
        findings.fault(
            f"this log does not continue the older checkpoint of {old.size} leaves:"
            " its history was rewritten"
        )


def _report(point: SignedPoint, reading: Reading, looks: Looks) -> Report:
    findings, order = looks.findings, looks.order
    # What is wrong first, and of that what is of the whole log.
    listed = sorted(findings.listed, key=lambda f: (f.severity, f.at or 0.0))
    figures = summed(looks.meter.sites)
    return Report(
        log=point.point.origin,
        size=point.point.size,
        root=point.point.root.hex(),
        cosigned_by=[key.name for key in point.cosigned_by],
        signed_at=point.at,
        first_at=order.first_at,
        last_at=order.last_at,
        starts=order.starts,
        kinds=dict(sorted(reading.counts.items())),
        policy_version=looks.documents.policy_version,
        documents=looks.documents.counts,
        energy_kwh=figures.energy_kwh,
        counted_kwh=looks.registers.counted_wh / 1000.0,
        utilisation=figures.utilisation,
        exceed_s=figures.exceed_s,
        exceed_kwh=figures.exceed_kwh,
        exceed_kwh_outside_response=figures.exceed_kwh_outside_response,
        responses=looks.meter.responses,
        metered_s=figures.metered_s,
        missed_s=figures.missed_s,
        missing_minutes=looks.minutes.missing,
        unmetered_minutes=figures.unmetered_minutes,
        j_per_th=looks.hashing.total().j_per_th,
        fleets={n: list(one) for n, one in sorted(looks.fleets.ranges.items())},
        tenants={
            name: TenantSums(one.n, one.d * HASHES_OF_ONE / TERA)
            for name, one in sorted(looks.disclosed.sums.items())
        },
        commands=looks.commands.given,
        commands_unanswered=looks.commands.unanswered,
        findings=listed,
        unlisted=sum(findings.counts.values()) - len(listed),
    )
