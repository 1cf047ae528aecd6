"""Energy against hashes: what was drawn has to be proven by shares."""

import math
from collections import Counter
from collections.abc import Iterator
from statistics import median

import msgspec
from attrs import define, field

from proxy.verifier.fleet import ABOVE, BELOW, Fleets
from proxy.verifier.meter import LATE_S, Meter
from proxy.verifier.reading import Leaf
from proxy.verifier.report import MINUTE, Amount, Count, Findings, Minute, Square

HASHES_OF_ONE = 2.0**32
"""Hashes that a share of difficulty 1 stands for, on average."""

HOUR = 3600
MAX_HOURS = 100_000

MORE = 1.25
"""Joules a terahash of an hour above the log's own median that want an explanation.
Chosen: heat and age make a few percent, a machine on another pool makes 100 % of its
share."""

UNPROVEN = 15
"""Minutes without a hash that want an explanation: machines start within a few."""

ROUNDING = 1e-6
"""Of sums of floating point numbers, relative."""

SIGMAS = 4.0
LEAST, MOST = 5.0, 500.0
"""Joules a terahash of whole sites: below the first no machine exists, above the second
none that pays."""

TERA = 1e12


class Sums(msgspec.Struct):
    """Shares of a minute.

    Attributes:
        d, d2: Sums of their difficulties, and of the squares.
    """

    n: Count = 0
    d: Amount = 0.0
    d2: Square = 0.0
    stale: Count = 0
    parked: Amount = 0.0


class SharesBody(msgspec.Struct):
    """A minute of shares."""

    begin: Minute = msgspec.field(name="from")
    site: Sums = msgspec.field(default_factory=Sums)
    digests: list[str] = msgspec.field(name="_sd", default_factory=list)


class HourFigures(msgspec.Struct):
    """An hour of a site.

    Attributes:
        j: Joules in the minutes that have both, energy and shares.
        minutes: How many these are.
    """

    j: float = 0.0
    d: float = 0.0
    d2: float = 0.0
    minutes: int = 0

    def add(self, joules: float, sums: Sums) -> None:
        """Add a minute."""
        self.j += joules
        self.d += sums.d
        self.d2 += sums.d2
        self.minutes += 1

    @property
    def j_per_th(self) -> float | None:
        """Joules a terahash; None: no share was found."""
        return self.j / (self.d * HASHES_OF_ONE / TERA) if self.d else None

    @property
    def uncertainty(self) -> float:
        """Standard deviation of the hashes, relative."""
        return math.sqrt(self.d2) / self.d if self.d else math.inf


decode_shares = msgspec.json.Decoder(SharesBody).decode


