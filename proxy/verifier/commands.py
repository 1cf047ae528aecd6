"""Commands that nobody ever heard of again."""

import msgspec
from attrs import define, field

from proxy.verifier.reading import Leaf
from proxy.verifier.report import Findings

MAX_OPEN = 200_000
"""Commands that are waited for at once: some for each of 27,000 machines."""


class OneBody(msgspec.Struct):
    """A command, or an outcome of one."""

    number: int | str = 0


class Row(msgspec.Struct, array_like=True, gc=False):
    """A command, or its outcome, among many: the rest of the row is passed over."""

    number: int | str = 0


class ManyBody(msgspec.Struct):
    """Commands of many machines, or their outcomes."""

    of: str = "command"
    rows: list[Row] = []


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
    _open: dict[str, set[int | str]] = field(factory=dict, init=False)

    def take(self, leaf: Leaf) -> None:
        """Look at the next row."""
        kind, waiting = leaf.head.kind, self._open.setdefault(leaf.head.site, set())
        if kind == "start":
            self._close(waiting)
        elif kind == "command":
            self._give(waiting, [_decode_one(leaf.body).number])
        elif kind == "commands":
            self._give(waiting, [row.number for row in _decode_many(leaf.body).rows])
        elif kind == "outcomes":
            body = _decode_many(leaf.body)
            if body.of != "acknowledgement":  # of calls, which have other numbers
                waiting.difference_update([row.number for row in body.rows])
        else:
            waiting.discard(_decode_one(leaf.body).number)

    def end(self) -> None:
        """Say how many were never answered."""
        for waiting in self._open.values():
            self._close(waiting)
        if self.unanswered:
            text = f"{self.unanswered} of {self.given} commands have no outcome"
            self.findings.note(f"{text}: machines that were gone, or a stop in between")

    def _give(self, waiting: set[int | str], numbers: list[int | str]) -> None:
        self.given += len(numbers)
        if len(waiting) < MAX_OPEN:
            waiting.update(numbers)
            waiting.discard(0)  # of none

    def _close(self, waiting: set[int | str]) -> None:
        self.unanswered += len(waiting)
        waiting.clear()
