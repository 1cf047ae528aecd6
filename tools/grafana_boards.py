"""Writes the boards of configs/grafana; needs grafana-foundation-sdk.

    pip install 'grafana-foundation-sdk==1769699379!11.6.0'
    python tools/grafana_boards.py

Every expression is asked of a real Prometheus that scraped a real demo by
tests/peers/test_prometheus.py.
"""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from grafana_foundation_sdk.builders import common, dashboard, prometheus
from grafana_foundation_sdk.builders import stat as stats
from grafana_foundation_sdk.builders import statetimeline as states
from grafana_foundation_sdk.builders import timeseries as charts
from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.models.common import LegendDisplayMode, LegendPlacement
from grafana_foundation_sdk.models.dashboard import (
    DashboardCursorSync,
    DataSourceRef,
    VariableRefresh,
)

BOARDS = Path(__file__).parents[1] / "configs" / "grafana"
SOURCE = DataSourceRef(type_val="prometheus", uid="${source}")
HERE = 'instance=~"$instance"'
SITE = f'{HERE},site=~"$site"'

Series = list[tuple[str, str]]
"""Expressions, and what their lines are called."""


def _quantiles(metric: str, label: str) -> Series:
    """Return the median and the 99th part in a hundred of a histogram."""
    rate = f"sum by ({label}, le) (rate({metric}_bucket{{{HERE}}}[5m]))"
    return [
        (f"histogram_quantile({q}, {rate})", f"{{{{{label}}}}} p{name}")
        for q, name in ((0.5, "50"), (0.99, "99"))
    ]


def _part_of_budget() -> str:
    power = f"max by (instance, site) (baseload_site_power_watts{{{SITE}}})"
    return f"{power} / on (instance, site) baseload_site_budget_watts{{{SITE}}}"


def _rejected() -> str:
    some = f'rate(baseload_shares_total{{{SITE},verdict!="accepted"}}[5m])'
    each = f"sum by (instance, site, verdict) ({some})"
    every = f"rate(baseload_shares_total{{{SITE}}}[5m]) > 0"
    return f"{each} / on (instance, site) group_left sum by (instance, site) ({every})"


def _rejected_by_pools() -> str:
    some = f'rate(baseload_pool_shares_total{{{HERE},verdict="rejected"}}[5m])'
    every = f"rate(baseload_pool_shares_total{{{HERE}}}[5m]) > 0"
    return f"sum by (pool) ({some}) / sum by (pool) ({every})"


@dataclass(frozen=True)
class Figure:
    """A panel: its width in 24ths, its kind, its lines."""

    title: str
    unit: str
    span: int
    kind: str
    series: Series


def figure(
    title: str, unit: str, span: int, kind: str, *series: tuple[str, str]
) -> Figure:
    """Return a panel."""
    return Figure(title, unit, span, kind, list(series))


POWER, BUDGET = "baseload_site_power_watts", "baseload_site_budget_watts"
HASHES, CAP = "baseload_site_hashrate_hashes_per_second", "baseload_site_cap_hashes"
ORDERS, SWITCHES = "baseload_orders_total", "baseload_source_switches_total"
LOST = "baseload_lost_shares_total"

SITES = [
    figure(
        "Power and budget",
        "watt",
        12,
        "chart",
        (f"{POWER}{{{SITE}}}", "{{site}} by {{source}}"),
        (f"{BUDGET}{{{SITE}}}", "{{site}} budget"),
    ),
    figure(
        "Hashrate and cap",
        "Hs",
        12,
        "chart",
        (f'{HASHES}{{{SITE},window="5m"}}', "{{site}}"),
        (f"{CAP}_per_second{{{SITE}}}", "{{site}} cap"),
    ),
    figure(
        "State",
        "short",
        12,
        "state",
        (f"baseload_site_state{{{SITE}}} == 1", "{{site}} {{state}}"),
    ),
    figure(
        "Leases left",
        "s",
        12,
        "chart",
        (f"baseload_lease_remaining_seconds{{{SITE}}}", "{{site}} {{signal}}"),
    ),
    figure(
        "Part of the budget", "percentunit", 8, "stat", (_part_of_budget(), "{{site}}")
    ),
    figure(
        "Miners",
        "short",
        8,
        "chart",
        (f"baseload_site_miners{{{SITE}}}", "{{site}} {{state}}"),
    ),
    figure(
        "Rejected shares",
        "percentunit",
        8,
        "chart",
        (_rejected(), "{{site}} {{verdict}}"),
    ),
    figure(
        "Orders",
        "short",
        12,
        "chart",
        (f"increase({ORDERS}{{{SITE}}}[5m])", "{{site}} {{result}}"),
    ),
    figure(
        "Alarms that stand",
        "short",
        12,
        "state",
        (f"baseload_alarm_active{{{HERE}}} == 1", "{{site}} {{kind}}"),
    ),
]

