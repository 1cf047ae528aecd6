"""What the site controller answers, as text for people."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any

from proxy.admin.render_price import price_lines
from proxy.admin.text_columns import table
from proxy.runtime.quantities import si

Answer = Any

MAX_CAUSE_CHARS = 100


def show(answer: Answer) -> str:
    """Render `power.show`."""
    if not answer:
        return "no site has been looked at yet: try again\n"
    return "\n".join("\n".join(_site(site)) + "\n" for site in answer)


def given(answer: Answer) -> str:
    """Render what became of an order."""
    return f"{answer['text']}\n"


def plan(answer: Answer) -> str:
    """Render `power.plan`: what would be done, why, and what it would cost."""
    head = (
        f"{answer['site']} at {si(answer['budget_w'], 'W')}:"
        f" {len(answer['steps']) + answer['more']} machines change,"
        f" {_signed(answer['watts'], 'W')}, {_signed(answer['hash_hs'], 'H/s')},"
        f" {si(answer['cap_hs'], 'H/s')} stay\n"
    )
    rows = [
        [
            s["machine"],
            s["model"],
            si(s["before_w"], "W"),
            si(s["after_w"], "W"),
            _signed(s["hash_hs"], "H/s"),
            s["reason"],
        ]
        for s in answer["steps"]
    ]
    more = f"... and {answer['more']} more\n" if answer["more"] else ""
    columns = ["MACHINE", "MODEL", "NOW", "THEN", "HASH", "WHY"]
    if any(s.get("breakeven") is not None for s in answer["steps"]):
        columns.append("BREAKEVEN")
        for row, s in zip(rows, answer["steps"], strict=True):
            row.append("" if s["breakeven"] is None else f"{s['breakeven']:.2f}")
    if not rows:
        return head + (f"{answer['note']}\n" if answer.get("note") else "")
    return head + table(columns, rows) + more


def machines(answer: Answer) -> str:
    """Render `power.machines`."""
    rows = [
        [
            m["machine"],
            m["worker"],
            m["model"],
            m["tenant"] or "",
            m["held_by"],
            f"{m['state']}: {fault:.40}" if (fault := m.get("fault")) else m["state"],
            si(m["told_w"], "W"),
            "" if m["power_w"] is None else si(m["power_w"], "W"),
            _hashrate(m["hashrate"]) if m["hashrate"]["shares"] else "",
        ]
        for m in answer
    ]
    head = ["MACHINE", "WORKER", "MODEL", "TENANT", "HELD BY", "STATE"]
    return table([*head, "TOLD", "SAYS", "HASHRATE"], rows)


def history(answer: Answer) -> str:
    """Render `power.history`, the oldest of its events first."""
    rows = [
        [
            str(e["id"]),
            _time(e["at"]),
            e["site"],
            e["kind"],
            str(e["body"].get("machine", "")),
            e["cause"][:MAX_CAUSE_CHARS],
        ]
        for e in reversed(answer["events"])
    ]
    text = table(["ID", "TIME (UTC)", "SITE", "WHAT", "MACHINE", "WHY"], rows)
    if not answer["is_checked"]:
        return text
    broken = answer["broken_at"]
    verdict = "whole" if broken is None else f"TAMPERED WITH from event {broken} on"
    return f"{text}the log is {verdict}\n"


def _site(site: Answer) -> Iterator[str]:
    yield (
        f"{site['site']}: {site['state']} ({site['state_reason']})\n"
        f"  budget    {si(site['budget_w'], 'W')} by {site['ruled_by']}\n"
        f"  power     {si(site['power_w'], 'W')} by {site['power_source']}\n"
        f"  cap       {_cap(site)}"
    )
    yield f"  hashrate  {_hashrate(site['hashrate'])}"
    for name, found in site["tenants"].items():
        yield f"  tenant    {name}: {_hashrate(found)}"
    if site["strangers"]["shares"]:
        yield f"  strangers {_hashrate(site['strangers'])}, described by no fleet row"
    yield from _efficiency(site)
    machines = site["machines"]
    counts = ", ".join(f"{n} {kind}" for kind, n in machines.items() if n)
    yield f"  machines  {counts.replace('_', ' ') or 'none'}"
    if site["meter"] is not None:
        fault = site["meter"]["fault"] or "good"
        yield f"  meter     {si(site['meter']['watts'], 'W')}, {fault}"
    for order in site["orders"]:
        end = order["expires"]
        until = "" if end is None else f" until {_time(end)}"
        why = f": {order['reason']}" if order["reason"] else ""
        number = f"{order['seq']} of {order['source']}"
        yield f"  order     {number}: {si(order['watts'], 'W')}{until}{why}"
    if site["more_orders"]:
        yield f"  order     and {site['more_orders']} more"
    for signal in site["signals"]:
        yield f"  signal    {signal['name']}: {_voice(signal)}"
    yield from price_lines(site)
    for alarm in site["alarms"]:
        machine = f"{alarm['machine']}: " if alarm["machine"] else ""
        yield f"  ALARM     {machine}{alarm['cause']}, for {alarm['for_s']:.0f} s"


def _cap(site: Answer) -> str:
    """Return the cap and all that made it, as `control.estimate` has it."""
    cap = site["cap"]
    aux = cap["aux"]
    guard = f"{si(cap['ramped_w'] - cap['allow_w'], 'W')} ({cap['guard']:.2%})"
    allowed = f"{si(cap['ramped_w'], 'W')} less a guard of {guard}"
    if cap["it_w"] <= 0:
        return (
            f"{si(site['cap_hs'], 'H/s')}, no machine: {si(cap['allow_w'], 'W')}"
            f" {_signed(cap['integral_w'], 'W')} of trim leave nothing beside"
            f" {si(aux['fixed_w'], 'W')} of other loads;"
            f" {si(cap['allow_w'], 'W')} = {allowed}; epoch {cap['epoch']}"
        )
    return (
        f"{si(site['cap_hs'], 'H/s')}, the best machines within"
        f" {si(cap['it_w'] / cap['bias'], 'W')} of nameplate"
        f" = {si(cap['it_w'], 'W')} / bias {cap['bias']:.3f}; epoch {cap['epoch']}\n"
        f"            {si(cap['it_w'], 'W')} = ({si(cap['allow_w'], 'W')}"
        f" {_signed(cap['integral_w'], 'W')} of trim - {si(aux['fixed_w'], 'W')})"
        f" / {1 + aux['share']:.3f}; {si(cap['allow_w'], 'W')} = {allowed}"
    )


def _efficiency(site: Answer) -> Iterator[str]:
    seen, model = (
        site["joules_per_terahash"],
        site["expected_joules_per_terahash"],
    )
    if model is not None:
        shown = "not to be told" if seen is None else si(seen, "J/TH")
        yield f"  spends    {shown}, by the model {si(model, 'J/TH')}"


def _hashrate(found: Answer) -> str:
    if found["shares"] and not found["hash_hs"]:
        return f"not to be told yet, from {found['shares']} shares"
    return (
        f"{si(found['hash_hs'], 'H/s')} proved by {found['shares']} shares"
        f" ({si(found['low_hs'], 'H/s')} to {si(found['high_hs'], 'H/s')})"
    )


def _voice(signal: Answer) -> str:
    says = f"; {signal['says']}" if signal.get("says") else ""
    return f"{_heard(signal)}{says}"


def _heard(signal: Answer) -> str:
    if signal["silent_s"] is None:
        return "not heard since the start"
    heard = f"heard {signal['silent_s']:.0f} s ago"
    if signal["last_w"] is not None:
        heard = f"{si(signal['last_w'], 'W')}, {heard}"
    if signal["has_lapsed"]:
        heard += ", LAPSED"
    elif signal["lease_left_s"] is not None:
        heard += f", lapses in {signal['lease_left_s']:.0f} s"
    return f"{heard}, rules" if signal["is_ruling"] else heard


def _signed(value: float, unit: str) -> str:
    return f"{'-' if value < 0 else '+'}{si(abs(value), unit)}"


def _time(at: float) -> str:
    moment = datetime.fromtimestamp(at, tz=UTC)
    return moment.strftime("%Y-%m-%d %H:%M:%S")


RENDERERS: dict[str, Callable[[Answer], str]] = {
    "power.show": show,
    "power.set": given,
    "power.clear": given,
    "power.forget": given,
    "power.plan": plan,
    "power.history": history,
    "power.machines": machines,
}
