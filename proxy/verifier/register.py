"""The meter's own counter of energy against its readings of each second.

Readings could be made up, a counter cannot be set back unseen: what it counted between
two of its steps is what was drawn, also while nobody read a second of it.
"""

import math
from collections.abc import Sequence

import msgspec
from attrs import define, field

from proxy.verifier.budgets import Budgets
from proxy.verifier.meter import QUARTER, TOLERANCE
from proxy.verifier.minutes import Minutes
from proxy.verifier.reading import Leaf
from proxy.verifier.report import MINUTE, Findings, Minute, Moment

LATE_S = 2.0
"""Between a step of the counter and the second in which it was seen, at both ends."""

_KWH = 1000.0
_J_PER_WH = 3600.0


class Register(msgspec.Struct):
    """What the counter showed, and since when."""

    wh: float
    at: Moment


class RegisterBody(msgspec.Struct):
    """A minute of the meter, with its counter."""

    w: list[int | float | None]
    begin: Minute = msgspec.field(name="from")
    register: Register | None = None


_decode = msgspec.json.Decoder(RegisterBody).decode


@define(eq=False, repr=False)
class _Span:
    """What happened since the counter was held against the readings.

    Attributes:
        since: The counter at its beginning; None: it was never read.
        joules: Read since then.
        most_w: The largest reading since then.
        blind_s: Seconds without a reading since then.
        allowed_j: That might be drawn in these.
    """

    since: Register | None = None
    joules: float = 0.0
    most_w: float = 0.0
    blind_s: int = 0
    allowed_j: float = 0.0

    def add(self, seconds: Sequence[int | float | None], budget: float) -> None:
        known = [w for w in seconds if w is not None]
        self.joules += sum(known)
        self.most_w = max(self.most_w, max(known, default=0.0))
        self.be_blind(len(seconds) - len(known), budget)

    def be_blind(self, seconds: int, budget: float) -> None:
        if seconds:
            self.blind_s += seconds
            self.allowed_j += seconds * max(budget, self.most_w)


@define(eq=False, repr=False)
class _Site:
    """One site.

    Attributes:
        next_from: The minute that is due.
        step_wh: Greatest common divisor of what the counter showed: how finely it
            counts.
    """

    span: _Span = field(factory=_Span)
    next_from: int | None = None
    step_wh: int = 0


@define(eq=False, repr=False)
class Registers:
    """Follows the counter of each site.

    Attributes:
        findings: Where what is wrong goes.
        budgets: What a site might draw while nobody read it.
        minutes: Which of them count.
        counted_wh: By all counters, as far as they were held against readings.
    """

    kinds = ("meter",)

    findings: Findings
    budgets: Budgets
    minutes: Minutes
    counted_wh: float = field(default=0.0, init=False)
    _sites: dict[str, _Site] = field(factory=dict, init=False)

    def take(self, leaf: Leaf) -> None:
        """Look at the next minute."""
        body, name = _decode(leaf.body), leaf.head.site
        if leaf.index == self.minutes.refused:
            return
        site = self._sites.setdefault(name, _Site())
        due, site.next_from = site.next_from, body.begin + MINUTE
        if due is not None and body.begin > due:
            site.span.be_blind(body.begin - due, self._most(name, due, body.begin))
        budget = self._most(name, body.begin, body.begin + MINUTE)
        seconds = [*body.w, *([None] * (MINUTE - len(body.w)))][:MINUTE]
        now = body.register
        if now is None or not body.begin <= now.at < body.begin + MINUTE:
            site.span.add(seconds, budget)
            return
        stepped = int(now.at) - body.begin
        site.span.add(seconds[:stepped], budget)
        if now.wh.is_integer():
            site.step_wh = math.gcd(site.step_wh, int(now.wh))
        if self._is_over(site, now, leaf):
            site.span = _Span(now)
        site.span.add(seconds[stepped:], budget)

    def end(self) -> None:
        """Say nothing more."""

    def _most(self, name: str, begin: float, end: float) -> float:
        most = self.budgets.most(name, begin, end)
        return math.inf if most is None else most

    def _is_over(self, site: _Site, now: Register, leaf: Leaf) -> bool:
        """Hold what was counted against what was read, once there is enough of it."""
        span, before = site.span, site.span.since
        if before is None or now.at <= before.at:
            return True
        if now.at - before.at < QUARTER:
            return False
        counted = _counted(before.wh, now.wh) * _J_PER_WH
        margin = TOLERANCE * span.joules + LATE_S * span.most_w
        margin += 2 * site.step_wh * _J_PER_WH
        unread = counted - span.joules
        if -margin <= unread <= margin + span.allowed_j:
            self.counted_wh += counted / _J_PER_WH
            return True
        self._differs(before, now, span, leaf)
        return True

    def _differs(
        self, before: Register, now: Register, span: _Span, leaf: Leaf
    ) -> None:
        read = f"{span.joules / _J_PER_WH / _KWH:.1f} kWh"
        text = f"the meter of {leaf.head.site} counted from {before.wh / _KWH:.1f} to"
        text += f" {now.wh / _KWH:.1f} kWh, its readings of that time come to {read}"
        if span.blind_s:
            text += f", but for {span.blind_s} s in which it was not read"
        self.findings.fault(text, leaf.index, before.at)


def _counted(before: float, now: float) -> float:
    """Return watt-hours between two states of a counter, which may have run over."""
    if now >= before:
        return now - before
    # SunSpec's run over at 2**32 units of a power of ten, the smallest that holds it.
    most = 2.0**32
    while most <= before:
        most *= 10.0
    return now - before + most
