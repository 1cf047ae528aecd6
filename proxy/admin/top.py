"""`baseload top`: the status, drawn again every second."""

from collections.abc import Callable
from typing import Any

from rich.console import Console, Group
from rich.live import Live
from rich.table import Table
from rich.text import Text

from proxy.admin.client import AdminError
from proxy.admin.history import PowerHistory, bars_for
from proxy.admin.keyboard import is_pressed, single_keys
from proxy.admin.printable import printable
from proxy.admin.render import reasons
from proxy.admin.text_columns import si

INTERVAL = 1.0

STATES = {
    "normal": "green",
    "hold": "yellow",
    "failsafe": "bold red",
    "trip": "bold red",
}

Fetch = Callable[[], Any]


LAGS_FROM = 1.1
"""Of its cap: a site that keeps its budget and finds more shows the minute before."""


def show(fetch: Fetch, console: Console, *, once: bool) -> None:
    """Draw until q or Ctrl-C; a proxy that is away is waited for.

    Args:
        fetch: Returns what `status` answers.
        console: Where to draw. A dumb terminal cannot go back to what it has written:
            it gets one frame, too.
        once: Draw one frame and return.
    """
    if once or console.is_dumb_terminal:
        console.print(frame(fetch()))
        return
    try:
        with (
            single_keys(),
            Live(console=console, screen=True, auto_refresh=False) as live,
        ):
            history = PowerHistory(bars_for(console.encoding))
            live.update(_try_frame(fetch, history), refresh=True)
            while not is_pressed("q", INTERVAL):
                live.update(_try_frame(fetch, history), refresh=True)
    except KeyboardInterrupt:
        return


def frame(status: Any, history: PowerHistory | None = None) -> Group:
    """Return one picture of `status`, and of what went before."""
    status = printable(status)
    head = Text.assemble(
        (f" {status['name']} ", "reverse"),
        f"  baseload {status['version']}  {status['state']}"
        f"  up {_time(status['uptime_s'])}"
        f"  engine {status['engine']}  blocks {status['blocks']['found']}  ledger ",
        (status["ledger"], "green" if status["ledger"] == "ok" else "bold red"),
    )
    parts: list[Text | Table] = [head, _sites(status["sites"])]
    powered = [site for site in status["sites"] if site["budget_w"] is not None]
    if powered:
        parts += [Text(), _power(powered)]
        parts += [_alarm(s["name"], text) for s in powered for text in s["alarms"]]
        parts += [
            line for s in powered for line in (history or PowerHistory()).lines(s)
        ]
        parts.append(Text())
    if status["pools"]:
        parts.append(_pools(status["pools"]))
    if status["nodes"]:
        parts.append(_nodes(status["nodes"]))
    return Group(*parts)


def _try_frame(fetch: Fetch, history: PowerHistory) -> Group:
    try:
        status = fetch()
        history.add(status)
        return frame(status, history)
    except AdminError as error:
        return Group(Text(f"waiting for the proxy: {error}", "yellow"))


def _sites(sites: Any) -> Table:
    table = _table("SITE", "SOURCE", "1 min", "1 h", "MINERS", "PARKED", "ACCEPTED")
    table.add_column("REJECTED", overflow="fold")
    table.add_column("LOST", overflow="fold")
    for site in sites:
        rates, miners, shares = site["hashrate_hs"], site["miners"], site["shares"]
        table.add_row(
            Text(site["name"]),
            Text(site["source"]) if site["source"] else Text("none", "bold red"),
            si(rates["1m"], "H/s"),
            si(rates["1h"], "H/s"),
            f"{miners['active']}/{miners['connected']}",
            str(miners["parked"]),
            str(shares["accepted"]),
            Text(reasons(shares["rejected"])),
            Text(reasons(shares["lost"])),
        )
    return table


def _power(sites: Any) -> Table:
    table = _table("POWER", "STATE", "BUDGET", "DRAWN", "BY", "CAP", "OF THE CAP")
    for site in sites:
        table.add_row(
            Text(site["name"]),
            Text(site["state"] or "-", STATES.get(site["state"] or "", "")),
            si(site["budget_w"], "W"),
            si(site["power_w"], "W"),
            site["power_source"] or "-",
            si(site["cap_hs"], "H/s"),
            _of_the_cap(site),
        )
    return table


def _of_the_cap(site: Any) -> str:
    """Return what part of its cap a site finds; a minute's shares lag behind a fall."""
    cap, rate = site["cap_hs"], site["hashrate_hs"]["1m"]
    if not cap:
        return "-"
    drawn, budget = site["power_w"], site["budget_w"]
    is_kept = drawn is not None and budget is not None and drawn <= budget
    if rate > LAGS_FROM * cap and is_kept:
        return "falling"
    return f"{100 * rate / cap:.0f} %"


def _alarm(site: str, text: str) -> Text:
    return Text(f" ALARM {site}: {text}", "bold red")


def _pools(pools: Any) -> Table:
    table = _table("POOL", "STATE", "DIFFICULTY", "ACCEPTED", "REJECTED", "JOB AGE")
    table.add_column("WHY", overflow="fold")
    for pool in pools:
        age = pool["last_job_age_s"]
        table.add_row(
            Text(pool["name"]),
            Text(pool["state"], "green" if pool["state"] == "ready" else "yellow"),
            si(pool["difficulty"], ""),
            str(pool["accepted"]),
            Text(reasons(pool["rejects"])),
            "-" if age is None else _time(age),
            Text(pool["reason"]),  # a pool's own words: no markup
        )
    return table


def _nodes(nodes: Any) -> Table:
    table = _table("NODE", "STATE", "HEIGHT", "TIP")
    for node in nodes:
        row = (
            node["name"],
            node["state"],
            str(node["height"] or "-"),
            node["tip"] or "-",
        )
        table.add_row(*row)
    return table


def _table(*columns: str) -> Table:
    table = Table(box=None, expand=True, header_style="dim")
    for column in columns:
        table.add_column(column, no_wrap=True)
    return table


def _time(seconds: float) -> str:
    minutes, rest = divmod(int(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}"
