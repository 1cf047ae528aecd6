"""What Prometheus is told of a cluster."""

from typing import Any

from proxy.admin.cluster import cluster_of
from proxy.admin.render_cluster import line, status
from proxy.cluster.ship_told import Shipped
from proxy.web.cluster_metrics import of_cluster

MEMBER = {
    "name": "hall-a",
    "state": "live",
    "why": "",
    "need_w": 900.0,
    "granted_w": 500,
    "held_w": 600,
    "floor_w": 100,
    "applied": True,
    "silent_s": 0.4,
    "power_w": 480.0,
}
SITE: dict[str, Any] = {
    "site": "plant",
    "leader": "hall-a",
    "is_here": True,
    "epoch": 3,
    "budget_w": 1000.0,
    "ruled_by": "contract: no order is valid",
    "trim_w": 0.0,
    "sum_granted_w": 600,
    "answered_s": 0.2,
    "fault": "",
    "members": [
        MEMBER,
        {**MEMBER, "name": "hall-b", "state": "refused", "why": "its floor"},
    ],
}


def samples(cluster: dict[str, Any]) -> dict[tuple[str, ...], float]:
    return {
        (sample.name, *sample.labels.values()): sample.value
        for family in of_cluster(cluster)
        for sample in family.samples
    }


def test_members_grants_and_the_leader_are_figures() -> None:
    found = samples({**SITE, "ship_lag_s": 7.0})

    assert found["baseload_ship_lag_seconds",] == 7.0
    assert found["baseload_cluster_granted_watts", "plant"] == 600
    assert found["baseload_cluster_leads", "plant"] == 1
    assert found["baseload_cluster_members", "plant", "live"] == 1
    assert found["baseload_cluster_members", "plant", "refused"] == 1
    key = "baseload_cluster_member_watts", "plant", "hall-a", "may_draw"
    assert found[key] == 600


def test_without_a_cluster_there_is_nothing() -> None:
    assert samples({}) == {}
    assert cluster_of(None, None) is None


def test_a_ledger_that_is_copied_is_told_of_without_a_site() -> None:
    copied = cluster_of(
        None, Shipped(lag_s=90.0, fault="no disk", gaps=["share 1 to 5"])
    )

    assert copied is not None
    assert "copied to" in line(copied)
    assert "no disk" in line(copied)
    assert "1 gaps, the last: share 1 to 5" in line(copied)


def test_people_are_told_who_leads_and_who_is_refused() -> None:
    text = status([SITE])

    assert "600 W granted of 1 kW, 1 of 2 members live, hall-a leads" in text
    assert "hall-b: its floor" in text
    assert "for its ledger alone" in status([])


def test_a_silent_database_is_told() -> None:
    assert "the database is silent" in line({**SITE, "answered_s": 31.0})
    assert "has not answered yet" in line({**SITE, "answered_s": None})
