"""The meter against the budget: energy, time above it, answers to orders, silence.

Above the budget within `response_s` of a lowering is an answer on its way: the most
that was allowed in that time is what counts.
"""

from collections.abc import Mapping
from typing import Any

import msgspec
from attrs import define, field

from proxy.verifier.budgets import Budgets
from proxy.verifier.minutes import Minutes
from proxy.verifier.reading import Leaf
from proxy.verifier.report import MINUTE, Findings, Minute, Readings, Response

QUARTER = 900

TOLERANCE = 0.005
"""Of a class 0.5 meter. Source: IEC 62053-22."""

GIVEN_UP_AFTER = 900.0
"""A lowering that is not answered by then never is."""

LATE_S = 120
"""Seconds that hashes may be older than the minute that their shares came in: what was
allowed is known for so much longer."""

MAX_RESPONSES = 10_000
MAX_QUARTERS = 200_000
"""Five years of quarters."""

_KWH = 3.6e6


class MeterBody(msgspec.Struct):
    """A minute of the meter."""

    w: Readings
    begin: Minute = msgspec.field(name="from")
    source: str = "meter"


class MeterFigures(msgspec.Struct):
    """What a site drew.

    Attributes:
        energy_kwh: As far as it was metered.
        budget_kwh: That was allowed in the same seconds.
        exceed_s: Seconds above the budget.
        exceed_kwh: Energy above it.
        exceed_kwh_outside_response: The part that no lowering explains, beyond the
            meter's tolerance.
        metered_s: Seconds that the meter spoke.
        missed_s: Seconds of minutes that are there, in which it did not.
        unmetered_minutes: Minutes of a site that has no meter.
    """

    energy_kwh: float = 0.0
    budget_kwh: float = 0.0
    exceed_s: int = 0
    exceed_kwh: float = 0.0
    exceed_kwh_outside_response: float = 0.0
    metered_s: int = 0
    missed_s: int = 0
    unmetered_minutes: int = 0

    @property
    def utilisation(self) -> float | None:
        """Energy as a part of what was allowed; None: nothing was."""
        return self.energy_kwh / self.budget_kwh if self.budget_kwh else None


@define(eq=False, repr=False)
class Quarter:
    """A quarter of an hour.

    Attributes:
        joules: As far as it was metered.
        budget_j: That was allowed in the same seconds.
        seconds: In which a meter spoke; of several sites their sum.
        most_w: Largest reading of one of them.
    """

    joules: float = 0.0
    budget_j: float = 0.0
    seconds: int = 0
    most_w: float = 0.0


_decode = msgspec.json.Decoder(MeterBody).decode


@define(eq=False, repr=False)
class _Site:
    figures: MeterFigures = field(factory=MeterFigures)
    episode: list[float] | None = None  # since, seconds, kWh
    seen_budget: tuple[float, float] | None = None
    most_w: float = 0.0  # read or allowed, so far: what noise is a part of
    negative: list[float] | None = None  # since, seconds


