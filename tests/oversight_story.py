"""Minutes of a made-up site, as its controller writes them: budgets, watts, shares."""

import math
import random
from collections.abc import Callable, Iterator
from typing import Any

from attrs import define, field

from proxy.power.journal.chain import Event

BEGIN = 1_796_000_400
"""A quarter of an hour's first second."""

SITE = "hall-a"
HASHES_OF_ONE = 2.0**32
J_PER_TH = 20.0
STARTS_AT_W = 2_900_000.0


@define
class Story:
    """A site that follows its budget, but for what is asked for.

    Attributes:
        budgets: Watts from some minute on; of the second within it `second`.
        extra_w: Watts more in a second, which no order explains.
        missing: Minutes that are not written.
        silent: Seconds, from the beginning, in which the meter says nothing.
        stolen: Hours in which a part of the hashes goes elsewhere.
        hidden_w: Watts drawn in a second that no reading shows.
        counter: What the meter counted, by all watts that were drawn; None: it counts
            nothing.
        falls: Part of the way to a lower budget that is gone in each second.
    """

    budgets: dict[int, float] = field(factory=lambda: {0: 3_000_000.0})
    second: int = 7
    extra_w: Callable[[int], float] = lambda _: 0.0
    missing: frozenset[int] = frozenset()
    silent: frozenset[int] = frozenset()
    stolen: frozenset[int] = frozenset()
    hidden_w: Callable[[int], float] = lambda _: 0.0
    counter: Callable[[float], float] | None = round
    falls: float = 0.2
    seed: int = 1

    def events(self, minutes: int) -> Iterator[Event]:
        """Yield what is written in so many minutes."""
        chance = random.Random(self.seed)  # noqa: S311
        watts, budget, counted = STARTS_AT_W, 0.0, 7e6
        yield Event(BEGIN, SITE, "start", "the controller starts", {})
        for minute in range(minutes):
            begin = BEGIN + 60 * minute
            new = self.budgets.get(minute)
            readings: list[int | None] = []
            for second in range(60):
                if new is not None and (second == self.second or minute == 0):
                    budget, at = new, begin + second
                    body = {"rule": "order", "watts": budget}
                    yield Event(at, SITE, "budget", "an order", body)
                    new = None
                goal = budget * 0.985
                step = self.falls if goal < watts else 0.01
                watts += (goal - watts) * step
                at = begin + second - BEGIN
                reading = round(watts + self.extra_w(at))
                readings.append(None if at in self.silent else reading)
                counted += (reading + self.hidden_w(at)) / 3600.0
            if minute in self.missing:
                continue
            register = self._register(counted, begin + 59)
            body = {"from": begin, "w": readings, "register": register}
            yield from self._minute(body, watts, chance)

    def _register(self, wh: float, at: int) -> dict[str, float] | None:
        return None if self.counter is None else {"wh": self.counter(wh), "at": at}

    def _minute(
        self, body: dict[str, Any], watts: float, chance: random.Random
    ) -> Iterator[Event]:
        begin, w = body["from"], body["w"]
        yield Event(begin + 60, SITE, "meter", "a minute", body)
        hour = (begin - BEGIN) // 3600
        known = sum(one for one in w if one is not None)
        work = known / J_PER_TH * 1e12 / HASHES_OF_ONE
        work *= 0.6 if hour in self.stolen else 1.0
        d = work * chance.gauss(1.0, 0.005)
        n = max(1, round(40_000 * watts / 3e6))
        sums = {"n": n, "d": d, "d2": d * d / n, "stale": 0, "parked": 0.0}
        body = {"from": begin, "site": sums, "_sd": []}
        yield Event(begin + 60, SITE, "shares", "a minute", body)


def joules(events: list[Event]) -> float:
    """Return what all minutes come to."""
    found = [e.body["w"] for e in events if e.kind == "meter"]
    return math.fsum(w for minute in found for w in minute if w is not None)
