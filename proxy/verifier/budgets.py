"""Every budget that a site was held to, against what documents allowed.

What counts at a moment is the lower of what the site wrote and what documents allow
then: a budget that it never wrote down, or let stand too long, allows nothing.
"""

import heapq
from collections.abc import Iterable

import msgspec
from attrs import define, field

from proxy.verifier.documents import Documents
from proxy.verifier.reading import Head, Leaf
from proxy.verifier.report import Amount, Findings

_ROUNDING = 0.5
"""Watts: documents say whole ones."""


class BudgetBody(msgspec.Struct):
    """A budget from now on."""

    watts: Amount
    rule: str = ""


Step = tuple[float, float]
"""Since when, and how many watts."""

_decode = msgspec.json.Decoder(BudgetBody).decode


@define(eq=False, repr=False)
class Budgets:
    """What each site was held to, moment by moment.

    Attributes:
        findings: Where what is wrong goes.
        documents: Judged so far.
    """

    kinds = ("budget", "policy", "document", "presence")

    findings: Findings
    documents: Documents
    _said: dict[str, list[Step]] = field(factory=dict, init=False)
    _allowed: dict[str, list[Step]] = field(factory=dict, init=False)

    def take(self, leaf: Leaf) -> None:
        """Look at the next budget, or at what a document has changed."""
        if leaf.head.kind != "budget":
            self._plan(leaf.head)
            return
        head, watts = leaf.head, _decode(leaf.body).watts
        moments = self.documents.order.moments(head)
        self._said.setdefault(head.site, []).append((moments[-1], watts))
        council = self.documents.councils.get(head.site)
        if council is None:
            return
        most = min(map(council.budget, moments))
        if watts > most + _ROUNDING:
            self.findings.fault(
                f"{head.site} was given {watts:.0f} W where documents allow {most} W",
                leaf.index,
                head.at,
            )

    def end(self) -> None:
        """Say nothing more."""

    def at(self, site: str, moment: float) -> float | None:
        """Return the budget at a moment; None: none was said yet."""
        found = [_at(steps, moment) for steps in self._both(site)]
        return min((one for one in found if one is not None), default=None)

    def most(self, site: str, begin: float, end: float) -> float | None:
        """Return the highest budget of a time; None: none was said at its beginning."""
        first = self.at(site, begin)
        if first is None:
            return None
        later = [watts for since, watts in self.steps(site, end) if begin < since]
        return max([first, *later])

    def changed(self, site: str, begin: float, end: float) -> bool:
        """Tell whether there may be another budget within a time."""
        both = self._both(site)
        return any(begin < since <= end for steps in both for since, _ in steps)

    def steps(self, site: str, end: float) -> list[Step]:
        """Return each budget up to a moment, as far back as `forget` left."""
        said, allowed = self._both(site)
        held: dict[bool, float] = {}
        found: dict[float, float] = {}
        marked = (
            ((since, False, watts) for since, watts in said),
            ((since, True, watts) for since, watts in allowed),
        )
        for since, is_allowed, watts in heapq.merge(*marked):
            if since > end:
                break
            held[is_allowed] = watts
            found[since] = min(held.values())
        return list(found.items())

    def forget(self, site: str, before: float) -> None:
        """Forget what ended before a moment."""
        for steps in self._both(site):
            while len(steps) > 1 and steps[1][0] <= before:
                del steps[0]

    def _both(self, site: str) -> tuple[list[Step], list[Step]]:
        return self._said.get(site, []), self._allowed.get(site, [])

    def _plan(self, head: Head) -> None:
        """Note what documents allow from now on, until there is another one."""
        council = self.documents.councils.get(head.site)
        if council is None:
            return
        steps = self._allowed.setdefault(head.site, [])
        since = self.documents.order.moments(head)[-1]
        while steps and steps[-1][0] >= since:
            steps.pop()
        steps += [(one.start, float(one.watts)) for one in council.pieces(since)]


def _at(steps: Iterable[Step], moment: float) -> float | None:
    found = None
    for since, watts in steps:
        if since > moment:
            break
        found = watts
    return found
