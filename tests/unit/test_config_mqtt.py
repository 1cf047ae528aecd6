"""What is wrong with a signal over MQTT is said with its key."""

from pathlib import Path

import pytest

from proxy.config.mqtt import BrokerAddress, read_broker_url
from proxy.config.power import SignalConfig
from proxy.config.signals import signal_faults
from proxy.signals.mqtt_build import mqtt_lines, tls_context

BROKER = ("mqtt://a.example",)


def faults(**keys: object) -> list[str]:
    row = SignalConfig(kind="mqtt", **{"brokers": BROKER, **keys})  # type: ignore[arg-type]
    return list(signal_faults(row, "$.x"))


def test_a_broker_alone_is_enough() -> None:
    assert faults() == []


@pytest.mark.parametrize(
    ("keys", "wanted"),
    [
        ({"brokers": ()}, "needs brokers"),
        ({"brokers": ("http://a",)}, "mqtt://host[:1883]"),
        ({"brokers": ("mqtt://a..b",)}, "mqtt://host[:1883]"),
        ({"brokers": ("mqtt://a/topic",)}, "mqtt://host[:1883]"),
        ({"brokers": ("mqtt://u:p@a",)}, "mqtt://host[:1883]"),
        ({"brokers": ("mqtt://a:70000",)}, "a port from 1 to 65535"),
        ({"brokers": ("mqtt://a", "mqtt://a:1883")}, "The same broker twice"),
        ({"prefix": "plant/#"}, "without wildcards"),
        ({"prefix": "/plant"}, "a topic as a/b"),
        ({"topic": "a//b"}, "a topic as a/b"),
        ({"topic": "a" * 300}, "at most 256 B"),
        ({"password": "p"}, "goes with a username"),
        ({"ca_file": Path("ca.pem")}, "Of mqtts:// alone"),
        ({"allow_orders": True}, "Only where discovery"),
        ({"listen": "tcp:1883"}, "Not of a signal of kind 'mqtt' - at `$.x.listen`"),
        ({"unit": 1}, "Not of a signal of kind 'mqtt' - at `$.x.unit`"),
    ],
)
def test_a_fault_is_said(keys: dict[str, object], wanted: str) -> None:
    (fault,) = faults(**keys)

    assert wanted in fault


def test_keys_of_mqtt_are_not_of_others() -> None:
    row = SignalConfig(kind="schedule", file=Path("a"), prefix="baseload")

    assert list(signal_faults(row, "$.x")) == [
        "Not of a signal of kind 'schedule' - at `$.x.prefix`"
    ]


def test_a_url_says_where_a_broker_is() -> None:
    assert read_broker_url("mqtt://a") == BrokerAddress("a", 1883, is_encrypted=False)
    assert read_broker_url("mqtts://[fd00::1]:8884") == BrokerAddress(
        "fd00::1", 8884, is_encrypted=True
    )


def test_authorities_that_cannot_be_read_are_a_fault(tmp_path: Path) -> None:
    (tmp_path / "ca.pem").write_text("no certificate")

    for name in ("ca.pem", "gone.pem"):
        with pytest.raises(ValueError, match=name):
            tls_context(tmp_path / name)


def test_each_broker_has_a_line_that_shows_no_password() -> None:
    row = SignalConfig(
        kind="mqtt",
        brokers=("mqtt://a", "mqtts://b"),
        username="site",
        password="s3cret",  # type: ignore[arg-type]  # noqa: S106
    )

    lines = mqtt_lines("hall-a", row, None)

    assert [line.name for line in lines] == ["broker a:1883", "broker b:8883"]
    assert "s3cret" not in repr([line._broker for line in lines])


def test_per_cent_is_of_the_simple_map() -> None:
    row = SignalConfig(
        kind="modbus", listen="tcp:502:interface=127.0.0.1", units="percent"
    )

    (fault,) = signal_faults(row, "$.x")

    assert "WMaxLimPct" in fault
