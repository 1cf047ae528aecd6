"""The report as a page that a person reads who is no engineer: what is wrong first."""

import math
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from html import escape

from proxy.verifier.charts import Line, Point, bars, thinned, timed
from proxy.verifier.hashing import HOUR, HourFigures
from proxy.verifier.meter import QUARTER, Quarter
from proxy.verifier.report import Finding, Report
from proxy.verifier.style import STYLE
from proxy.verifier.verify import Verified

MAX_SHOWN = 100
"""Findings that are listed; the rest is counted."""

MAX_ANSWERS = 12
"""Answers to orders that are drawn: the slowest."""

_POWER = (
    Line("drawn", "drawn", is_area=True),
    Line("allowed", "allowed", is_step=True),
)
_EFFICIENCY = (Line("joules a terahash", "efficiency"),)


def page(found: Verified, response_s: float) -> str:
    """Return the page.

    Args:
        found: What was verified.
        response_s: What a site may take to follow a lower budget.
    """
    report = found.report
    faults = [f for f in report.findings if f.severity == "finding"]
    notes = [f for f in report.findings if f.severity == "note"]
    parts = [
        _verdict(report, faults),
        _listed("What needs an explanation", faults),
        _tiles(report),
        _power(found.quarters),
        _answers(report, response_s),
        _efficiency(found.hours),
        _listed("Worth knowing, and no fault", notes),
        _means(report),
        _technical(report),
    ]
    return (
        '<!doctype html><html lang="en"><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{escape(report.log)}: verified</title><style>{STYLE}</style>"
        f"<main>{''.join(parts)}</main></html>\n"
    )


def _verdict(report: Report, faults: list[Finding]) -> str:
    count = len(faults)
    if count:
        word = "1 thing needs" if count == 1 else f"{count} things need"
        says, style = f"{word} an explanation", "bad"
    else:
        says, style = "Nothing wrong was found", "good"
    covers = ""
    if report.first_at is not None and report.last_at is not None:
        covers = f"{_time(report.first_at)} to {_time(report.last_at)}"
    return (
        f"<header><p class='log'>{escape(report.log)}</p>"
        f"<h1 class='{style}'>{says}</h1><p>{covers}</p></header>"
    )


def _listed(title: str, findings: list[Finding]) -> str:
    if not findings:
        return ""
    rows = "".join(
        f"<tr><td>{'' if f.at is None else _time(f.at)}</td>"
        f"<td>{escape(f.text[:1].upper() + f.text[1:])}</td>"
        f"<td>{'' if f.leaf is None else f.leaf}</td></tr>"
        for f in findings[:MAX_SHOWN]
    )
    more = len(findings) - MAX_SHOWN
    rest = f"<p>... and {more} more</p>" if more > 0 else ""
    head = "<tr><th>When</th><th>What</th><th>Row of the log</th></tr>"
    return f"<section><h2>{title}</h2><table>{head}{rows}</table>{rest}</section>"


def _tiles(report: Report) -> str:
    rows = "rows in the log" + (", none missing or changed" if report.is_whole else "")
    tiles = [_tile(rows, f"{report.size:,}")]
    if report.metered_s:
        outside = report.exceed_kwh_outside_response
        silent = report.missed_s / 60 + report.missing_minutes
        tiles += [
            _tile("drawn", _kwh(report.energy_kwh)),
            _tile("drawn above what was allowed, unexplained", _kwh(outside)),
            _tile("without a reading of the meter", f"{silent:,.0f} min"),
        ]
        if report.utilisation is not None:
            tiles.append(_tile("of what was allowed", f"{report.utilisation:.1%}"))
    lowered = sum(r.lifted_s is None for r in report.responses)
    if lowered:
        followed = sum(r.response_s is not None for r in report.responses)
        tiles.append(
            _tile("orders to draw less that were followed", f"{followed}/{lowered}")
        )
    if report.j_per_th is not None:
        text = f"{report.j_per_th:.1f} J/TH"
        tiles.append(_tile("energy for the hashes that were proven", text))
    return f"<section class='tiles'>{''.join(tiles)}</section>"


def _tile(what: str, figure: str) -> str:
    return f"<div><b>{escape(figure)}</b><span>{escape(what)}</span></div>"


def _power(quarters: Mapping[int, Quarter]) -> str:
    points = [Point(at, values) for at, values in _filled(quarters)]
    return timed("Power drawn and allowed", thinned(points), _POWER, _watts)


