from collections.abc import Iterator
from typing import Any

import pytest

from proxy.signals.http_client import Answer
from tests.unit.signals.test_openadr_orders import POLL, Rig


@pytest.fixture
def rig() -> Iterator[Rig]:
    rig = Rig()
    yield rig
    rig.stop()


def said(rig: Rig) -> list[dict[str, Any]]:
    """What each report that stands says, by kind."""
    return [
        {p["type"]: p["values"] for p in r["resources"][0]["intervals"][0]["payloads"]}
        for r in rig.vtn.objects["reports"]
    ]


def test_each_event_is_acknowledged_and_can_be_cancelled_again(rig: Rig) -> None:
    event = rig.event(400)
    rig.start()

    (found,) = said(rig)
    assert found["X-BASELOAD-ACK"] == [event["id"], "TAKEN", ""]
    assert rig.vtn.cancel(event) == 409
    rig.after(POLL + 1)
    assert said(rig) == []
    assert rig.vtn.cancel(event) == 200


def test_mean_power_and_the_limit_in_force_are_reported_each_period(rig: Rig) -> None:
    rig.event(400)
    rig.start()
    rig.after(59)
    assert said(rig) == []

    rig.after(2)

    (found,) = said(rig)
    assert found["DEMAND"] == [0.001]  # one order stands: the desk's power is 1 W
    assert found["SETPOINT"] == [400.0]


def test_an_event_that_asks_for_reports_and_limits_nothing_gets_them_all(
    rig: Rig,
) -> None:
    asks = [{"payloadType": "DEMAND"}]
    standing = rig.event(0, intervals=[], reportDescriptors=asks)
    event = rig.event(400)
    rig.start()
    rig.after(200)

    (report,) = rig.vtn.objects["reports"]
    assert report["eventID"] == standing["id"]
    assert rig.vtn.cancel(event) == 200
    assert any("PUT /reports" in one for one in rig.vtn.asked)


def test_what_is_refused_is_acknowledged_as_refused(rig: Rig) -> None:
    event = rig.event(9e9)
    rig.start()

    (found,) = said(rig)
    name, word, why = found["X-BASELOAD-ACK"]
    assert (name, word) == (event["id"], "REFUSED")
    assert "wanted 0.." in why


def test_reports_of_an_earlier_run_are_taken_back(rig: Rig) -> None:
    event = rig.event(400)
    rig.start()
    rig.stop()
    assert len(rig.vtn.objects["reports"]) == 1
    later = Rig()
    later.vtn.objects = rig.vtn.objects

    later.start()
    later.after(POLL + 2)

    assert said(later) == []
    assert later.vtn.cancel(event) == 200
    later.stop()


def test_reports_that_are_not_taken_cost_no_lease(rig: Rig) -> None:
    rig.vtn.override["/reports"] = Answer(500, b"no")
    rig.event(400)
    rig.start()

    assert rig.after(300) == 400_000
    asked = [one for one in rig.vtn.asked if "/reports" in one]
    assert len(asked) < 12
