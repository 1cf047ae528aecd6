"""What is asked for and not installed is named, with the extra that has it."""

import importlib.util
from collections.abc import Callable
from importlib.machinery import ModuleSpec
from pathlib import Path

import pytest

from proxy.cli.main import main
from proxy.supervisor import service

HEAD = """
[[pools]]
name = "main"
url = "stratum+tcp://127.0.0.1:1"
user = "site"
[[sites]]
name = "hall-a"
listen = ["tcp:0"]
sources = ["main"]
[sites.power]
budget_w = 1000
fail_safe_w = 100
"""
MQTT = '[[sites.power.signals]]\nkind = "mqtt"\nbrokers = ["mqtt://127.0.0.1:1883"]\n'
NOTICES = """
[[sites.power.signals]]
kind = "openadr3"
url = "https://vtn.example/v3"
ven_name = "hall-a"
client_id = "a"
token_url = "https://vtn.example/token"
client_secret = "b"
notices = "mqtt"
"""
TRIP = 'trip_input = "modbus://127.0.0.1:502/1?input=3&trips=open"\n'


def without(library: str) -> Callable[[str], ModuleSpec | None]:
    found = importlib.util.find_spec
    return lambda name: None if name == library else found(name)


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        (MQTT, "aiomqtt: pip install '.[mqtt]'"),
        (NOTICES, "aiomqtt: pip install '.[mqtt]'"),
        (TRIP, "pymodbus: pip install '.[controller]'"),
    ],
)
def test_a_missing_extra_is_named_by_check_config(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    text: str,
    wanted: str,
) -> None:
    path = tmp_path / "c.toml"
    path.write_text(HEAD + text)
    monkeypatch.setattr(service, "find_spec", without(wanted.partition(":")[0]))

    assert main(["check-config", "-c", str(path)]) == 1

    assert f"needs {wanted}" in capsys.readouterr().err


def test_with_it_nothing_is_said(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    path = tmp_path / "c.toml"
    path.write_text(HEAD + MQTT)
    spec = ModuleSpec("aiomqtt", None)
    monkeypatch.setattr(service, "find_spec", lambda _: spec)

    main(["check-config", "-c", str(path)])

    assert "pip install" not in capsys.readouterr().err