@define(eq=False, repr=False)
class Hashing:
    """Follows the shares of each site.

    Attributes:
        findings: Where what is wrong goes.
        meter: Whose minutes come before those of shares.
        fleets: What a terahash may cost.
        hours: By site and beginning.
    """

    kinds = ("shares",)

    findings: Findings
    meter: Meter
    fleets: Fleets = field(factory=Fleets)
    hours: dict[tuple[str, int], HourFigures] = field(factory=dict, init=False)
    _unread: dict[tuple[str, int], HourFigures] = field(factory=dict, init=False)
    _last: dict[str, int] = field(factory=dict, init=False)

    def take(self, leaf: Leaf) -> None:
        """Look at the next minute."""
        body, site = decode_shares(leaf.body), leaf.head.site
        self._cap_squares(body, leaf)
        joules = self.meter.minutes.pop((site, body.begin), None)
        before, self._last[site] = self._last.get(site), body.begin
        if before != body.begin:  # else it is another part of the same minute
            self._add_unread(site, body, joules)
        if joules is None:
            return
        key = site, body.begin // HOUR * HOUR
        if key not in self.hours and len(self.hours) >= MAX_HOURS:
            return
        hour = self.hours.setdefault(key, HourFigures())
        hour.add(joules, body.site)

    def _cap_squares(self, body: SharesBody, leaf: Leaf) -> None:
        """Find squares that no shares have: they would excuse any number of hashes."""
        most = body.site.d**2
        if body.site.d2 > most * (1 + ROUNDING):
            text = f"shares of {leaf.head.site} have squares of difficulties that come"
            text += " to more than the square of their sum"
            self.findings.fault(text, leaf.index, float(body.begin))
        body.site.d2 = min(body.site.d2, most)

    def _add_unread(self, site: str, body: SharesBody, joules: float | None) -> None:
        """Note what may have been drawn in a minute that was not read in full."""
        begin, meter = body.begin, self.meter
        unread = meter.unread.pop((site, begin), 0) if joules is not None else MINUTE
        if not unread:
            return
        since = begin - meter.response_s
        most = meter.budgets.most(site, since, begin + MINUTE)
        key = site, begin // HOUR * HOUR
        is_new = key not in self._unread
        if most is None or (is_new and len(self._unread) >= MAX_HOURS):
            return
        hour = self._unread.setdefault(key, HourFigures())
        before = meter.budgets.most(site, since - LATE_S, begin) or 0.0
        late = LATE_S * max(most, before) if is_new else 0.0
        hour.add((joules or 0.0) + unread * most + late, body.site)

    def end(self) -> None:
        """Hold each hour against the others, and against the machines."""
        for site, (low, high) in sorted(self.fleets.ranges.items()):
            if not LEAST <= low <= high <= MOST:
                text = (
                    f"{site} says that its machines take {low:.1f} to {high:.1f} J/TH:"
                )
                self.findings.note(f"{text} none that is known does")
        for site in sorted({name for name, _ in self.hours}):
            self._judge(site)
        for (site, at), hour in sorted(self._unread.items()):
            self._hold_unread(site, at, hour)
        named = self.fleets.sites
        alone = Counter(site for site, _ in self.meter.minutes if site in named)
        for site, count in sorted(alone.items()):
            text = f"{count} minutes of {site} have watts and no shares"
            self.findings.fault(text, None, float(min(self._alone(site))))

    def _alone(self, site: str) -> Iterator[int]:
        return (at for name, at in self.meter.minutes if name == site)

    def total(self) -> HourFigures:
        """Return all hours together."""
        sums = HourFigures()
        for hour in self.hours.values():
            sums.j, sums.d, sums.d2 = (
                sums.j + hour.j,
                sums.d + hour.d,
                sums.d2 + hour.d2,
            )
        return sums

    def _judge(self, site: str) -> None:
        found = {at: h for (name, at), h in self.hours.items() if name == site and h.j}
        # What sleeps and cools costs little where most of the machines work.
        half = max((hour.j for hour in found.values()), default=0.0) / 2
        usual = median([h.j_per_th or math.inf for h in found.values()] or [math.nan])
        for at, hour in sorted(found.items()):
            says = hour.j_per_th
            kwh = hour.j / 3.6e6
            if says is None:
                text = f"{site} drew {kwh:.1f} kWh and proved no hash"
                is_much = hour.j >= half and hour.minutes >= UNPROVEN
                say = self.findings.fault if is_much else self.findings.note
                say(text, None, float(at))
                continue
            margin = 1 + SIGMAS * hour.uncertainty
            if says > max(usual * MORE * margin, MOST if math.isinf(usual) else 0):
                text = (
                    f"{site} drew {kwh:.1f} kWh at {says:.1f} J/TH, usually {usual:.1f}"
                )
                self.findings.fault(
                    f"{text}: its hashes do not account for it", None, at
                )
            else:
                self._hold_fleet(site, at, says, margin, is_full=hour.j >= half)

    def _hold_unread(self, site: str, at: int, hour: HourFigures) -> None:
        """Hold what hashes took at the least against what might be drawn."""
        fleet = self.fleets.of(site)
        least = LEAST if fleet is None else max(LEAST, fleet[0] * BELOW)
        proven = least * hour.d * HASHES_OF_ONE / TERA
        if proven > hour.j * (1 + SIGMAS * hour.uncertainty):
            text = f"{site} proved hashes of {proven / 3.6e6:.1f} kWh at the least in"
            text += f" {hour.minutes} minutes that its meter did not read in full:"
            text += f" {hour.j / 3.6e6:.1f} kWh were allowed"
            self.findings.fault(text, None, float(at))

    def _hold_fleet(
        self, site: str, at: int, says: float, margin: float, *, is_full: bool
    ) -> None:
        """Hold an hour against what the machines may take for their hashes."""
        fleet = self.fleets.of(site)
        if fleet is None:
            if not LEAST / margin <= says <= MOST * margin:
                text = f"{site}: {says:.1f} J/TH is no site's"
                self.findings.fault(text, None, float(at))
            return
        is_above = is_full and says > fleet[1] * ABOVE * margin
        if is_above or says < fleet[0] * BELOW / margin:
            text = f"{site}: {says:.1f} J/TH, its machines take {fleet[0]:.1f} to"
            self.findings.fault(f"{text} {fleet[1]:.1f}", None, float(at))
