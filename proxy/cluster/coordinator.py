"""What a leader does in one step: who is refused, and what all others are granted."""

from collections.abc import Mapping

from attrs import define, evolve, field, frozen

from protocol.units import Seconds
from proxy.cluster.found import Figures, Found
from proxy.config.cluster import ClusterSiteConfig
from proxy.power.allotment.allot import allot, is_silent, may_hold, resumed, watch
from proxy.power.allotment.rows import Grant, Row, Seen, Term, Times
from proxy.power.allotment.trim import trimmed
from proxy.power.orders.budget import Budget

VERSION = 1
"""Of the protocol, the latest that this release knows: what a member says of itself."""

OLDEST = 1
"""The earliest that it still speaks: a member that knows no later one is refused."""


@frozen
class Step:
    """What came of one.

    Attributes:
        grants: To be written.
        changed: Members whose grant says something else than before.
        may_hold: By member, watts.
        silent: Members of whom nothing is heard.
        refused: Members that are granted nothing beyond their floor, with the reason.
        version: The latest that every member knows which is heard: no more is used, so
            that members are upgraded one by one, before their leader or after it.
    """

    grants: Mapping[str, Grant]
    changed: tuple[str, ...]
    may_hold: Mapping[str, int]
    silent: frozenset[str]
    refused: Mapping[str, str]
    version: int


@define(eq=False, repr=False)
class Coordinator:
    """One leadership of one site.

    Attributes:
        site: As this proxy's configuration says.
        term: The last step's.
        beat: How often it was written.
        trim_w: What is granted less than the budget, for what the site's meter shows;
            never positive.
    """

    site: ClusterSiteConfig
    term: Term
    beat: int = 0
    trim_w: float = 0.0
    _seen: dict[str, Seen] = field(factory=dict, init=False)

    @classmethod
    def of(
        cls, site: ClusterSiteConfig, epoch: int, now: Seconds, times: Times
    ) -> "Coordinator":
        """Return a leadership that begins now."""
        return cls(site, Term(epoch, now, now, 0, times))

    def step(
        self, found: Found, budget: Budget, metered_w: float | None, now: Seconds
    ) -> Step:
        """Return what is to be written, from one look at the tables.

        Args:
            found: That look.
            budget: The site's.
            metered_w: What the whole site draws; None: nobody knows.
            now: By the clock of this leader.
        """
        elapsed = Seconds(now - self.term.now)
        self.term, seen = resumed(self.term, self._seen, now)
        self.trim_w = trimmed(self.trim_w, metered_w, budget.watts, elapsed)
        watts = max(0, int(budget.watts + self.trim_w))
        self.term = term = evolve(self.term, budget_w=watts)
        refused = self._refused(found)
        rows = {
            name: evolve(row, need=()) if name in refused else row
            for name, row in found.rows.items()
        }
        self._seen = watch(term, rows, found.grants, seen)
        grants = allot(term, rows, found.grants, self._seen)
        silent = frozenset(
            n for n, row in rows.items() if is_silent(term, row, self._seen[n])
        )
        known = [
            row.version
            for name, row in rows.items()
            if name not in silent and name not in refused
        ]
        return Step(
            grants,
            tuple(n for n, g in grants.items() if _is_other(found.grants.get(n), g)),
            may_hold(term, rows, grants, self._seen),
            silent,
            refused,
            min([VERSION, *known]),
        )

    def _refused(self, found: Found) -> dict[str, str]:
        """Return whom nothing is granted beyond the floor, with the reason."""
        refused: dict[str, str] = {}
        floors = 0
        for name in sorted(found.rows, key=lambda n: (n not in found.grants, n)):
            row, figures = found.rows[name], found.figures[name]
            why = self._objection(row, figures, found.faults.get(name, ""))
            if not why and floors + row.floor_w > self.site.fail_safe_w:
                why = (
                    f"its floor of {row.floor_w} W and the others' {floors} W are more"
                    f" than fail_safe_w = {self.site.fail_safe_w:g} W"
                )
            if why:
                refused[name] = why
            else:
                floors += row.floor_w
        return refused

    def _objection(self, row: Row, figures: Figures, fault: str) -> str:
        if row.version < OLDEST:
            return (
                f"it knows version {row.version}, the leader speaks {OLDEST} at least"
            )
        if not fault and figures.digest != self.site.digest:
            return "its [[cluster.sites]] says something else than the leader's"
        return fault


def _is_other(before: Grant | None, after: Grant) -> bool:
    return before is None or (before.number, before.life, before.epoch) != (
        after.number,
        after.life,
        after.epoch,
    )
