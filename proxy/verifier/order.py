"""Ids that count on, clocks that do too, starts."""

from attrs import define, field

from proxy.verifier.reading import Head, Leaf
from proxy.verifier.report import Findings

WENT_BACK = 1.0
"""Seconds that a row may be older than the one before: it was written late."""

_START = "start"
_BINDING = frozenset({"budget", "document", "policy"})
"""Kinds that say what a site may draw: an older time may be a wanted one."""

_MAX_SITES = 256


@define(eq=False, repr=False)
class Order:
    """What rows say of their own order.

    Attributes:
        findings: Where what is wrong goes.
        starts: Of the controller.
        first_at: Unix seconds of the first row; None: there is none.
        last_at: Of the last.
    """

    findings: Findings
    starts: int = field(default=0, init=False)
    first_at: float | None = field(default=None, init=False)
    last_at: float | None = field(default=None, init=False)
    _next_id: int = field(default=0, init=False)
    _newest: dict[str, float] = field(factory=dict, init=False)
    _back: int = field(default=0, init=False)

    def take(self, leaf: Leaf) -> None:
        """Look at the next row."""
        head = leaf.head
        if leaf.index and head.id != self._next_id:
            text = f"row {head.id} where {self._next_id} should be: rows are missing"
            self.findings.fault(text, leaf.index, head.at)
        self._next_id = head.id + 1
        if self.first_at is None:
            self.first_at = head.at
        self.last_at = head.at
        self.starts += head.kind == _START
        newest = self._newest.get(head.site)
        if newest is not None and head.at < newest - WENT_BACK:
            # What could not be written at once is written later, with its own time.
            text = f"{newest - head.at:.0f} s older than the row before"
            is_binding = head.kind in _BINDING
            say = self.findings.fault if is_binding else self.findings.note
            say(text, leaf.index, head.at)
        if newest is None and len(self._newest) >= _MAX_SITES:
            return
        self._newest[head.site] = max(head.at, newest or 0.0)

    def moments(self, head: Head) -> tuple[float, ...]:
        """Return when the newest row may have been written, the latest last."""
        newest = self._newest.get(head.site, head.at)
        return (head.at, newest) if head.at < newest - WENT_BACK else (head.at,)
