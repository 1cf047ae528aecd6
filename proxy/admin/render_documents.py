"""What signed documents make of a site, as text for people."""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

from proxy.runtime.quantities import si

Answer = Any


def documents(answer: Answer) -> str:
    """Render `power.documents`."""
    if not answer:
        return "no site has a signal of kind signed\n"
    return "\n".join("\n".join(_site(site)) + "\n" for site in answer)


def document(answer: Answer) -> str:
    """Render `power.document`."""
    reply = answer["reply"]
    if reply["taken"]:
        return f"taken: {reply['id']}\n"
    return "; ".join(reply.get("needs", [])) or f"refused: {reply['reason']}\n"


def _site(site: Answer) -> Iterator[str]:
    yield f"{site['site']}: {si(site['budget_w'], 'W')}, {site['why']}"
    now, *later = site["policies"]
    parties = "; ".join(f"{r}: {', '.join(k)}" for r, k in now["parties"].items())
    yield f"  policy {now['version']} until {_time(now['expires'])}: {parties}"
    for one in later:
        yield f"  policy {one['version']} from {_time(one['in_force_from'])}"
    if site["revoked"]:
        yield f"  revoked: {', '.join(site['revoked'])}"
    if site["raise_needs"]:
        there = ", ".join(site["present"]) or "nobody"
        yield f"  present: {there}; {site['raise_needs']} must be, to raise"
    for one in site["standing"]:
        mark = ">" if one["is_ruling"] else " "
        void = "" if one["counts"] else " (its signers count no more)"
        by = ", ".join(one["by"])
        yield f" {mark}{one['id'][:12]}  {by}: {one['said']}{void}"
    for one in site["waiting"]:
        by, needs = ", ".join(one["by"]), "; ".join(one["needs"])
        yield f" ?{one['id'][:12]}  {by}: {one['said']}"
        yield f"    waits until {_time(one['until'])}, needs {needs}"
    if site["more"]:
        yield f"  and {site['more']} more"
    if site["unwritten"]:
        yield f"  {site['unwritten']} hold that could not be written down"


def _time(at: float) -> str:
    try:
        moment = datetime.fromtimestamp(at, tz=UTC)
    except (ValueError, OverflowError, OSError):  # beyond what calendars have
        return f"second {at:.0f}"
    return moment.strftime("%Y-%m-%d %H:%M:%S")