@define(eq=False, repr=False)
class Meter:
    """Follows the meter of each site.

    Attributes:
        findings: Where what is wrong goes.
        budgets: As far as they were said, and allowed by documents.
        minute_log: Which minutes count.
        response_s: What a site may take to answer.
        sites: Figures of each.
        responses: To every lowering.
        quarters: Each quarter of an hour by its beginning; all sites together.
        minutes: Joules of minutes that nobody held against shares yet.
        unread: Seconds of these in which the meter was silent, where it was.
    """

    kinds = ("meter",)

    findings: Findings
    budgets: Budgets
    minute_log: Minutes
    response_s: float = 30.0
    responses: list[Response] = field(factory=list, init=False)
    quarters: dict[int, Quarter] = field(factory=dict, init=False)
    minutes: dict[tuple[str, int], float] = field(factory=dict, init=False)
    unread: dict[tuple[str, int], int] = field(factory=dict, init=False)
    _sites: dict[str, _Site] = field(factory=dict, init=False)
    _open: list[Response] = field(factory=list, init=False)

    @property
    def sites(self) -> Mapping[str, MeterFigures]:
        """Figures by site."""
        return {name: one.figures for name, one in self._sites.items()}

    def take(self, leaf: Leaf) -> None:
        """Look at the next minute."""
        body, name = _decode(leaf.body), leaf.head.site
        if leaf.index == self.minute_log.refused:
            return
        site = self._sites.setdefault(name, _Site())
        if not body.w:
            site.figures.unmetered_minutes += 1
            self.budgets.forget(name, body.begin - GIVEN_UP_AFTER)
            return
        self._refuse_negative(site, name, body)
        self._lowered(site, name, body.begin)
        self._minute(site, name, body)
        self.budgets.forget(name, body.begin - self.response_s - LATE_S)

    def end(self) -> None:
        """Close what is open."""
        for name, site in self._sites.items():
            self._close_episode(site, name)
            if site.negative is not None:
                text = (
                    f"the meter of {name} was below 0 W for {site.negative[1]:.0f} s:"
                )
                text += " nothing that only draws is"
                self.findings.fault(text, None, site.negative[0])
        for one in self.responses:
            if one.lifted_s is not None and one.lifted_s <= self.response_s:
                continue  # nobody had to be under it by then
            if one.response_s is None:
                self.findings.fault(
                    f"{one.site} was never seen under {one.to_w:.0f} W", None, one.at
                )
            elif one.response_s > self.response_s:
                text = f"{one.site} took {one.response_s:.0f} s to be under"
                self.findings.fault(f"{text} {one.to_w:.0f} W", None, one.at)

    def _refuse_negative(self, site: _Site, name: str, body: MeterBody) -> None:
        """Take what is below zero for no reading; what is no noise is a finding."""
        known = [w for w in body.w if w is not None]
        allowed = self.budgets.at(name, body.begin + MINUTE) or 0.0
        site.most_w = max(site.most_w, *known, allowed)
        count = sum(w < -TOLERANCE * site.most_w for w in known)
        if count:
            site.negative = site.negative or [float(body.begin), 0.0]
            site.negative[1] += count
        body.w = [w if w is None or w >= 0 else None for w in body.w]

    def _lowered(self, site: _Site, name: str, begin: int) -> None:
        """Begin to watch what was lowered since the last minute."""
        for step in self.budgets.steps(name, begin + MINUTE):
            if step[0] >= begin + MINUTE:
                break
            before, is_new = site.seen_budget, False
            if before is None or step[0] > before[0]:
                site.seen_budget, is_new = step, True
            if is_new and before is not None and step[1] < before[1]:
                one = Response(name, step[0], before[1], step[1])
                if len(self.responses) < MAX_RESPONSES:
                    self.responses.append(one)
                    self._open.append(one)

    def _minute(self, site: _Site, name: str, body: MeterBody) -> None:
        figures, begin = site.figures, body.begin
        watts = [w for w in body.w if w is not None]
        figures.missed_s += len(body.w) - len(watts)
        figures.metered_s += len(watts)
        energy = float(sum(watts))
        figures.energy_kwh += energy / _KWH
        self._note_quarter(begin, energy, watts, self.budgets.at(name, begin))
        self.minutes[name, begin] = energy
        if len(watts) < MINUTE:
            self.unread[name, begin] = MINUTE - len(watts)
        end = begin + len(body.w)
        budget = self.budgets.at(name, begin)
        is_steady = budget is not None and not self.budgets.changed(name, begin, end)
        if is_steady and budget is not None and not self._open:
            figures.budget_kwh += budget * len(watts) / _KWH
            if not watts or max(watts) <= budget:
                self._close_episode(site, name)
                return
        for second, value in enumerate(body.w, begin):
            if value is not None:
                self._second(
                    site, name, second, value, counted=is_steady and not self._open
                )

    def _second(
        self, site: _Site, name: str, at: int, watts: float, *, counted: bool
    ) -> None:
        figures, budget = site.figures, self.budgets.at(name, at)
        for one in list(self._open):
            if one.site == name and one.at <= at:
                self._follow(one, at, watts, budget)
        if budget is None:
            return
        if not counted:
            figures.budget_kwh += budget / _KWH
        if watts <= budget:
            self._close_episode(site, name)
            return
        figures.exceed_s += 1
        figures.exceed_kwh += (watts - budget) / _KWH
        most = self.budgets.most(name, at - self.response_s, at)
        if most is None or watts <= most * (1 + TOLERANCE):
            self._close_episode(site, name)
            return
        beyond = (watts - most) / _KWH
        figures.exceed_kwh_outside_response += beyond
        if site.episode is None:
            site.episode = [float(at), 0.0, 0.0]
        site.episode[1] += 1
        site.episode[2] += beyond

    def _follow(
        self, one: Response, at: int, watts: float, budget: float | None
    ) -> None:
        """Look whether a lowering is followed by now, or need not be any more."""
        since = max(0.0, at - one.at)
        if watts <= one.to_w:
            one.response_s = since
        elif budget is not None and budget > one.to_w:
            one.lifted_s = since
        elif since <= GIVEN_UP_AFTER:
            return
        self._open.remove(one)

    def _close_episode(self, site: _Site, name: str) -> None:
        episode, site.episode = site.episode, None
        if episode is not None:
            text = f"{name} drew {episode[2]:.3f} kWh above its budget in"
            self.findings.fault(
                f"{text} {episode[1]:.0f} s that no order explains", None, episode[0]
            )

    def _note_quarter(
        self, begin: int, energy: float, watts: list[int | float], budget: float | None
    ) -> None:
        at = begin // QUARTER * QUARTER
        if at not in self.quarters and len(self.quarters) >= MAX_QUARTERS:
            return
        quarter = self.quarters.setdefault(at, Quarter())
        quarter.joules += energy
        quarter.seconds += len(watts)
        quarter.most_w = max(quarter.most_w, max(watts, default=0.0))
        if budget is not None:
            quarter.budget_j += budget * len(watts)

    def whole_quarters(self) -> dict[int, float]:
        """Return joules of the quarters of an hour without a missed second."""
        count = sum(bool(one.figures.metered_s) for one in self._sites.values())
        return {
            at: quarter.joules
            for at, quarter in self.quarters.items()
            if count and quarter.seconds == count * QUARTER
        }


def summed(figures: Mapping[str, MeterFigures]) -> MeterFigures:
    """Return the figures of all sites together."""
    total: dict[str, Any] = {}
    for one in figures.values():
        for name in one.__struct_fields__:
            total[name] = total.get(name, 0) + getattr(one, name)
    return MeterFigures(**total)
