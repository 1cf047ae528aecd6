"""What `status` shows that an operator must know, and what is none of it."""

from typing import Any

import msgspec
import pytest

from protocol.units import Seconds, UnixTime
from proxy.admin.conditions import Conditions, is_well
from proxy.admin.views import StatusView
from proxy.alerts.alarm import Severity
from proxy.alerts.standing import StandingAlarms

SITE: dict[str, Any] = {
    "name": "hall-a",
    "budget_w": 1000.0,
    "cap_hs": 1.0,
    "power_w": 990.0,
    "power_source": "meter",
    "state": "normal",
    "ruled_by": "the contract",
    "alarms": [],
    "hashrate_hs": {"1m": 1.0, "5m": 1.0, "1h": 1.0, "24h": 1.0},
    "miners": {"connected": 100, "active": 100, "parked": 0},
    "shares": {"accepted": 0, "rejected": {}, "lost": {}},
    "source": "main",
}
POOL: dict[str, Any] = {
    "name": "main",
    "state": "ready",
    "difficulty": 1.0,
    "accepted": 0,
    "rejected": 0,
    "connections": 1,
    "last_job_age_s": 1.0,
    "url": "",
    "reason": "",
    "version_mask": None,
    "extranonce2_size": 4,
    "rejects": {},
    "lost": {},
}
STATUS: dict[str, Any] = {
    "version": "1",
    "name": "unit-1",
    "state": "running",
    "waits_for": [],
    "uptime_s": 1000.0,
    "engine": "native",
    "ledger": "ok",
    "ledger_reason": "",
    "unrecorded": 0,
    "kept_since": {},
    "sites": [SITE],
    "pools": [POOL],
    "nodes": [],
    "blocks": {"found": 0, "accepted": 0},
    "limits": [],
}


class Plant:
    """A status that a test changes, looked at each second."""

    def __init__(self) -> None:
        self.tables: dict[str, Any] = msgspec.json.decode(msgspec.json.encode(STATUS))
        self.now = 0.0
        self.alarms = StandingAlarms()
        self.conditions = Conditions(self.status, lambda: Seconds(self.now))
        self.live(1)

    @property
    def site(self) -> dict[str, Any]:
        return self.tables["sites"][0]  # type: ignore[no-any-return]

    def status(self) -> StatusView:
        return msgspec.convert(self.tables, StatusView)

    def live(self, seconds: int, accepted: int = 1, rejected: int = 0) -> None:
        for _ in range(seconds):
            shares = self.site["shares"]
            shares["accepted"] += accepted
            if rejected:
                shares["rejected"]["stale"] = (
                    shares["rejected"].get("stale", 0) + rejected
                )
            found = list(self.conditions.look())
            self.alarms.look(found, Seconds(self.now), UnixTime(self.now))
            self.now += 1

    @property
    def stands(self) -> list[str]:
        return sorted(alarm.kind for alarm in self.alarms.all)


def test_a_healthy_site_has_none() -> None:
    plant = Plant()
    plant.live(1000)
    assert plant.stands == []
    assert is_well(plant.status())


@pytest.mark.parametrize(
    ("where", "change", "kind", "within"),
    [
        ("site", {"state": "trip"}, "trip", 1),
        ("site", {"state": "failsafe"}, "failsafe", 1),
        ("site", {"state": "hold"}, "hold", 1),
        ("site", {"power_w": 1200.0}, "over_budget", 31),
        ("site", {"power_w": 1e6, "power_source": "model"}, "over_budget", 166),
        ("site", {"alarms": ["10.0.0.7: hashes on"]}, "power_alarms", 1),
        ("site", {"source": None}, "no_work", 16),
        ("status", {"ledger": "degraded"}, "ledger_degraded", 1),
        ("status", {"unrecorded": 3}, "ledger_lost_rows", 1),
        ("status", {"cluster": {"fault": "not in the tables"}}, "cluster_refused", 1),
        ("status", {"cluster": {"answered_s": 31.0}}, "cluster_away", 1),
        ("status", {"cluster": {"ship_fault": "no disk"}}, "ship_late", 901),
        ("status", {"cluster": {"ship_gaps": ["share 1 to 5"]}}, "ship_gap", 1),
        ("status", {"pools": [POOL | {"state": "refused"}]}, "pool_down", 61),
        ("status", {"pools": [POOL | {"unanswered_s": 15.0}]}, "pool_silent", 1),
        ("status", {"blocks": {"found": 1, "accepted": 1}}, "block_found", 1),
    ],
)
def test_what_must_be_known_is_known_in_time(
    where: str, change: dict[str, Any], kind: str, within: int
) -> None:
    plant = Plant()
    plant.live(100)
    (plant.site if where == "site" else plant.tables).update(change)
    plant.live(within)
    assert plant.stands == [kind]


