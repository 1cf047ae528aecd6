"""A whole proxy whose budget a plant sets over mosquitto, well and ill.

Debian's mosquitto and paho as the plant (`apt-get install mosquitto`).
"""

import json
import logging
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from paho.mqtt.client import Client, MQTTMessage
from paho.mqtt.enums import CallbackAPIVersion

from tests.certificates import an_ec_key, self_signed, write_pem
from tests.peers.bad_line import BadLine
from tests.peers.site_process import SiteProcess, until
from tests.support import PATIENCE, free_port

pytestmark = [
    pytest.mark.integration,
    pytest.mark.skipif(
        shutil.which("mosquitto") is None and not Path("/usr/sbin/mosquitto").exists(),
        reason="mosquitto is not installed",
    ),
]

_log = logging.getLogger(__name__)

BASE = "baseload/unit-1/hall-a"
LEASE = 8

SIGNAL = """
kind = "mqtt"
name = "plant"
prefix = "baseload/unit-1"
brokers = [{brokers}]
username = "site"
password = {{ file = "secret" }}
discovery = true
allow_orders = true
lease_s = {lease}
"""


class Broker:
    """A mosquitto."""

    def __init__(self, path: Path, name: str, more: str = "") -> None:
        self.name, self.port = name, free_port()
        self._conf = path / f"{name}.conf"
        self._conf.write_text(
            f"listener {self.port} localhost\nallow_anonymous true\n"
            f"persistence false\nuser root\n{more}"
        )
        self.start()

    def start(self) -> None:
        binary = shutil.which("mosquitto") or "/usr/sbin/mosquitto"
        self.process = subprocess.Popen(  # noqa: S603
            [binary, "-c", str(self._conf)],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )

    def kill(self) -> None:
        self.process.kill()
        self.process.wait(PATIENCE)

    def freeze(self) -> None:
        self.process.send_signal(signal.SIGSTOP)

    def thaw(self) -> None:
        self.process.send_signal(signal.SIGCONT)


class Plant:
    """Who publishes orders, and keeps what the site says."""

    def __init__(self, port: int, ca: Path | None = None) -> None:
        self.heard: dict[str, Any] = {}
        self.acks: list[dict[str, Any]] = []
        self.client = Client(CallbackAPIVersion.VERSION2, client_id=f"plant-{port}")
        self.client.on_message = self._on_message
        self.client.on_connect = lambda client, *_: client.subscribe(
            [(f"{BASE}/#", 1), ("homeassistant/#", 1)]
        )
        self.client.reconnect_delay_set(1, 1)
        if ca is not None:
            self.client.tls_set(str(ca))
        self.client.connect_async("localhost", port, keepalive=5)
        self.client.loop_start()

    def _on_message(self, _: Any, __: Any, message: MQTTMessage) -> None:
        if message.topic.endswith("/ack"):
            self.acks.append(json.loads(message.payload))
        else:
            self.heard[message.topic.removeprefix(f"{BASE}/")] = message.payload

    @property
    def is_served(self) -> bool:
        """The site says over this broker that it is there."""
        return self.heard.get("availability") == b"online"

    def order(self, watts: float, **more: Any) -> None:
        body = {"watts": watts, "issued_at": time.time(), **more}
        self.publish(json.dumps({k: v for k, v in body.items() if v is not None}))

    def publish(self, payload: str, *, retain: bool = False) -> None:
        self.client.publish(f"{BASE}/order", payload, qos=1, retain=retain)

    def close(self) -> None:
        self.client.disconnect()
        self.client.loop_stop()


class Setting:
    """Two brokers, a plant at each, and a site."""

    def __init__(self, path: Path) -> None:
        (path / "secret").write_text("s3cret\n")
        self.brokers = [Broker(path, "one"), Broker(path, "two")]
        self.lines = [BadLine(broker.port) for broker in self.brokers]
        urls = ", ".join(f'"mqtt://127.0.0.1:{line.port}"' for line in self.lines)
        self.site = SiteProcess(path, SIGNAL.format(brokers=urls, lease=LEASE))
        self.plants = [Plant(b.port) for b in self.brokers]
        until(lambda: self.site.watts == 4_000)
        until(lambda: all(plant.is_served for plant in self.plants))

    def settle(self, watts: float, broker: int = 0) -> float:
        """Publish until it is in force; return how long the last one took."""
        for _ in range(int(PATIENCE)):
            began = time.monotonic()
            self.plants[broker].order(watts)
            while time.monotonic() - began < 1.0:
                if self.site.watts == watts:
                    return time.monotonic() - began
                time.sleep(0.005)
        raise AssertionError(self.site.shown)

    def close(self) -> None:
        for plant in self.plants:
            plant.close()
        self.site.close()
        for line in self.lines:
            line.close()
        for broker in self.brokers:
            broker.thaw()
            broker.kill()


@pytest.fixture(scope="module")
def setting(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Setting]:
    setting = Setting(tmp_path_factory.mktemp("mqtt"))
    yield setting
    setting.close()


@pytest.fixture(autouse=True)
def apart(setting: Setting) -> None:
    """Let what an earlier test said at either broker lapse first."""
    setting.site.lapses(time.monotonic(), 40_000)


def test_an_order_changes_the_cap_within_a_second(setting: Setting) -> None:
    setting.settle(20_000)
    took = []
    for n in range(20):
        took.append(setting.settle(20_000 + 100.0 * n))
        time.sleep(0.05)
    _log.info("order to cap, asked over the admin socket: %s s", sorted(took))
    assert sorted(took)[10] < 1.0
    plant = setting.plants[0]
    until(lambda: any(a["taken"] for a in plant.acks))
    until(lambda: json.loads(plant.heard["state"])["budget_w"] == 21_900)
    found = json.loads(plant.heard["homeassistant/device/baseload_hall-a/config"])
    assert found["state_topic"] == f"{BASE}/state"
    assert found["components"]["order"]["command_topic"] == f"{BASE}/order"


