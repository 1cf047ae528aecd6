"""Statements as CSV and as a page to print."""

import csv
import io
from collections.abc import Iterable, Iterator
from html import escape

from proxy.records.statement import Statement, Sums

COLUMNS = (
    *("tenant", "site", "day", "shares_accepted", "shares_rejected", "work"),
    *("hashrate_hs", "kwh", "curtailed_kwh", "machine_hours_down"),
    *("joules_per_terahash", "energy_seen", "energy_metered", "machine_kwh"),
)

STYLE = """
body { font: 14px/1.4 system-ui, sans-serif; margin: 2em auto; max-width: 62em }
body { padding: 0 1em } td { white-space: nowrap }
@media screen { section { overflow-x: auto } }
@media print { body { font-size: 11px; margin: 0; padding: 0 } }
h1 { font-size: 1.4em } h2 { font-size: 1.1em; margin-top: 1.6em }
table { border-collapse: collapse; width: 100%; font-variant-numeric: tabular-nums }
th, td { padding: .2em .6em; text-align: right; border-bottom: 1px solid #ccc }
th:first-child, td:first-child { text-align: left } .note { color: #555 }
section + section { break-before: page } tr { break-inside: avoid }
thead { display: table-header-group }
"""
_HEADS = (
    *("", "Accepted", "Rejected", "Hashrate", "Energy", "Curtailed", "Down", "J/TH"),
    "Seen",
)
NOTHING = "&ndash;"
_NOTE = (
    "Days are days of {zone}. Hashrate is what accepted shares prove. A tenant's energy"
    " is what its machines drew, by what they say of themselves, else by their model;"
    " cooling and network are not in it. Curtailed is what machines did not draw"
    " because the site held them off or lowered them. Down is time of machines that"
    " were gone (for up to an hour, for a week where they have a device API) or silent"
    " at work. Seen is the part of the time in which energy was counted."
)


def csv_text(found: Iterable[Statement]) -> str:
    """Return a line for each day of each site, numbers as they are."""
    text = io.StringIO()
    csv.writer(text).writerows([COLUMNS, *rows(found)])
    return text.getvalue()


def rows(found: Iterable[Statement]) -> Iterator[tuple[object, ...]]:
    """Yield what the columns hold for each day of each site; None: not known."""
    for one in found:
        for line in one.lines:
            yield one.tenant, line.site, line.day, *_cells(line.sums)


def _cells(sums: Sums) -> tuple[object, ...]:
    ratio = sums.joules_per_terahash
    return (
        sums.accepted,
        sums.rejected,
        sums.work,
        round(sums.hashrate_hs),
        *(round(wh / 1e3, 3) for wh in (sums.wh, sums.curtailed_wh)),
        round(sums.machine_s_down / 3600.0, 2),
        None if ratio is None else round(ratio, 2),
        round(sums.seen, 4),
        round(sums.metered_s / sums.seen_s, 4) if sums.seen_s else 0.0,
        round(sums.machine_wh / 1e3, 3),
    )


def page(found: Iterable[Statement]) -> str:
    """Return a page of HTML that needs nothing else; each tenant begins a new sheet."""
    sections = "".join(_section(one) for one in found)
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width">'
        f"<title>Statement</title><style>{STYLE}</style></head>"
        f"<body>{sections}</body></html>\n"
    )


def _section(one: Statement) -> str:
    whose = one.tenant or "All machines"
    parts = [f"<h1>{escape(whose)}, {escape(one.month.name)}</h1>"]
    totals = list(one.sites())
    if not totals:
        parts.append("<p>Nothing was recorded in this month.</p>")
    for site, total in totals:
        days = ((line.day, line.sums) for line in one.lines if line.site == site)
        rows = "".join(_row(*day) for day in days) + _row("Month", total)
        heads = "".join(f"<th>{head}</th>" for head in _HEADS)
        table = f"<table><thead><tr>{heads}</tr></thead><tbody>{rows}</tbody></table>"
        parts += [f"<h2>{escape(site)}</h2>", table, *_beside_meter(one, total)]
    note = escape(_NOTE.format(zone=one.month.zone))
    parts.append(f'<p class="note">{note}</p>')
    return f"<section>{''.join(parts)}</section>"


def _beside_meter(one: Statement, total: Sums) -> Iterator[str]:
    """Yield what the machines' own sum is beside the meter's."""
    if one.tenant or not total.seen_s:
        return
    metered = total.metered_s / total.seen_s
    yield (
        f"<p>The meter spoke for {metered:.1%} of the time seen. Site"
        f" {_kwh(total.wh)}, its machines {_kwh(total.machine_wh)}; between them"
        f" {_kwh(total.wh - total.machine_wh)} of cooling, network and error.</p>"
    )


def _row(name: str, sums: Sums) -> str:
    ratio, is_seen = sums.joules_per_terahash, sums.seen_s > 0
    cells = (
        escape(name),
        f"{sums.accepted:,}",
        f"{sums.rejected:,}",
        f"{sums.hashrate_hs / 1e12:,.2f} TH/s",
        _kwh(sums.wh) if is_seen else NOTHING,
        _kwh(sums.curtailed_wh) if is_seen else NOTHING,
        f"{sums.machine_s_down / 3600.0:,.1f} h" if is_seen else NOTHING,
        NOTHING if ratio is None else f"{ratio:,.2f}",
        f"{sums.seen:.1%}",
    )
    return f"<tr>{''.join(f'<td>{cell}</td>' for cell in cells)}</tr>"


def _kwh(wh: float) -> str:
    return f"{wh / 1e3:,.1f} kWh"
