"""Admin answers as text for people."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any

from proxy.admin import (
    render_alarms,
    render_cluster,
    render_documents,
    render_log,
    render_miners,
    render_power,
)
from proxy.admin.render_sources import held_text, nodes, pools, reasons
from proxy.admin.text_columns import minute, table
from proxy.runtime.quantities import si

Answer = Any


def sites(answer: Answer) -> str:
    """Render `sites`: all of them, then the power of those that have a budget."""
    powered = [site for site in answer if site["budget_w"] is not None]
    drained = [s["name"] for s in answer if s.get("draining")]  # an older proxy: none
    notes = "".join(f"{name} is drained: it takes no miners\n" for name in drained)
    return _sites(answer) + notes + (f"\n{_power(powered)}" if powered else "")


def _sites(answer: Answer) -> str:
    return table(
        ["SITE", "SOURCE", "HASHRATE 5m", "MINERS", "ACCEPTED", "REJECTED", "LOST"],
        [
            [
                s["name"],
                s["source"] or "(none)",
                si(s["hashrate_hs"]["5m"], "H/s"),
                f"{s['miners']['active']}/{s['miners']['connected']}",
                str(s["shares"]["accepted"]),
                reasons(s["shares"]["rejected"]),
                reasons(s["shares"]["lost"]),
            ]
            for s in answer
        ],
    )


def _power(answer: Answer) -> str:
    alarms = [f"ALARM  {s['name']}: {text}\n" for s in answer for text in s["alarms"]]
    rows = table(
        ["POWER", "STATE", "BUDGET", "DRAWN", "BY", "CAP", "PARKED", "RULED BY"],
        [
            [
                s["name"],
                s["state"] or "-",
                si(s["budget_w"], "W"),
                si(s["power_w"], "W"),
                s["power_source"] or "-",
                si(s["cap_hs"], "H/s"),
                f"{s['miners']['parked']}/{s['miners']['connected']}",
                s["ruled_by"] or "-",
            ]
            for s in answer
        ],
    )
    return rows + "".join(alarms)


def blocks(answer: Answer) -> str:
    """Render `blocks`."""
    if not answer:
        return "no block was found yet\n"
    rows = [
        [
            datetime.fromtimestamp(b["at"], UTC).strftime("%Y-%m-%d %H:%M:%S"),
            "-" if b["height"] is None else str(b["height"]),
            b["site"],
            b["worker"],
            b["source"],
            f"{b['verdict']} {b['reason']}".rstrip(),
            b["hash"],
        ]
        for b in answer
    ]
    head = ["FOUND (UTC)", "HEIGHT", "SITE", "WORKER", "SOURCE", "VERDICT", "HASH"]
    return table(head, rows)


def status(answer: Answer) -> str:
    """Render `status`."""
    waits_for = ", ".join(answer["waits_for"])
    head = (
        f"{answer['name']} {answer['version']}, {answer['state']}"
        f"{waits_for and ' (waits for ' + waits_for + ')'},"
        f" up {answer['uptime_s']:.0f} s,"
        f" engine {answer['engine']}, ledger {answer['ledger']},"
        f" blocks {answer['blocks']['found']}\n"
    )
    head += "".join(
        _limit(limit) for limit in answer.get("limits", []) if limit["reached"]
    )
    head += "".join(f"{line}\n" for line in _ledger(answer))
    head += "".join(f"{held_text(one)}\n" for one in answer.get("by_hand", []))
    if cluster := answer.get("cluster"):
        head += f"{render_cluster.line(cluster)}\n"
    parts = [head, sites(answer["sites"]), pools(answer["pools"])]
    if answer["nodes"]:
        parts.append(nodes(answer["nodes"]))
    return "\n".join(parts)


def _limit(limit: dict[str, Any]) -> str:
    most, away = limit["most"], limit["turned_away"]
    return f"{limit['name']}: all {most} are taken, {away} were turned away\n"


def _ledger(answer: Answer) -> Iterator[str]:
    """Yield what there is to say of the ledger; an older proxy says less."""
    if reason := answer.get("ledger_reason"):
        yield f"ledger degraded: {reason}"
    if lost := answer.get("unrecorded"):
        yield f"{lost} rows of the ledger could not be recorded"
    reach: dict[str, float | None] = answer.get("kept_since", {})
    since = {of: at for of, at in reach.items() if at is not None}
    if since:
        text = ", ".join(f"{of} since {minute(at)}" for of, at in since.items())
        yield f"ledger has {text} (UTC)"


def done(answer: Answer) -> str:
    """Render what a command did."""
    return f"{answer['text']}\n"


def reload(answer: Answer) -> str:
    """Render `reload`: each change and what it takes."""
    if not answer["changes"]:
        return f"{answer['text']}\n"
    rows = [[c["kind"], c["key"], c["what"]] for c in answer["changes"]]
    how = "" if answer["done"] else "nothing was changed: this is what would be\n"
    return how + table(["TAKES", "KEY", "WHAT"], rows)


RENDERERS: dict[str, Callable[[Answer], str]] = {
    "status": status,
    "sites": sites,
    "pools": pools,
    "nodes": nodes,
    "blocks": blocks,
    "test_alert": done,
    "kick": done,
    "ban": done,
    "unban": done,
    "drain": done,
    "undrain": done,
    "park": done,
    "unpark": done,
    "pool.prefer": done,
    "pool.disable": done,
    "pool.enable": done,
    "reload": reload,
    "alarms": render_alarms.alarms,
    **render_miners.RENDERERS,
    **render_power.RENDERERS,
    **render_log.RENDERERS,
    **render_cluster.RENDERERS,
    "power.document": render_documents.document,
    "power.documents": render_documents.documents,
}