def test_a_frozen_broker_lapses_and_a_thawed_one_raises_nothing(
    setting: Setting,
) -> None:
    setting.settle(30_000)
    broker, plant = setting.brokers[0], setting.plants[0]
    broker.freeze()
    began = time.monotonic()
    plant.order(35_000)  # it waits in the broker's socket

    took = setting.site.lapses(began, 30_000)

    _log.info("frozen: lapsed after %.1f s of a lease of %d s", took, LEASE)
    assert LEASE - 1.5 < took < LEASE + 1.5
    time.sleep(2)
    broker.thaw()
    until(plant.client.is_connected)
    time.sleep(3)
    assert setting.site.watts == 4_000
    setting.settle(30_000)


@pytest.mark.parametrize("fault", ["is_cut", "is_slow"])
def test_a_line_that_is_cut_or_slow_lapses_and_raises_nothing(
    setting: Setting, fault: str
) -> None:
    setting.settle(30_000)
    line, plant = setting.lines[0], setting.plants[0]
    setattr(line, fault, True)
    began = time.monotonic()
    plant.order(35_000)  # on its way for longer than it holds

    took = setting.site.lapses(began, 30_000)

    _log.info("%s: lapsed after %.1f s of a lease of %d s", fault, took, LEASE)
    assert LEASE - 1.5 < took < LEASE + 1.5
    setattr(line, fault, False)
    time.sleep(3)
    assert setting.site.watts == 4_000
    setting.settle(30_000)


def test_a_killed_broker_lapses_and_the_site_comes_back_by_a_fresh_word(
    setting: Setting,
) -> None:
    setting.settle(30_000)
    broker, plant = setting.brokers[0], setting.plants[0]
    began = time.monotonic()
    broker.kill()

    took = setting.site.lapses(began, 30_000)

    assert LEASE - 1.5 < took < LEASE + 1.5
    broker.start()
    until(plant.client.is_connected)
    plant.publish(json.dumps({"watts": 40_000}), retain=True)
    time.sleep(3)
    assert setting.site.watts == 4_000
    setting.settle(30_000)
    plant.publish("", retain=True)


def test_one_broker_of_two_is_enough_and_the_lower_word_rules(
    setting: Setting,
) -> None:
    setting.settle(30_000, broker=1)
    setting.brokers[0].kill()
    began = time.monotonic()
    while time.monotonic() - began < LEASE + 2:
        setting.plants[1].order(30_000)
        time.sleep(0.5)
        assert setting.site.watts == 30_000
    setting.brokers[0].start()
    until(setting.plants[0].client.is_connected)
    until(lambda: setting.plants[0].is_served)

    setting.settle(10_000)
    setting.plants[1].order(30_000)
    time.sleep(1)

    assert setting.site.watts == 10_000


def test_lies_raise_nothing_and_are_events(setting: Setting) -> None:
    setting.settle(20_000)
    plant, now = setting.plants[0], time.time()
    lies = [
        "garbage",
        '{"watts": NaN}',
        '{"watts": 40000000}',
        json.dumps({"watts": 40_000, "issued_at": now - 3600}),
        json.dumps({"watts": 40_000, "issued_at": now + 3600}),
        json.dumps({"watts": 40_000, "issued_at": now - 1e6}),
        '{"watts": 40000}',
        "x" * 30_000,
    ]
    for lie in lies * 3:
        plant.publish(lie)
        time.sleep(0.02)
    until(lambda: sum(not a["taken"] for a in plant.acks) >= 3 * len(lies))

    assert setting.site.watts == 20_000
    events = setting.site.events()
    for why in ("malformed", "wanted 0..48000 W", "issued too long ago", "future"):
        assert why in events
    assert events.count('"refused"') < 60
    # Too long to be looked at: the session ends, and comes back.
    plant.publish("x" * 200_000)
    time.sleep(1)
    setting.settle(20_000)


def test_a_broker_is_known_by_its_certificate(tmp_path: Path) -> None:
    for name in ("ours", "theirs"):
        key, alt = an_ec_key(), x509.SubjectAlternativeName([x509.DNSName("localhost")])
        shown = self_signed(key, "localhost", (alt, False))
        write_pem(tmp_path / f"{name}.key", tmp_path / f"{name}.pem", key, shown)
    brokers = [
        Broker(
            tmp_path,
            name,
            f"certfile {tmp_path}/{name}.pem\nkeyfile {tmp_path}/{name}.key\n",
        )
        for name in ("ours", "theirs")
    ]
    urls = ", ".join(f'"mqtts://localhost:{broker.port}"' for broker in brokers)
    row = SIGNAL.format(brokers=urls, lease=LEASE) + 'ca_file = "ours.pem"\n'
    (tmp_path / "secret").write_text("s3cret\n")
    site = SiteProcess(tmp_path, row)
    plants = [Plant(b.port, tmp_path / f"{b.name}.pem") for b in brokers]
    try:
        until(lambda: plants[0].is_served)
        until(plants[1].client.is_connected)
        time.sleep(2)
        assert not plants[1].is_served
        plants[0].order(9_000)
        until(lambda: site.watts == 9_000)
    finally:
        for plant in plants:
            plant.close()
        site.close()
        for broker in brokers:
            broker.kill()
