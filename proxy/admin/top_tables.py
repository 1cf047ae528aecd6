"""The parts of `baseload top` that are tables."""

from typing import Any

from rich.table import Table
from rich.text import Text

from proxy.admin.render_sources import reasons
from proxy.runtime.quantities import si

NARROW = 100
"""Below so many columns, tables leave out what is least missed."""

TIP_END = 16
"""Digits of a block's hash where there are few columns."""

STATES = {
    "normal": "green",
    "hold": "yellow",
    "failsafe": "bold red",
    "trip": "bold red",
}

LAGS_FROM = 1.1
"""Of its cap: a site that keeps its budget and finds more shows the minute before."""

MACHINES = (
    *("total", "connected", "running", "under_way", "parked_only"),
    *("silent", "hashing_on", "absent", "unresponsive", "unknown"),
)
"""Of those that `power.show` counts, what is shown."""

FAULTS = {"silent", "hashing_on", "unresponsive"}


def head(status: Any) -> Text:
    """Return one line on the process."""
    return Text.assemble(
        (f" {status['name']} ", "reverse"),
        f" {status['version']}  {status['state']}  up {duration(status['uptime_s'])}"
        f"  engine {status['engine']}  blocks {status['blocks']['found']}  ledger ",
        (status["ledger"], "green" if status["ledger"] == "ok" else "bold red"),
        no_wrap=True,
        overflow="ellipsis",
    )


def sites(answer: Any, width: int) -> Table:
    """Return every site."""
    rates = ("1 min",) if width < NARROW else ("1 min", "1 h")
    table = _table("SITE", "SOURCE", *rates, "MINERS", "PARKED", "ACCEPTED")
    table.add_column("REJECTED", overflow="fold")
    table.add_column("LOST", overflow="fold")
    for site in answer:
        found, miners, shares = site["hashrate_hs"], site["miners"], site["shares"]
        table.add_row(
            Text(site["name"]),
            Text(site["source"]) if site["source"] else Text("none", "bold red"),
            *(si(found[rate.replace(" min", "m").replace(" h", "h")], "H/s")
              for rate in rates),
            f"{miners['active']}/{miners['connected']}",
            str(miners["parked"]),
            str(shares["accepted"]),
            Text(reasons(shares["rejected"])),
            Text(reasons(shares["lost"])),
        )  # fmt: skip
    return table


def power(answer: Any, width: int) -> Table:
    """Return the power of sites that have a budget."""
    columns = ["POWER", "STATE", "BUDGET", "DRAWN", "BY", "CAP", "OF THE CAP"]
    table = _table(*columns)
    if width >= NARROW:
        table.add_column("RULED BY", no_wrap=True, ratio=1)
    for site in answer:
        row = [
            Text(site["name"]),
            Text(site["state"] or "-", STATES.get(site["state"] or "", "")),
            si(site["budget_w"], "W"),
            si(site["power_w"], "W"),
            site["power_source"] or "-",
            si(site["cap_hs"], "H/s"),
            of_the_cap(site),
            Text(site["ruled_by"] or "-"),
        ]
        table.add_row(*row[: len(table.columns)])
    return table


def machines(counts: Any) -> Table:
    """Return how many machines are how; what none is, is left out.

    Args:
        counts: By site.
    """
    seen = [k for k in MACHINES if any(of.get(k) for of in counts.values())]
    table = _table("MACHINES", *(k.replace("_", " ").upper() for k in seen))
    for name, of in counts.items():
        row = (Text(str(of[k]), "red" if k in FAULTS and of[k] else "") for k in seen)
        table.add_row(Text(name), *row)
    return table


def pools(answer: Any) -> Table:
    """Return every pool."""
    table = _table("POOL", "STATE", "DIFFICULTY", "ACCEPTED", "REJECTED", "JOB AGE")
    table.add_column("WHY", overflow="fold")
    for pool in answer:
        age = pool["last_job_age_s"]
        table.add_row(
            Text(pool["name"]),
            Text(pool["state"], "green" if pool["state"] == "ready" else "yellow"),
            si(pool["difficulty"], ""),
            str(pool["accepted"]),
            Text(reasons(pool["rejects"])),
            "-" if age is None else duration(age),
            Text(pool["reason"]),  # a pool's own words: no markup
        )
    return table


def nodes(answer: Any, width: int) -> Table:
    """Return every node."""
    table = _table("NODE", "STATE", "HEIGHT", "TIP")
    for node in answer:
        height = "-" if node["height"] is None else str(node["height"])
        tip = node["tip"] or "-"  # the end tells two apart, the beginning is zeros
        if width < NARROW:
            tip = tip[-TIP_END:]
        row = (node["name"], node["state"], height, tip)
        table.add_row(*(Text(cell) for cell in row))
    return table


def alarm(site: str, text: str) -> Text:
    """Return an alarm of a site's power, one line of it."""
    line = f" ALARM {site}: {text}"
    return Text(line, "bold red", no_wrap=True, overflow="ellipsis")


def duration(seconds: float) -> str:
    """Return hours, minutes and seconds."""
    minutes, rest = divmod(int(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}"


def of_the_cap(site: Any) -> str:
    """Return what part of its cap a site finds; a minute's shares lag behind a fall."""
    cap, rate = site["cap_hs"], site["hashrate_hs"]["1m"]
    if not cap:
        return "-"
    drawn, budget = site["power_w"], site["budget_w"]
    is_kept = drawn is not None and budget is not None and drawn <= budget
    if rate > LAGS_FROM * cap and is_kept:
        return "falling"
    return f"{100 * rate / cap:.0f} %"


def _table(*columns: str) -> Table:
    table = Table(box=None, expand=True, header_style="dim", collapse_padding=True)
    for column in columns:
        table.add_column(column, no_wrap=True)
    return table
