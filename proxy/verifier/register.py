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
from proxy.verifier.report import MINUTE, Findings, Minute, Moment, Readings, Square

LATE_S = 2.0
"""Between a step of the counter and the second in which it was seen, at both ends."""

MAX_STEP_WH = 1_000_000
"""No counter is rougher than one of megawatt-hours."""

ROUGH = 0.05
"""Part of what was counted that its steps may leave open, or more of it is awaited."""

GONE_S = 4500
"""Seconds of readings without a counter that was there: one that failed is asked again
after an hour."""

_KWH = 1000.0
_J_PER_WH = 3600.0


class Register(msgspec.Struct):
    """What the counter showed, and since when."""

    wh: Square
    at: Moment


class RegisterBody(msgspec.Struct):
    """A minute of the meter, with its counter."""

    w: Readings
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
        known = [w for w in seconds if w is not None and w >= 0]
        self.joules += sum(known)
        self.most_w = max(self.most_w, max(known, default=0.0))
        self.be_blind(len(seconds) - len(known), budget)

    def margin_j(self, step_j: float) -> float:
        """Return by how much a counter that counts so finely may differ."""
        return TOLERANCE * self.joules + LATE_S * self.most_w + 2 * step_j

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
        last: What it showed last, and since when.
        unseen_s: Seconds in which watts were read since it was shown last.
        unseen_j: Joules in these.
        is_named: It was said that it stands, is gone or is of another time; until it
            steps as it should.
    """

    span: _Span = field(factory=_Span)
    next_from: int | None = None
    step_wh: int = 0
    last: Register | None = None
    unseen_s: int = 0
    unseen_j: float = 0.0
    is_named: bool = False

    @property
    def step_j(self) -> float:
        """How finely it counts, in joules."""
        return min(self.step_wh, MAX_STEP_WH) * _J_PER_WH


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
        if now is None or not self._is_step(site, now, body.begin, leaf):
            site.span.add(seconds, budget)
            if now is None:
                self._unseen(site, seconds, leaf)
            elif site.last is not None and now.wh == site.last.wh:
                self._stands(site, body.begin + MINUTE, leaf)
            return
        site.last, site.is_named = now, False
        stepped = int(now.at) - body.begin
        site.span.add(seconds[:stepped], budget)
        if now.wh.is_integer():
            site.step_wh = math.gcd(site.step_wh, int(now.wh))
        if self._is_over(site, now, leaf):
            site.span = _Span(now)
        site.span.add(seconds[stepped:], budget)

    def end(self) -> None:
        """Say which counters were not shown at the end, and are not missed for long."""
        for name, site in self._sites.items():
            if site.last and site.unseen_s >= QUARTER and not site.is_named:
                self.findings.note(_gone(name, site), None, site.last.at)

    def _is_step(self, site: _Site, now: Register, begin: int, leaf: Leaf) -> bool:
        """Tell whether the counter shows another number, and since this minute."""
        site.unseen_s, site.unseen_j = 0, 0.0
        if site.last is not None and now.wh == site.last.wh:
            return False
        if begin <= now.at < begin + MINUTE:
            return True
        text = f"the meter of {leaf.head.site} counted at a time outside of its minute"
        self._name(site, text, leaf, begin)
        return False

    def _unseen(
        self, site: _Site, seconds: Sequence[int | float | None], leaf: Leaf
    ) -> None:
        """Take note of what was read while a counter that was there is not shown."""
        if site.last is None:
            return
        drawn = [w for w in seconds if w and w > 0]
        site.unseen_s += len(drawn)
        site.unseen_j += sum(drawn)
        if site.unseen_s >= GONE_S:
            self._name(site, _gone(leaf.head.site, site), leaf, site.last.at)

    def _stands(self, site: _Site, end: int, leaf: Leaf) -> None:
        """Look whether more was read than a counter that stands may leave out."""
        span, last = site.span, site.last
        if span.since is None or last is None or end - last.at < QUARTER:
            return
        left_out = span.joules - _counted(span.since.wh, last.wh) * _J_PER_WH
        if left_out > span.margin_j(site.step_j):
            kwh = f"{left_out / _J_PER_WH / _KWH:.1f} kWh"
            text = f"the meter of {leaf.head.site} stands at {last.wh / _KWH:.1f} kWh"
            text += f", its readings come to {kwh} more"
            self._name(site, text, leaf, last.at)

    def _name(self, site: _Site, text: str, leaf: Leaf, at: float) -> None:
        if not site.is_named:
            site.is_named = True
            self.findings.fault(text, leaf.index, at)

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
        margin = span.margin_j(site.step_j)
        unread = counted - span.joules
        if -margin <= unread <= margin + span.allowed_j:
            if 2 * site.step_j > ROUGH * counted:
                return False
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


def _gone(name: str, site: _Site) -> str:
    kwh = f"{site.unseen_j / _J_PER_WH / _KWH:.1f} kWh"
    text = f"the meter of {name} does not show its counter any more"
    return f"{text}: its readings since then come to {kwh}"


def _counted(before: float, now: float) -> float:
    """Return watt-hours between two states of a counter, which may have run over."""
    if now >= before:
        return now - before
    # SunSpec's run over at 2**32 units of a power of ten, the smallest that holds it.
    most = 2.0**32
    while most <= before:
        most *= 10.0
    return now - before + most
