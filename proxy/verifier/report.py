"""What a verifier found."""

from typing import Annotated, Literal

import msgspec
from attrs import define, field

Severity = Literal["finding", "note"]

MAX_FINDINGS = 1000
"""Findings that are listed; those beyond are counted."""


class Finding(msgspec.Struct):
    """Something that somebody must look into, or should know of.

    Attributes:
        severity: A finding is what an honest site does not have; a note is no fault.
        leaf: Where, from 0; null: of the log as a whole.
        at: Unix seconds that are spoken of; null: no time is.
    """

    severity: Severity
    leaf: int | None
    at: float | None
    text: str


MINUTE = 60
"""Seconds."""

LATEST = 253_402_300_799
"""Unix seconds of the last moment that has four digits for its year."""

Moment = Annotated[float, msgspec.Meta(ge=0, le=LATEST)]
Minute = Annotated[int, msgspec.Meta(ge=0, le=LATEST)]
"""Unix seconds that a row may speak of: dates are made of them."""

_MOST = 1e15
Reading = Annotated[float, msgspec.Meta(ge=-_MOST, le=_MOST)]
Amount = Annotated[float, msgspec.Meta(ge=0, le=_MOST)]
"""Watts, or difficulties of a minute: mankind draws 2e13 W, and all of Bitcoin's hashes
of a minute come to 2e13. Sums of what is no more stay finite."""

Square = Annotated[float, msgspec.Meta(ge=0, le=_MOST**2)]
Count = Annotated[int, msgspec.Meta(ge=0, le=10**15)]

Readings = Annotated[list[Reading | None], msgspec.Meta(max_length=MINUTE)]
"""Watts of each second of a minute."""


@define(eq=False, repr=False)
class Findings:
    """Gathers them, the first ones in full.

    Attributes:
        listed: In the order in which they came up.
        counts: Of each severity.
    """

    listed: list[Finding] = field(factory=list)
    _kept: dict[Severity, int] = field(factory=lambda: {"finding": 0, "note": 0})
    counts: dict[Severity, int] = field(factory=lambda: {"finding": 0, "note": 0})

    def fault(
        self, text: str, leaf: int | None = None, at: float | None = None
    ) -> None:
        """Add what an honest site does not have."""
        self._add(Finding("finding", leaf, at, text))

    def note(self, text: str, leaf: int | None = None, at: float | None = None) -> None:
        """Add what should be known."""
        self._add(Finding("note", leaf, at, text))

    def _add(self, one: Finding) -> None:
        self.counts[one.severity] += 1
        if self._kept[one.severity] < MAX_FINDINGS // 2:
            self._kept[one.severity] += 1
            self.listed.append(one)


class Response(msgspec.Struct):
    """A lowering of the budget, and when the meter was first under it.

    Attributes:
        response_s: Null: not within a quarter of an hour, or it never was metered.
        lifted_s: After so long more was allowed again, before it was followed; null: it
            was not.
    """

    site: str
    at: float
    from_w: float
    to_w: float
    response_s: float | None = None
    lifted_s: float | None = None


class TenantSums(msgspec.Struct):
    """What the log proves of a tenant whose values were shown.

    Attributes:
        shares: How many.
        terahashes: That they stand for.
    """

    shares: int
    terahashes: float


class Report(msgspec.Struct):
    """All that a verifier says of a log.

    Attributes:
        log: Its origin.
        size: Leaves.
        root: Of the checkpoint, hexadecimal.
        cosigned_by: Names of the witnesses' keys.
        signed_at: Unix seconds of the newest cosignature; null: there is none.
        first_at: Unix seconds of the first leaf; null: there is none.
        last_at: Of the last.
        is_whole: Every leaf was there, and they have the root that was signed.
        kinds: How many leaves of each kind.
        policy_version: The newest policy; null: none is in the log.
        documents: How many were taken, how many refused.
        counted_kwh: Energy by the meter's own counter, where that was held against its
            readings; 0: there is none.
        utilisation: Energy as a part of what was allowed in the same seconds.
        exceed_kwh_outside_response: Energy above the budget that no lowering explains.
        responses: To every lowering.
        missed_s: Seconds in which the meter was silent.
        meter_disagreement: The largest, relative; null: no other meter was given.
        tenants: Those whose hidden values were shown.
        j_per_th: Joules a terahash of all minutes that have both.
        fleets: Least and most joules a terahash that each site's machines take, by its
            own word.
        unlisted: Findings and notes beyond those that are listed.
    """

    log: str = ""
    size: int = 0
    root: str = ""
    cosigned_by: list[str] = []
    signed_at: int | None = None
    first_at: float | None = None
    last_at: float | None = None
    starts: int = 0
    is_whole: bool = False
    kinds: dict[str, int] = {}
    policy_version: int | None = None
    documents: dict[str, int] = {}
    energy_kwh: float = 0.0
    counted_kwh: float = 0.0
    utilisation: float | None = None
    exceed_s: int = 0
    exceed_kwh: float = 0.0
    exceed_kwh_outside_response: float = 0.0
    responses: list[Response] = []
    metered_s: int = 0
    missed_s: int = 0
    missing_minutes: int = 0
    unmetered_minutes: int = 0
    meter_disagreement: float | None = None
    j_per_th: float | None = None
    fleets: dict[str, list[float]] = {}
    tenants: dict[str, TenantSums] = {}
    commands: int = 0
    commands_unanswered: int = 0
    findings: list[Finding] = []
    unlisted: int = 0

    @property
    def is_clean(self) -> bool:
        """There is no finding; notes there may be."""
        return not any(f.severity == "finding" for f in self.findings)