def _filled(
    quarters: Mapping[int, Quarter],
) -> Iterator[tuple[float, tuple[float | None, ...]]]:
    """Yield each quarter of an hour, also those of which nothing is known."""
    if not quarters:
        return
    for at in range(min(quarters), max(quarters) + 1, QUARTER):
        one = quarters.get(at)
        if one is None or not one.seconds:
            yield at, (None, None)
        else:
            yield at, (one.joules / one.seconds, one.budget_j / one.seconds or None)


def _answers(report: Report, response_s: float) -> str:
    known = [r for r in report.responses if r.response_s is not None]
    known.sort(key=lambda r: -(r.response_s or 0.0))
    rows = [
        (
            f"{_short(r.at)} to {_watts(r.to_w)}",
            r.response_s or 0.0,
            (r.response_s or 0.0) <= response_s,
        )
        for r in known[:MAX_ANSWERS]
    ]
    return bars("How soon orders to draw less were followed", rows, response_s, "s")


def _efficiency(hours: Mapping[tuple[str, int], HourFigures]) -> str:
    sums: dict[int, HourFigures] = {}
    for (_, at), hour in hours.items():
        one = sums.setdefault(at, HourFigures())
        one.j, one.d = one.j + hour.j, one.d + hour.d
    if not sums:
        return ""
    points = []
    for at in range(min(sums), max(sums) + 1, HOUR):
        says = sums[at].j_per_th if at in sums else None
        usable = says is not None and math.isfinite(says) and says > 0
        points.append(Point(at, (says if usable else None,)))
    title = "Energy for each terahash that shares prove"
    return timed(title, thinned(points), _EFFICIENCY, lambda v: f"{v:.0f} J")


def _means(report: Report) -> str:
    seen = ", ".join(report.cosigned_by)
    when = "" if report.signed_at is None else f", last at {_time(report.signed_at)}"
    by = (
        f"It was seen by {escape(seen)}{when}: had the site shown somebody another"
        " history, they could not both have signed."
        if seen
        else "Nobody was named who else has seen it: whether the site shows everybody"
        " the same history is not proven."
    )
    taken = report.documents.get("taken", 0)
    policy = report.policy_version
    orders = (
        f"{taken} signed orders were checked again, under policy {policy}, with every"
        " signature. "
        if policy is not None
        else "No signed orders are in it: what was allowed is the site's own word. "
    )
    return (
        "<section><h2>What this means</h2><p>The site writes down, row by row, what it"
        " was ordered, what it did, what its meter read and what its machines proved."
        " The rows are sealed: a row that is changed, taken out or put in later breaks"
        f" the seal, and this page would say so. {by} {orders}"
        "</p><p>What it does not prove: that the meter is wired before every load, or"
        " tells the truth. Where that matters, hold a second meter against it, or seal"
        " it.</p></section>"
    )


def _technical(report: Report) -> str:
    rows = {
        "Log": report.log,
        "Rows": f"{report.size:,}",
        "Root": report.root,
        "Cosigned by": ", ".join(report.cosigned_by) or "nobody that was named",
        "Starts of the controller": str(report.starts),
        "Time above the budget": f"{report.exceed_s} s, {report.exceed_kwh:.3f} kWh",
        "Commands": f"{report.commands:,}, {report.commands_unanswered:,} unanswered",
        "Findings beyond those listed": str(report.unlisted),
    }
    shown = "".join(
        f"<tr><th>{name}</th><td>{escape(value)}</td></tr>"
        for name, value in rows.items()
    )
    return (
        f"<section><h2>For engineers</h2><table class='facts'>{shown}</table></section>"
    )


def _watts(value: float) -> str:
    for size, unit in ((1e6, "MW"), (1e3, "kW")):
        if value >= size:
            return f"{value / size:.3g} {unit}"
    return f"{value:.0f} W"


def _kwh(value: float) -> str:
    return f"{value / 1000:,.1f} MWh" if value >= 1000 else f"{value:,.1f} kWh"  # noqa: PLR2004


def _short(at: float) -> str:
    return datetime.fromtimestamp(at, UTC).strftime("%d %b %H:%M")


def _time(at: float) -> str:
    return datetime.fromtimestamp(at, UTC).strftime("%d %b %Y %H:%M:%S UTC")