def test_who_must_speak_is_not_missed_at_the_start() -> None:
    plant = Plant()
    plant.tables["uptime_s"] = 5.0
    plant.site["state"] = "failsafe"
    plant.live(50)
    assert plant.stands == []

    plant.tables["uptime_s"] = 61.0
    plant.live(1)
    assert plant.stands == ["failsafe"]


def test_machines_that_are_parked_count_for_a_while_and_are_no_alarm() -> None:
    plant = Plant()
    plant.site.update(power_w=16_427.0, budget_w=4_000.0, power_source="model")
    plant.live(150)
    assert plant.stands == []


def test_a_step_of_the_budget_and_a_failover_are_no_alarm() -> None:
    plant = Plant()
    plant.live(10)
    plant.site.update(power_w=1200.0, source=None)
    plant.live(10)
    plant.site.update(power_w=990.0, source="reserve")
    plant.live(100)
    assert plant.stands == []


def test_many_rejects_are_told_as_a_part_of_all() -> None:
    plant = Plant()
    plant.live(400, accepted=10)
    plant.live(60, accepted=10, rejected=1)
    assert plant.stands == []
    plant.live(300, accepted=10, rejected=1)
    (alarm,) = plant.alarms.all
    assert alarm.kind == "rejects_high"
    assert "9.1%" in alarm.text


def test_what_is_refused_of_parked_miners_is_no_alarm() -> None:
    plant = Plant()
    parked = plant.site["shares"]["parked_rejected"] = {"stale": 0}
    for _ in range(400):
        parked["stale"] += 5
        plant.live(1, accepted=10, rejected=5)
    assert plant.stands == []
    plant.live(300, accepted=10, rejected=1)
    assert plant.stands == ["rejects_high"]


def test_a_few_shares_say_nothing() -> None:
    plant = Plant()
    plant.live(40, accepted=1, rejected=1)
    assert plant.stands == []


def test_no_share_for_five_minutes_with_machines_at_work() -> None:
    plant = Plant()
    plant.live(299, accepted=0)
    assert plant.stands == []
    plant.live(3, accepted=0)
    assert plant.stands == ["no_shares"]
    plant.site["miners"]["parked"] = 100
    plant.live(61, accepted=0)
    assert plant.stands == []


def test_a_tenth_of_the_machines_gone_at_once_is_one_alarm() -> None:
    plant = Plant()
    plant.live(10)
    plant.site["miners"]["connected"] = 92
    plant.live(10)
    assert plant.stands == []
    plant.site["miners"]["connected"] = 80
    plant.live(2)
    assert plant.stands == ["miners_lost"]
    plant.live(400)  # they stay away: five minutes later that is how it is
    assert plant.stands == []


def test_a_site_that_is_drained_loses_its_machines_by_order() -> None:
    plant = Plant()
    plant.live(10)
    plant.site["miners"]["connected"] = 0
    plant.site["draining"] = True
    plant.live(10)
    assert plant.stands == []


def test_each_kind_has_one_severity() -> None:
    plant = Plant()
    plant.site.update(state="trip")
    plant.live(2)
    assert [alarm.level for alarm in plant.alarms.all] == [Severity.CRITICAL]
    assert not is_well(plant.status())
