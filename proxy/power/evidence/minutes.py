"""What others check a site by: each minute's watts and shares, each answer to an order.

| kind     | body                                                                    |
|----------|-------------------------------------------------------------------------|
| meter    | from (Unix seconds), w: each second's watts, null where the meter was   |
|          | silent, [] where there is none; source; register: wh, what the meter's  |
|          | own counter showed last in this minute, and at, the second since when   |
|          | it shows that; null: it shows none                                      |
| shares   | from, site: n, d (sum of difficulties), d2 (of their squares), stale    |
|          | (how many were refused as such, beside n), parked (the part of d of     |
|          | machines on their way down); _sd: a salted digest for the same of each  |
|          | tenant, whom the log does not name                                      |
| response | at, from_w, to_w: a budget was lowered; response_s until the meter was  |
|          | under it, null: not within `GIVEN_UP_AFTER`, or not before more was     |
|          | allowed again, after lifted_s                                           |

A minute is written also where there is nothing to measure: silence must be seen.
"""

import math
from collections.abc import Callable, Iterable
from typing import Any

from attrs import define, field

from protocol.tlog.disclosure import DIGESTS, SALT_BYTES, Opening, hidden
from protocol.units import Seconds, UnixTime, Watts
from proxy.power.journal.batches import parts
from proxy.power.link.messages import MinerWork

MINUTE = 60

SAME_SECOND = Seconds(1.5)
"""Two looks that are closer are of neighbouring seconds, whatever the clock's fractions
say: looks are a second apart, and no more exact than the reactor's turns."""

GIVEN_UP_AFTER = Seconds(900.0)
"""A quarter of an hour: what a grid settles energy by."""

MAX_WATCHED = 16
"""Lowerings that are watched at once; a ramp in steps counts from its first."""

SITE = "site"

Log = Callable[[str, str, dict[str, Any], tuple[tuple[str, str], ...]], None]
"""Takes kind, cause, body and openings of an event."""


@define(eq=False, repr=False)
class _Sum:
    n: int = 0
    d: float = 0.0
    d2: float = 0.0
    stale: int = 0
    parked: float = 0.0

    def add(self, work: MinerWork) -> None:
        self.n += work.shares
        self.d += work.work
        self.d2 += work.work2
        self.stale += work.stale
        self.parked += work.parked_work

    @property
    def body(self) -> dict[str, float]:
        return {
            "n": self.n,
            "d": self.d,
            "d2": self.d2,
            "stale": self.stale,
            "parked": self.parked,
        }


@define(eq=False, repr=False)
class _Lowering:
    at: UnixTime
    from_w: Watts
    to_w: Watts


@define(eq=False, repr=False)
class MinuteLog:
    """Gathers the minutes of one site.

    Attributes:
        log: Where they go.
        has_meter: The site has one.
        random_bytes: Draws the salts of what is hidden.
    """

    log: Log
    has_meter: bool
    random_bytes: Callable[[int], bytes]
    _begun: int | None = field(default=None, init=False)
    _watts: list[int | None] = field(factory=list, init=False)
    _last: tuple[float, int] = field(default=(-math.inf, -1), init=False)
    _register: dict[str, float] | None = field(default=None, init=False)
    _sums: dict[str, _Sum] = field(factory=dict, init=False)
    _budget: Watts | None = field(default=None, init=False)
    _lowered: list[_Lowering] = field(factory=list, init=False)

    def second(
        self,
        at: UnixTime,
        reading: float | None,
        budget: Watts,
        energy_wh: float | None = None,
    ) -> None:
        """Take in what the meter says, once a second.

        Args:
            at: Of the wall clock.
            reading: Watts; NaN or None: the meter is silent.
            budget: What the site may draw.
            energy_wh: What the meter has counted; None: it does not say.
        """
        place = self._place(at)
        self._note_register(self._last[1], energy_wh)
        watts = None if reading is None or math.isnan(reading) else round(reading)
        if self.has_meter and 0 <= place < MINUTE:
            self._watts[place] = watts
        self._watch(at, watts, budget)

    def shares(self, work: Iterable[tuple[MinerWork, str | None]]) -> None:
        """Take in what machines' shares came to, and whose they are."""
        for one, tenant in work:
            self._sums.setdefault("", _Sum()).add(one)
            if tenant is not None:
                self._sums.setdefault(tenant, _Sum()).add(one)

    def end(self) -> None:
        """Write down the minute that is under way."""
        if self._begun is None:
            return
        begun, self._begun = self._begun, None
        source = "meter" if self.has_meter else "none"
        body = {"from": begun, "w": self._watts, "source": source}
        body["register"] = self._register
        self.log("meter", "a minute", body, ())
        sums, self._sums = self._sums, {}
        site = sums.pop("", _Sum())
        opened = [self._hidden(name, one) for name, one in sums.items()]
        opened.sort(key=lambda one: one.digest)  # their order tells nothing
        for some in parts([one.digest for one in opened]) if opened else [[]]:
            body = {"from": begun, SITE: site.body, DIGESTS: some}
            kept = tuple((o.name, o.text) for o in opened if o.digest in set(some))
            self.log("shares", "a minute", body, kept)

    def _note_register(self, second: int, energy_wh: float | None) -> None:
        """Note since when the counter shows what it shows: it may step seldom."""
        if energy_wh is None:
            self._register = None
        elif self._register is None or energy_wh != self._register["wh"]:
            self._register = {"wh": energy_wh, "at": second}

    def _hidden(self, tenant: str, one: "_Sum") -> Opening:
        return hidden(self.random_bytes(SALT_BYTES), tenant, one.body)

    def _place(self, at: UnixTime) -> int:
        """Return which second of its minute it is; begin a minute where it is new."""
        before, last = self._last
        second = int(at)
        if 0 < at - before < SAME_SECOND:
            second = last + 1
        self._last = at, second
        begun = second // MINUTE * MINUTE
        if begun != self._begun:
            self.end()
            self._begun = begun
            self._watts = [None] * MINUTE if self.has_meter else []
        return second - begun

    def _watch(self, at: UnixTime, watts: int | None, budget: Watts) -> None:
        before, self._budget = self._budget, budget
        if before is not None and budget < before and self.has_meter:
            if len(self._lowered) == MAX_WATCHED:
                self._answer(self._lowered.pop(0), None)
            self._lowered.append(_Lowering(at, before, budget))
        for one in list(self._lowered):
            took = max(0.0, at - one.at)
            if watts is not None and watts <= one.to_w:
                self._lowered.remove(one)
                self._answer(one, took)
            elif budget > one.to_w:
                self._lowered.remove(one)
                self._answer(one, None, lifted=took)
            elif took > GIVEN_UP_AFTER:
                self._lowered.remove(one)
                self._answer(one, None)

    def _answer(
        self, one: _Lowering, took: float | None, lifted: float | None = None
    ) -> None:
        body = {
            "at": one.at,
            "from_w": one.from_w,
            "to_w": one.to_w,
            "response_s": None if took is None else round(took, 1),
        }
        said = "not under it" if took is None else f"under it after {took:.0f} s"
        if lifted is not None:
            body["lifted_s"] = round(lifted, 1)
            said = f"not under it before it was lifted after {lifted:.0f} s"
        self.log("response", f"a lower budget: {said}", body, ())
