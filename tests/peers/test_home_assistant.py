"""What Home Assistant is told of a site, held to the schemas of Home Assistant itself.

HOME_ASSISTANT is a Python that has it, 2024.12 or newer, which has device discovery
(`pip install homeassistant paho-mqtt==1.6.1`; 3.12 or newer).
"""

import json
import os
import subprocess
from pathlib import Path

import pytest

from proxy.power.journal.alarms import AlarmName
from proxy.signals.mqtt_discovery import discovery

CHECK = Path(__file__).with_name("home_assistant_check.py")

pytestmark = [
    pytest.mark.integration,
    pytest.mark.skipif(
        "HOME_ASSISTANT" not in os.environ,
        reason="HOME_ASSISTANT names no Python that has Home Assistant",
    ),
]


def checked(payload: bytes) -> "subprocess.CompletedProcess[bytes]":
    python = os.environ["HOME_ASSISTANT"]
    return subprocess.run(  # noqa: S603
        [python, str(CHECK)], input=payload, capture_output=True, check=False
    )


@pytest.mark.parametrize("order_w", [None, 3_500_000.0])
def test_it_takes_the_device_and_each_of_its_components(order_w: float | None) -> None:
    alarms = tuple(name.value for name in AlarmName)
    _, payload = discovery("hall a", "baseload/hall-a", alarms, order_w, "1.0")

    done = checked(payload)

    assert done.returncode == 0, done.stderr.decode()[-2000:]
    seen = json.loads(done.stdout)
    assert seen["binary_sensor"] == len(alarms)
    assert seen.get("number", 0) == (order_w is not None)


def test_it_would_say_what_it_does_not_know() -> None:
    _, payload = discovery("hall a", "baseload/hall-a", (), None, "1.0")
    told = json.loads(payload)
    told["components"]["power_w"]["unit"] = "W"

    assert b"not known to sensor: unit" in checked(json.dumps(told).encode()).stderr
