"""What Home Assistant is told, held to the fields that its documentation lists.

`tests/peers/test_home_assistant.py` holds it to Home Assistant's own schemas.
"""

import json
from typing import Any

import msgspec
from attrs import asdict

from protocol.setpoint.points import Points
from proxy.signals.mqtt_discovery import discovery

BASE = "baseload/unit-1/hall-a"

COMMON = {"platform", "unique_id", "name", "device_class", "value_template"}
FIELDS = {
    "sensor": COMMON | {"unit_of_measurement", "state_class", "options"},
    "binary_sensor": COMMON | {"state_topic"},
    "number": COMMON
    | {"unit_of_measurement", "min", "max", "step", "mode"}
    | {"command_topic", "command_template"},
}


def told(order_w: float | None = None) -> dict[str, Any]:
    topic, payload = discovery("hall a", BASE, ("silent", "absent"), order_w, "1.0")
    assert topic == "homeassistant/device/baseload_hall_a/config"
    found: dict[str, Any] = json.loads(payload)
    return found


def test_each_component_has_fields_that_are_documented_and_a_name_of_its_own() -> None:
    found = told(1e6)

    assert set(found) == {
        *("device", "origin", "components", "state_topic", "availability", "qos"),
    }
    assert found["device"]["identifiers"] == ["baseload_hall_a"]
    assert found["origin"]["name"] == "baseload"
    components = found["components"].values()
    for one in components:
        assert set(one) <= FIELDS[one["platform"]]
    assert len({one["unique_id"] for one in components}) == len(components)


def test_what_is_shown_is_said() -> None:
    said = msgspec.to_builtins(asdict(Points()))

    for one in told()["components"].values():
        template = one["value_template"]
        keys = [part.split()[0].rstrip(")}|") for part in template.split("value_json.")]
        for key in keys[1:]:
            assert key.rstrip(" ") in said, template


def test_without_leave_there_is_no_number_to_order_by() -> None:
    assert "order" not in told()["components"]
    assert told(1e6)["components"]["order"]["command_topic"] == f"{BASE}/order"
