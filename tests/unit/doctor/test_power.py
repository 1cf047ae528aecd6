"""What the doctor says of a site's signals, and of its meter's watts."""

from pathlib import Path
from typing import Any

import pytest

from proxy.config import (
    Config,
    FleetConfig,
    PowerConfig,
    ProxyConfig,
    SiteConfig,
)
from proxy.doctor import power
from proxy.doctor.check import Finding
from proxy.power.journal.alarms import AlarmName
from proxy.power.machines.models import load_models

S21 = load_models()
WATTS = 3500.0
SITE = SiteConfig(
    name="hall-a",
    listen=("tcp:3333",),
    sources=["main"],
    power=PowerConfig(budget_w=1e5, fail_safe_w=1e4, meter="modbus://10.0.0.1/1"),
    fleet=(FleetConfig(workers="rig*", model="Antminer S21"),),
)


def a_signal(**changes: Any) -> dict[str, Any]:
    signal = {"name": "grid", "lease_s": 60.0, "silent_s": 3.0, "has_lapsed": False}
    return {"signals": [{**signal, **changes}]}


def of_watts(drawn: float | None, running: int = 2, fault: str = "") -> dict[str, Any]:
    meter = {"watts": drawn, "fault": fault, "lost_s": 0.0}
    return {"meter": meter, "machines": {"running": running, "total": 2}}


@pytest.mark.parametrize(
    ("changes", "level", "seen"),
    [
        ({}, "ok", "last heard 3 s ago, of a lease of 60 s"),
        ({"last_w": 90_000.0}, "ok", "of a lease of 60 s: 90.0 kW"),
        ({"silent_s": None}, "warn", "not heard since the start, of a lease of 60 s"),
        ({"silent_s": None, "lease_s": None}, "ok", "needs no renewal"),
        ({"silent_s": 90.0, "has_lapsed": True}, "fail", "last heard 90 s ago"),
        ({"silent_s": None, "has_lapsed": True}, "fail", "never heard"),
    ],
)
def test_a_signal_is_told_with_its_last_word(
    changes: dict[str, Any], level: str, seen: str
) -> None:
    (one,) = power.signals(SITE, a_signal(**changes))

    assert one.check == "signal grid of hall-a"
    assert one.level == level
    assert seen in one.seen
    assert bool(one.remedy) == (level != "ok")


def an_alarm(kind: str, machine: str, cause: str) -> dict[str, Any]:
    return {"alarm": kind, "machine": machine, "cause": cause}


def test_machines_that_the_controller_cannot_steer_are_told_by_cause() -> None:
    refused = "the device refuses the user name or the password"
    alarms = [an_alarm("login_refused", f"10.0.0.{n}", refused) for n in range(5)]
    alarms.append(an_alarm("foreign_pool", "10.0.0.9", "a pool slot leads elsewhere"))
    alarms.append(an_alarm("cap_exceeded", "", "no machine's fault"))

    logins, pools = power.obedience(SITE, {"alarms": alarms})

    assert (logins.check, logins.level) == ("machines of hall-a", "warn")
    which = "10.0.0.0, 10.0.0.1, 10.0.0.2 and 2 more"
    assert logins.seen == f"login_refused: {refused} ({which})"
    assert "username" in logins.remedy
    assert pools.seen == "foreign_pool: a pool slot leads elsewhere (10.0.0.9)"


def test_machines_without_an_alarm_are_well() -> None:
    (one,) = power.obedience(SITE, {"alarms": []})

    assert (one.check, one.level) == ("machines of hall-a", "ok")


@pytest.mark.parametrize("kind", power._REMEDIES)
def test_each_alarm_that_has_a_remedy_is_one_of_the_site_s(kind: str) -> None:
    assert kind in {alarm.value for alarm in AlarmName}


@pytest.mark.parametrize(
    ("view", "level", "seen"),
    [
        (of_watts(2 * WATTS), "ok", "7.0 kW by the meter, of 7.0 kW by nameplate"),
        (of_watts(-2 * WATTS), "fail", "-7.0 kW by the meter: below 0"),
        (of_watts(2000 * WATTS), "fail", "7,000.0 kW by the meter, 7.0 kW"),
        (of_watts(2 * WATTS / 1000), "fail", "0.0 kW by the meter, 7.0 kW"),
        (of_watts(2 * WATTS / 1000, running=1), "ok", "0.0 kW by the meter"),
        (of_watts(None, fault="does not answer"), "fail", "does not answer"),
        (of_watts(None), "fail", "no reading yet"),
    ],
)
def test_watts_that_cannot_be_the_machines_are_told(
    view: dict[str, Any], level: str, seen: str
) -> None:
    (one,) = power.watts(SITE, view, 2 * WATTS)

    assert (one.check, one.level) == ("watts of hall-a", level)
    assert seen in one.seen


def test_a_site_without_a_meter_has_no_watts_to_look_at() -> None:
    assert list(power.watts(SITE, {"meter": None}, 7000.0)) == []


def test_the_nameplate_is_that_of_the_machines_that_were_seen() -> None:
    seen = [
        ("hall-a", "rig1", "10.0.0.1"),
        ("hall-a", "rig2", "10.0.0.2"),
        ("hall-b", "rig3", "10.0.0.3"),
    ]
    strange = ("hall-a", "other", "10.0.0.4")

    assert power.nameplate(SITE, seen, S21) == 2 * WATTS
    assert power.nameplate(SITE, [*seen, strange], S21) is None
    assert power.nameplate(SITE, [], S21) is None


def found(folder: Path, *sites: SiteConfig) -> list[Finding]:
    proxy = ProxyConfig(state_dir=str(folder), admin=f"unix:{folder}/admin.sock")
    return list(power.power(Config(proxy=proxy, sites=list(sites)), []))


def test_without_a_proxy_it_is_not_known(tmp_path: Path) -> None:
    (one,) = found(tmp_path, SITE)

    assert one.level == "skipped"


def test_without_power_settings_there_is_nothing_to_say(tmp_path: Path) -> None:
    site = SiteConfig(name="hall-a", listen=("tcp:3333",), sources=["main"])

    assert found(tmp_path, site) == []
