"""Pools and nodes as text for people."""

from typing import Any

import msgspec

from proxy.admin.source_views import HeldView
from proxy.admin.text_columns import table
from proxy.runtime.quantities import si

Answer = Any


def pools(answer: Answer) -> str:
    """Render `pools`."""
    return table(
        ["POOL", "STATE", "DIFFICULTY", "ACCEPTED", "REJECTED", "JOB AGE", "WHY"],
        [
            [
                p["name"],
                p["state"],
                si(p["difficulty"], ""),
                str(p["accepted"]),
                reasons(p["rejects"]),
                "-" if p["last_job_age_s"] is None else f"{p['last_job_age_s']:.0f} s",
                why_not(p),
            ]
            for p in answer
        ],
    )


def why_not(source: dict[str, Any]) -> str:
    """Return why a source is not in use, and what is held of it by hand."""
    held = source.get("by_hand")  # an older proxy has none
    texts = [source["reason"], _silence(source), _next_try(source)]
    texts += [held_text(held)] if held else []
    return "; ".join(filter(None, texts))


def _silence(source: dict[str, Any]) -> str:
    after = source.get("unanswered_s")  # as `next_try_s`
    return "" if after is None else f"silent for {after:.0f} s with shares to answer"


def _next_try(source: dict[str, Any]) -> str:
    after = source.get("next_try_s")  # a node, or a pool of an older proxy, has none
    return "" if after is None else f"next try in {after:.0f} s"


def held_text(held: dict[str, Any]) -> str:
    """Return in words what is held by hand."""
    return msgspec.convert(held, HeldView).text


def nodes(answer: Answer) -> str:
    """Render `nodes`."""
    rows = table(
        ["NODE", "STATE", "CHAIN", "HEIGHT", "TIP", "WHY"],
        [
            [
                n["name"],
                n["state"],
                n["chain"] or "-",
                "-" if n["height"] is None else str(n["height"]),
                n["tip"] or "-",
                why_not(n),
            ]
            for n in answer
        ],
    )
    return rows + node_coinbases(answer)


def node_coinbases(answer: Answer) -> str:
    """Render by what our coinbases differ from those of others on the same nodes."""
    sites = {s: p for node in answer for s, p in node.get("prefixes", {}).items()}
    return instance_line(answer[0]["instance"], sites) if sites else ""


def instance_line(instance: int, prefixes: dict[str, str]) -> str:
    """Return a line on a process's number, and what coinbases of each site have."""
    of_sites = ", ".join(f"{site} {prefix}" for site, prefix in prefixes.items())
    return f"instance {instance}: free bytes of node coinbases begin with {of_sites}\n"


def reasons(counts: dict[str, int]) -> str:
    """Return counts by reason in one line."""
    return ", ".join(f"{n} {reason}" for reason, n in counts.items()) or "0"
