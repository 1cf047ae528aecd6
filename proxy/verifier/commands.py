"""Commands that nobody ever heard of again."""

import msgspec
from attrs import define, field

from proxy.verifier.reading import Leaf
from proxy.verifier.report import Findings

MAX_OPEN = 200_000
"""Commands that are waited for at once: some for each of 27,000 machines."""


class OneBody(msgspec.Struct):
    """A command, or an outcome of one."""

    number: int = 0


class ManyBody(msgspec.Struct):
    """Commands of many machines, or their outcomes: the number comes first."""

    of: str = "command"
    rows: list[list[int | float | str | bool | None]] = []


_decode_one = msgspec.json.Decoder(OneBody).decode
_decode_many = msgspec.json.Decoder(ManyBody).decode


@define(eq=False, repr=False)
class Commands:
    """Follows commands to their outcomes.

    Attributes:
        findings: Where what is wrong goes.
        given: Commands in all.
        unanswered: Of them without an outcome, up to the end or a restart.
    """

    kinds = (
        *("command", "commands", "outcomes", "start"),
        *("acknowledged", "read_back", "settled", "verdict"),
    )

    findings: Findings
    given: int = field(default=0, init=False)
    unanswered: int = field(default=0, init=False)
    _open: dict[tuple[str, int], None] = field(factory=dict, init=False)

    def take(self, leaf: Leaf) -> None:
        """Look at the next row."""
        kind, site = leaf.head.kind, leaf.head.site
        if kind == "start":
            self._close(site)
        elif kind == "command":
            self._give(site, _decode_one(leaf.body).number)
        elif kind == "commands":
            for row in _decode_many(leaf.body).rows:
                self._give(site, _number(row))
        elif kind == "outcomes":
            body = _decode_many(leaf.body)
            for row in body.rows if body.of != "acknowledgement" else ():
                self._open.pop((site, _number(row)), None)
        else:
            self._open.pop((site, _decode_one(leaf.body).number), None)

    def end(self) -> None:
        """Say how many were never answered."""
        for site in {name for name, _ in self._open}:
            self._close(site)
        if self.unanswered:
            text = f"{self.unanswered} of {self.given} commands have no outcome"
            self.findings.note(f"{text}: machines that were gone, or a stop in between")

    def _give(self, site: str, number: int) -> None:
        self.given += 1
        if number and len(self._open) < MAX_OPEN:
            self._open[site, number] = None

    def _close(self, site: str) -> None:
        gone = [key for key in self._open if key[0] == site]
        self.unanswered += len(gone)
        for key in gone:
            del self._open[key]


def _number(row: list[int | float | str | bool | None]) -> int:
    first = row[0] if row else 0
    return first if isinstance(first, int) else 0
