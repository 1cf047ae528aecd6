"""Which minutes of the meter are in the log, and which should be.

A site writes one also when there is nothing to measure, from the start of its
controller on: `software` says which sites owe them since then. The minute of a restart
comes in two parts: what ends writes the seconds that it has read, what starts the rest.
"""

from collections.abc import Collection
from typing import Any

import msgspec
from attrs import define, field

from proxy.verifier.documents import MAX_SITES
from proxy.verifier.order import Order
from proxy.verifier.reading import Leaf
from proxy.verifier.report import MINUTE, Findings, Minute

SOON = 2 * MINUTE
"""From a start until its first minute has begun: a controller looks at its site within
seconds."""

LATE = 10
"""Seconds after its end that a minute may be written."""


class MinuteBody(msgspec.Struct):
    """A minute of the meter."""

    begin: Minute = msgspec.field(name="from")
    w: list[Any] = []

    @property
    def read(self) -> frozenset[int]:
        """The seconds of it that the meter told."""
        return frozenset(at for at, watts in enumerate(self.w) if watts is not None)


class SoftwareBody(msgspec.Struct):
    """A start: the sites that it has by their names."""

    fleets: dict[str, Any] = {}


_decode = msgspec.json.Decoder(MinuteBody).decode
_decode_software = msgspec.json.Decoder(SoftwareBody).decode


@define(eq=False, repr=False)
class _Site:
    """One site.

    Attributes:
        next_from: The minute that is due; None: there was none yet.
        read: Seconds of the one before that were read.
        has_restarted: Its controller was started since the last one.
        owes_since: The newest start that owes minutes; None: none does.
    """

    next_from: int | None = None
    read: frozenset[int] = frozenset()
    has_restarted: bool = False
    owes_since: float | None = None

    @property
    def first(self) -> int:
        """The first whole minute after the start that owes them."""
        return int(self.owes_since or 0.0) // MINUTE * MINUTE + MINUTE


@define(eq=False, repr=False)
class Minutes:
    """Follows the minutes of each site.

    Attributes:
        findings: Where what is wrong goes.
        order: Of all rows so far.
        missing: How many are not there, of all sites.
        refused: The newest leaf whose time was there before: nobody sums it.
    """

    kinds = ("meter", "start", "software")

    findings: Findings
    order: Order
    missing: int = field(default=0, init=False)
    refused: int | None = field(default=None, init=False)
    _sites: dict[str, _Site] = field(factory=dict, init=False)

    def take(self, leaf: Leaf) -> None:
        """Look at the next minute, or start."""
        if leaf.head.kind == "software":
            self._owe(_decode_software(leaf.body).fleets, leaf.head.at)
            return
        site = self._sites.setdefault(leaf.head.site, _Site())
        if leaf.head.kind == "start":
            site.has_restarted = True
            return
        body = _decode(leaf.body)
        if not self._goes_on(site, body):
            self._gap(site, leaf, body)

    def end(self) -> None:
        """Look whether minutes are missing at the end."""
        last = self.order.last_at
        for name, site in self._sites.items():
            if site.owes_since is None or last is None:
                continue
            is_first = site.has_restarted or site.next_from is None
            due = site.first if is_first else site.next_from
            if due is not None and last >= due + MINUTE + LATE:
                self._missing(name, due, int(last - LATE))

    def _owe(self, names: Collection[str], at: float) -> None:
        """Have minutes of these sites due from a start on, and of no others."""
        for name in names:
            if name in self._sites or len(self._sites) < MAX_SITES:
                self._sites.setdefault(name, _Site()).owes_since = at
        for name in self._sites.keys() - set(names):
            self._sites[name].owes_since = None

    def _goes_on(self, site: _Site, body: MinuteBody) -> bool:
        """Tell whether it is the other part of a minute within which there was a start.

        Both may have read the second of the start; any other is read once.
        """
        is_same = site.next_from == body.begin + MINUTE
        follows = max(site.read, default=0) <= min(body.read, default=MINUTE)
        if not (site.has_restarted and is_same and follows):
            return False
        site.has_restarted, site.read = False, site.read | body.read
        return True

    def _gap(self, site: _Site, leaf: Leaf, body: MinuteBody) -> None:
        name, due, begin = leaf.head.site, site.next_from, body.begin
        if due is not None and begin < due:
            self.refused = leaf.index
            text = f"a minute of {name} comes twice or goes back: it is not summed"
            self.findings.fault(text, leaf.index, begin)
            return
        site.next_from, site.read = begin + MINUTE, body.read
        restarted, site.has_restarted = site.has_restarted, False
        is_first = due is None or restarted
        first = max(site.first, due or 0)  # what is before a start is only a note
        if site.owes_since is not None and is_first and begin >= first + SOON:
            self._missing(name, first, begin, leaf)
            begin = first
        if due is None or begin <= due:
            return
        if not restarted:
            self._missing(name, due, begin, leaf)
            return
        count = (begin - due) // MINUTE
        self.missing += count
        text = f"{count} minutes of {name} are not in the log"
        text += ": its controller was started then"
        self.findings.note(text, leaf.index, due)

    def _missing(self, name: str, due: int, end: int, leaf: Leaf | None = None) -> None:
        count = (end - due) // MINUTE
        self.missing += count
        text = f"{count} minutes of {name} are not in the log"
        self.findings.fault(text, None if leaf is None else leaf.index, due)
