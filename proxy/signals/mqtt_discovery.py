"""What tells Home Assistant of a site: one device with all of its readings.

Spec: Home Assistant, MQTT integration, "Device discovery payload": `device`, `origin`
and `components`, each with its `platform` and `unique_id`; topics shared at the root.
Machines are none of it: those who want them there have them by their own APIs.
"""

import re
from typing import Any

import msgspec
from attrs import frozen

from proxy.signals.mqtt_orders import ALARM, ORDER, STATE

DISCOVERY_PREFIX = "homeassistant"

_NOT_IN_ID = re.compile(r"[^A-Za-z0-9_-]")


@frozen
class _Sensor:
    """A number of the state, as Home Assistant shows it; empty: it does not say."""

    key: str
    name: str
    unit: str = ""
    device_class: str = ""
    state_class: str = "measurement"
    template: str = ""

    def component(self, ids: str) -> dict[str, Any]:
        """Return it as a component of the device `ids`."""
        found = {
            "platform": "sensor",
            "unique_id": f"{ids}_{self.key}",
            "name": self.name,
            "value_template": self.template or f"{{{{ value_json.{self.key} }}}}",
            "unit_of_measurement": self.unit,
            "device_class": self.device_class,
            "state_class": self.state_class,
        }
        return {key: value for key, value in found.items() if value}


_SENSORS = (
    _Sensor("power_w", "Power", "W", "power"),
    _Sensor("energy_wh", "Energy", "Wh", "energy", "total_increasing"),
    _Sensor("budget_w", "Budget", "W", "power"),
    _Sensor(
        "hashrate_hs",
        "Hashrate",
        "TH/s",
        template="{{ (value_json.hashrate_hs | float(0)) / 1e12 }}",
    ),
    _Sensor("joules_per_terahash", "Efficiency", "J/TH"),
    _Sensor("machines_running", "Machines hashing"),
    _Sensor(
        "machines_parked",
        "Machines parked",
        template="{{ value_json.machines_told - value_json.machines_running }}",
    ),
    _Sensor(
        "machines_unresponsive",
        "Machines unresponsive",
        template="{{ value_json.machines_told - value_json.machines_obeying }}",
    ),
    _Sensor("lease_left_s", "Lease left", "s", "duration"),
)

STATES = ["normal", "hold", "failsafe", "trip"]


def discovery(
    site: str, base: str, alarms: tuple[str, ...], order_w: float | None, version: str
) -> tuple[str, bytes]:
    """Return the topic and the payload that announce a site.

    Args:
        site: Its name.
        base: `PREFIX/SITE`, where it is published.
        alarms: Names of the alarms that may stand.
        order_w: The contract, where Home Assistant may give orders; None: it may not.
        version: Of this program.
    """
    ids = f"baseload_{_NOT_IN_ID.sub('_', site)}"
    components = {one.key: one.component(ids) for one in _SENSORS}
    components["state"] = _state(ids)
    for name in alarms:
        components[f"alarm_{name}"] = _alarm(ids, name, f"{base}/{ALARM}")
    if order_w is not None:
        components["order"] = _order(ids, f"{base}/{ORDER}", order_w)
    told = {
        "device": {
            "identifiers": [ids],
            "name": f"Baseload {site}",
            "manufacturer": "Baseload",
            "model": "site",
            "sw_version": version,
        },
        "origin": {"name": "baseload", "sw_version": version},
        "components": components,
        "state_topic": f"{base}/{STATE}",
        "availability": [{"topic": f"{base}/availability"}],
        "qos": 1,
    }
    return f"{DISCOVERY_PREFIX}/device/{ids}/config", msgspec.json.encode(told)


def _state(ids: str) -> dict[str, Any]:
    return {
        "platform": "sensor",
        "unique_id": f"{ids}_state",
        "name": "State",
        "device_class": "enum",
        "options": STATES,
        "value_template": "{{ value_json.state }}",
    }


def _alarm(ids: str, name: str, topic: str) -> dict[str, Any]:
    return {
        "platform": "binary_sensor",
        "unique_id": f"{ids}_alarm_{name}",
        "name": name.replace("_", " ").capitalize(),
        "device_class": "problem",
        "state_topic": topic,
        "value_template": f"{{{{ 'ON' if '{name}' in value_json.alarms else 'OFF' }}}}",
    }


def _order(ids: str, topic: str, order_w: float) -> dict[str, Any]:
    return {
        "platform": "number",
        "unique_id": f"{ids}_order",
        "name": "Order",
        "device_class": "power",
        "unit_of_measurement": "W",
        "min": 0,
        "max": order_w,
        "step": 1000,
        "mode": "box",
        "value_template": "{{ value_json.budget_w }}",
        "command_topic": topic,
        "command_template": (
            '{"watts": {{ value }}, "issued_at": {{ now().timestamp() }}}'
        ),
    }
