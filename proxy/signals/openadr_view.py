"""What people are shown of a utility's server, and by which names it knows us."""

from collections.abc import Iterable

from protocol.openadr.book import Verdict
from protocol.openadr.dates import Judged
from protocol.openadr.objects import TypedTarget, Ven
from protocol.units import UnixTime


def as_it_stands(
    verdict: Verdict, judged: Judged | None, fault: str, at: UnixTime
) -> str:
    """Return in one line what was heard last.

    Args:
        verdict: What the events say.
        judged: The list that they came in; None: none did.
        fault: Why the server cannot be asked; empty: it can.
        at: The moment, for the price.
    """
    if fault:
        return f"cannot be asked: {fault}"
    parts = [f"{verdict.count} events"]
    if verdict.others:
        parts.append(f"{verdict.others} for others")
    if verdict.refusals:
        parts.append(f"{len(verdict.refusals)} refused")
    if not verdict.may_raise:
        parts.append("one that cannot be read: nothing rises")
    if judged is not None and judged.skew_s is not None:
        parts.append(f"its clock {judged.skew_s:+.0f} s")
    return ", ".join([*parts, *_price(verdict, at)])


def _price(verdict: Verdict, at: UnixTime) -> list[str]:
    now = [
        price
        for price in verdict.prices
        if price.start <= at and (price.end is None or at < price.end)
    ]
    if not now:
        return []
    unit = "/".join(part for part in (now[-1].currency, now[-1].units) if part)
    return [f"price {now[-1].value:g} {unit}".rstrip()]


def names_of(nodes: Iterable[Ven]) -> set[str]:
    """Return what nodes are called, and their targets."""
    found: set[str] = set()
    for node in nodes:
        found |= {node.ven_name, node.resource_name} - {""}
        for target in node.targets or ():
            if isinstance(target, TypedTarget):
                found.update(target.values)
            else:
                found.add(target)
    return found
