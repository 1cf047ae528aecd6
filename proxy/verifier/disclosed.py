"""Hidden values that somebody was shown: whether they are those of the log."""

from io import TextIOWrapper
from pathlib import Path

import msgspec
from attrs import define, field

from protocol.errors import MalformedMessageError
from protocol.tlog.disclosure import MAX_OPENING, Opening, opened
from proxy.regular_file import open_regular
from proxy.verifier.hashing import SharesBody, Sums, decode_shares
from proxy.verifier.reading import Leaf
from proxy.verifier.report import Findings

MAX_OPENINGS = 6_000_000
"""Ten tenants' minutes of a year."""


def read_openings(path: Path) -> dict[int, list[str]]:
    """Return openings by the id of their row: a line each, the id and the text.

    Raises:
        ValueError: A line is none; the message names it.
        OSError: It cannot be read.
    """
    found: dict[int, list[str]] = {}
    with TextIOWrapper(open_regular(path), "ascii", errors="replace") as file:
        for number, line in enumerate(file, 1):
            row, _, text = line.rstrip("\n").partition(" ")
            if not row.isdigit() or len(line) > MAX_OPENING or number > MAX_OPENINGS:
                raise ValueError(f"{path}, line {number}: no row and opening")
            found.setdefault(int(row), []).append(text)
    return found


@define(eq=False, repr=False)
class Disclosed:
    """Holds openings against the rows that they are of.

    Attributes:
        findings: Where what is wrong goes.
        openings: By the id of their row; those that were seen are taken out.
        sums: Of each tenant that was shown.
    """

    kinds = ("shares",)

    findings: Findings
    openings: dict[int, list[str]]
    sums: dict[str, Sums] = field(factory=dict, init=False)

    def take(self, leaf: Leaf) -> None:
        """Look at the next minute of shares."""
        texts = self.openings.pop(leaf.head.id, None)
        if not texts:
            return
        body = decode_shares(leaf.body)
        for text in texts:
            try:
                self._add(opened(text), body)
            except MalformedMessageError as error:
                self.findings.fault(f"a value that was shown: {error}", leaf.index)

    def end(self) -> None:
        """Say what was shown and is not in the log."""
        if self.openings:
            count = sum(map(len, self.openings.values()))
            self.findings.fault(f"{count} values were shown of rows that are not here")

    def _add(self, one: Opening, body: SharesBody) -> None:
        if one.digest not in body.digests:
            raise MalformedMessageError(f"it is not the one of {one.name} in the log")
        total = self.sums.setdefault(one.name, Sums())
        try:
            value = msgspec.convert(one.value, Sums)
        except msgspec.ValidationError as error:
            raise MalformedMessageError(f"it is no sums of shares: {error}") from error
        total.n += value.n
        total.d += value.d
        total.d2 += value.d2
        total.parked += value.parked
