"""What is told of a cluster, as text for people."""

from collections.abc import Callable
from typing import Any

from proxy.admin.text_columns import span, table
from proxy.runtime.quantities import si

Answer = Any


def status(answer: Answer) -> str:
    """Render `cluster.status`."""
    if not answer:
        return "no [[cluster.sites]]: this proxy is in a cluster for its ledger alone\n"
    return "\n".join(_site(site) for site in answer)


def line(site: Answer) -> str:
    """Return a site in one line, for `status`."""
    if "site" not in site:  # in a cluster for its ledger alone
        return f"cluster:{_copied(site)}"
    leader = site["leader"] or "(nobody)"
    live = sum(member["state"] == "live" for member in site["members"])
    return (
        f"cluster {site['site']}: {si(site['sum_granted_w'], 'W')} granted of"
        f" {si(site['budget_w'], 'W')}, {live} of {len(site['members'])} members live,"
        f" {leader} leads{_away(site)}{_copied(site)}"
    )


def _copied(site: Answer) -> str:
    """Return how far the ledger was copied, if somebody does."""
    lag, fault = site.get("ship_lag_s"), site.get("ship_fault")
    gaps = site.get("ship_gaps") or []
    if lag is None:
        return ""
    said = f"; ledger copied to {span(lag)} ago" if lag else "; ledger copied"
    said += f", not now: {fault}" if fault else ""
    return said + (f"; {len(gaps)} gaps, the last: {gaps[-1]}" if gaps else "")


def _site(site: Answer) -> str:
    trim = f", {si(site['trim_w'], 'W')} by the meter" if site["trim_w"] else ""
    head = f"{line(site)} (epoch {site['epoch']})\nbudget by {site['ruled_by']}{trim}\n"
    fault = f"FAULT  {site['fault']}\n" if site["fault"] else ""
    rows = table(
        ["MEMBER", "STATE", "NEEDS", "GRANTED", "MAY DRAW", "DRAWS", "FLOOR", "HEARD"],
        [
            [
                m["name"],
                m["state"] if m["applied"] or m["state"] != "live" else "live, not yet",
                si(m["need_w"], "W"),
                si(m["granted_w"], "W"),
                si(m["held_w"], "W"),
                si(m["power_w"], "W"),
                si(m["floor_w"], "W"),
                f"{m['silent_s']:.0f} s ago",
            ]
            for m in site["members"]
        ],
    )
    refused = [f"{m['name']}: {m['why']}\n" for m in site["members"] if m["why"]]
    return head + fault + rows + "".join(refused)


def _away(site: Answer) -> str:
    answered = site["answered_s"]
    if answered is None:
        return "; the database has not answered yet"
    if answered < _AWAY_S:
        return ""
    return f"; the database is silent for {span(answered)}"


_AWAY_S = 5.0


def left(answer: Answer) -> str:
    """Render what became of a member."""
    return f"{answer['text']}\n"


RENDERERS: dict[str, Callable[[Answer], str]] = {
    "cluster.status": status,
    "cluster.leave": left,
}
