"""Every budget that a site was held to, against what documents allowed."""

import msgspec
from attrs import define, field

from proxy.verifier.documents import Documents
from proxy.verifier.reading import Leaf
from proxy.verifier.report import Findings

_ROUNDING = 0.5
"""Watts: documents say whole ones."""


class BudgetBody(msgspec.Struct):
    """A budget from now on."""

    watts: float
    rule: str = ""


_decode = msgspec.json.Decoder(BudgetBody).decode


@define(eq=False, repr=False)
class Budgets:
    """What each site was held to, moment by moment.

    Attributes:
        findings: Where what is wrong goes.
        documents: Judged so far.
        steps: By site: since when, and how many watts; as far back as `forget` left.
    """

    kinds = ("budget",)

    findings: Findings
    documents: Documents
    steps: dict[str, list[tuple[float, float]]] = field(factory=dict, init=False)

    def take(self, leaf: Leaf) -> None:
        """Look at the next budget."""
        head, watts = leaf.head, _decode(leaf.body).watts
        self.steps.setdefault(head.site, []).append((head.at, watts))
        council = self.documents.councils.get(head.site)
        if council is None:
            return
        most = council.budget(head.at)
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
        found = None
        for since, watts in self.steps.get(site, ()):
            if since > moment:
                break
            found = watts
        return found

    def most(self, site: str, begin: float, end: float) -> float | None:
        """Return the highest budget of a time; None: none was said yet."""
        steps = self.steps.get(site, [])
        later = [watts for since, watts in steps if begin < since <= end]
        first = self.at(site, begin)
        return max([*later, *([] if first is None else [first])], default=None)

    def changed(self, site: str, begin: float, end: float) -> bool:
        """Tell whether there was another budget within a time."""
        return any(begin < since <= end for since, _ in self.steps.get(site, ()))

    def forget(self, site: str, before: float) -> None:
        """Forget what ended before a moment."""
        steps = self.steps.get(site, [])
        while len(steps) > 1 and steps[1][0] <= before:
            del steps[0]
