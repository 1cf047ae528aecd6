"""What a verifier found."""

from typing import Any, Literal

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


@define(eq=False, repr=False)
class Findings:
    """Gathers them, the first ones in full.

    Attributes:
        listed: In the order in which they came up.
        counts: Of each severity.
    """

    listed: list[Finding] = field(factory=list)
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
        same = sum(f.severity == one.severity for f in self.listed[:MAX_FINDINGS])
        if same < MAX_FINDINGS // 2:
            self.listed.append(one)


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
        kinds: How many leaves of each kind.
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
    kinds: dict[str, int] = {}
    findings: list[Finding] = []
    unlisted: int = 0
    figures: dict[str, Any] = {}

    @property
    def is_clean(self) -> bool:
        """There is no finding; notes there may be."""
        return not any(f.severity == "finding" for f in self.findings)