ENGINE = [
    figure("Pools that have work", "short", 8, "state",
           (f"baseload_pool_up{{{HERE}}}", "{{pool}}")),
    figure("Answers of pools", "s", 8, "chart",
           *_quantiles("baseload_pool_latency_seconds", "pool")),
    figure("Rejected by pools", "percentunit", 8, "chart",
           (_rejected_by_pools(), "{{pool}}")),
    figure("Age of a pool's job", "s", 8, "chart",
           (f"baseload_pool_job_age_seconds{{{HERE}}}", "{{pool}}")),
    figure("Switches of sources", "short", 8, "chart",
           (f"increase({SWITCHES}{{{HERE}}}[5m])", "{{site}} to {{to}}")),
    figure("Days of certificates", "d", 8, "stat",
           (f"baseload_pool_certificate_seconds{{{HERE}}} / 86400", "{{pool}}")),
    figure("Turns of the reactor", "s", 8, "chart",
           *_quantiles("baseload_turn_seconds", "instance")),
    figure("Commits of the ledger", "s", 8, "chart",
           *_quantiles("baseload_ledger_commit_seconds", "instance")),
    figure("Write-ahead log", "bytes", 8, "chart",
           (f"baseload_wal_bytes{{{HERE}}}", "{{instance}}")),
    figure("Height of nodes", "short", 12, "chart",
           (f"baseload_node_height{{{HERE}}}", "{{node}}")),
    figure("Blocks", "short", 6, "stat",
           (f"baseload_blocks_total{{{HERE}}}", "{{result}}")),
    figure("Shares lost in an hour", "short", 6, "stat",
           (f"increase({LOST}{{{HERE}}}[1h])", "{{site}} {{reason}}")),
]  # fmt: skip

_KINDS = {"chart": charts.Panel, "stat": stats.Panel, "state": states.Panel}


def board(uid: str, title: str, panels: list[Figure]) -> str:
    """Return a board as JSON."""
    built = (
        dashboard.Dashboard(title)
        .uid(uid)
        .tags(["baseload"])
        .refresh("10s")
        .time("now-3h", "now")
        .timezone("browser")
        .tooltip(DashboardCursorSync.CROSSHAIR)
        .with_variable(dashboard.DatasourceVariable("source").type("prometheus"))
        .with_variable(
            _variable("instance", "label_values(baseload_build_info, instance)")
        )
        .with_variable(
            _variable("site", f"label_values(baseload_site_miners{{{HERE}}}, site)")
        )
    )
    for panel in panels:
        built = built.with_panel(_panel(panel))
    found = json.loads(json.dumps(built.build(), cls=JSONEncoder))
    return json.dumps(found, indent=1, sort_keys=True) + "\n"


def _variable(name: str, query: str) -> Any:
    return (
        dashboard.QueryVariable(name)
        .query(query)
        .datasource(SOURCE)
        .refresh(VariableRefresh.ON_TIME_RANGE_CHANGED)
        .multi(multi=True)
        .include_all(include_all=True)
    )


def _panel(told: Figure) -> Any:
    panel: Any = _KINDS[told.kind]().title(told.title).unit(told.unit)
    panel = panel.span(told.span).height(8)
    panel = panel.datasource(SOURCE)
    if told.kind != "stat":
        legend = common.VizLegendOptions().display_mode(LegendDisplayMode.LIST)
        panel = panel.legend(
            legend.placement(LegendPlacement.BOTTOM).show_legend(show_legend=True)
        )
    for ref, (expression, name) in zip("ABCD", told.series, strict=False):
        query = prometheus.Dataquery().ref_id(ref).expr(expression)
        panel = panel.with_target(query.legend_format(name))
    return panel


def main() -> None:
    """Write the boards."""
    BOARDS.mkdir(exist_ok=True)
    sites = board("baseload-sites", "Baseload: sites", SITES)
    (BOARDS / "sites.json").write_text(sites)
    engine = board("baseload-engine", "Baseload: pools and engine", ENGINE)
    (BOARDS / "engine.json").write_text(engine)


if __name__ == "__main__":
    main()
