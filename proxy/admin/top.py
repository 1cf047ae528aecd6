"""`baseload top`: the status, drawn again every second."""

from collections.abc import Callable
from typing import Any

from rich.console import Console, Group
from rich.live import Live
from rich.table import Table
from rich.text import Text

from proxy.admin.client import AdminError
from proxy.admin.columns import si
from proxy.admin.keys import is_pressed, single_keys
from proxy.admin.printable import printable
from proxy.admin.render import reasons

INTERVAL = 1.0

Fetch = Callable[[], Any]


def show(fetch: Fetch, console: Console, *, once: bool) -> None:
    """Draw until q or Ctrl-C; a proxy that is away is waited for.

    Args:
        fetch: Returns what `status` answers.
        console: Where to draw.
        once: Draw one frame and return.
    """
    if once:
        console.print(frame(fetch()))
        return
    try:
        with (
            single_keys(),
            Live(console=console, screen=True, auto_refresh=False) as live,
        ):
            live.update(_try_frame(fetch), refresh=True)
            while not is_pressed("q", INTERVAL):
                live.update(_try_frame(fetch), refresh=True)
    except KeyboardInterrupt:
        return


def frame(status: Any) -> Group:
    """Return one picture of `status`."""
    status = printable(status)
    head = Text.assemble(
        (f" {status['name']} ", "reverse"),
        f"  baseload {status['version']}  up {_time(status['uptime_s'])}"
        f"  engine {status['engine']}  blocks {status['blocks']['found']}  ledger ",
        (status["ledger"], "green" if status["ledger"] == "ok" else "bold red"),
    )
    parts: list[Text | Table] = [head, _sites(status["sites"])]
    if status["pools"]:
        parts.append(_pools(status["pools"]))
    if status["nodes"]:
        parts.append(_nodes(status["nodes"]))
    return Group(*parts)


def _try_frame(fetch: Fetch) -> Group:
    try:
        return frame(fetch())
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
