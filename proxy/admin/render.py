"""Admin answers as text for people."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any

import msgspec

from proxy.admin import (
    render_alarms,
    render_cluster,
    render_documents,
    render_log,
    render_power,
)
from proxy.admin.text_columns import minute, si, table
from proxy.admin.views import HeldView

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
    texts = [source["reason"], _next_try(source), *([held_text(held)] if held else [])]
    return "; ".join(filter(None, texts))


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


def bans(answer: Answer) -> str:
    """Render `bans`."""
    return table(
        ["ADDRESS", "SITE", "FOR", "WHY"],
        [[b["address"], b["site"], f"{b['left_s']:.0f} s", b["why"]] for b in answer],
    )


def miners(answer: Answer) -> str:
    """Render `miners`."""
    return table(
        [
            "ID",
            "WORKER",
            "ADDRESS",
            "PROTOCOL",
            "STATE",
            "DIFFICULTY",
            "HASHRATE 5m",
            "ACCEPTED",
        ],
        [
            [
                str(m["id"]),
                m["worker"] or "(nobody)",
                m["address"],
                m["protocol"],
                m["state"],
                si(m["difficulty"], ""),
                si(m["hashrate_hs"]["5m"], "H/s"),
                str(m["accepted"]),
            ]
            for m in answer
        ],
    )


def miner_page(answer: Answer) -> str:
    """Render `miner_page`: the miners, and where the others are."""
    total, page, last = answer["total"], answer["page"], answer["pages"] - 1
    if page > last:
        where = f"the last is --page {last}" if last > 0 else "there is one, --page 0"
        return f"no page {page}: {where}; {total:,} miners\n"
    foot = f"page {page} of 0-{last}, {total:,} miners"
    if page < last:
        foot += f"; next: --page {page + 1}"
    return f"{miners(answer['miners'])}{foot}\n"


def why(answer: Answer) -> str:
    """Render `why`: a miner, and under it why it is as it is."""
    return "".join(
        f"{one['id']}  {one['worker'] or '(nobody)'}  {one['address']}  {one['site']}\n"
        + "".join(f"  {sentence}\n" for sentence in one["sentences"])
        for one in answer
    )


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


def places(answer: Answer) -> str:
    """Render `places`: where machines are on the map."""
    if not answer:
        return "no machine is connected\n"
    keys = ("site", "worker", "address", "rack", "position")
    rows = [[one[key] or "-" for key in keys] for one in answer]
    return table([key.upper() for key in keys], rows)


def reasons(counts: dict[str, int]) -> str:
    """Return counts by reason in one line."""
    return ", ".join(f"{n} {reason}" for reason, n in counts.items()) or "0"


RENDERERS: dict[str, Callable[[Answer], str]] = {
    "status": status,
    "sites": sites,
    "pools": pools,
    "nodes": nodes,
    "miners": miners,
    "miner_page": miner_page,
    "why": why,
    "blocks": blocks,
    "test_alert": done,
    "kick": done,
    "ban": done,
    "bans": bans,
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
    "places": places,
    **render_power.RENDERERS,
    **render_log.RENDERERS,
    **render_cluster.RENDERERS,
    "power.document": render_documents.document,
    "power.documents": render_documents.documents,
}
