"""Figures of a cluster for Prometheus: members, grants, who leads, what was copied."""

from collections.abc import Iterator
from typing import Any

from prometheus_client import Metric
from prometheus_client.core import GaugeMetricFamily

STATES = ("live", "silent", "refused")
"""Of a member; there are 1,000 at the most (`cluster/tables`), 60 in a large site."""

_WATTS = {"need": "need_w", "granted": "granted_w", "may_draw": "held_w"}


def of_cluster(cluster: dict[str, Any]) -> Iterator[Metric]:
    """Yield what `status` says of the site that our halls are part of."""
    if (lag := cluster.get("ship_lag_s")) is not None:
        text = "Age of the oldest row of the ledger that is to be copied upward."
        yield GaugeMetricFamily("baseload_ship_lag_seconds", text, value=float(lag))
    if "site" not in cluster:
        return
    site, members = str(cluster["site"]), cluster["members"]
    budget, granted = cluster["budget_w"], cluster["sum_granted_w"]
    yield _of_site("budget_watts", "What its halls may draw.", site, budget)
    yield _of_site("granted_watts", "All newest grants.", site, granted)
    yield _of_site("leads", "1: this proxy leads.", site, cluster["is_here"])
    yield _of_site("epoch", "How often a leader began.", site, cluster["epoch"])
    states = GaugeMetricFamily(
        "baseload_cluster_members", "Halls by state.", labels=("site", "state")
    )
    for state in STATES:
        count = sum(member["state"] == state for member in members)
        states.add_metric((site, state), float(count))
    yield states
    watts = GaugeMetricFamily(
        "baseload_cluster_member_watts",
        "What a hall needs, is granted, and may draw.",
        labels=("site", "member", "kind"),
    )
    for member in members:
        for kind, key in _WATTS.items():
            watts.add_metric((site, str(member["name"]), kind), float(member[key]))
    yield watts


def _of_site(name: str, text: str, site: str, value: float) -> Metric:
    family = GaugeMetricFamily(f"baseload_cluster_{name}", text, labels=("site",))
    family.add_metric((site,), float(value))
    return family
