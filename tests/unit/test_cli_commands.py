"""What every command has, and what none loads."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from proxy.cli.groups import SIMULATORS
from proxy.cli.main import COMMANDS, main

NAMES = [[c.name] for c in COMMANDS] + [["sim", c.name] for c in SIMULATORS]

CONFIG = """
[[pools]]
name = "main"
url = "stratum+tcp://127.0.0.1:3333"
user = "account"
password = { env = "ONLY_THE_PROXY_HAS_IT" }
[[sites]]
name = "hall-a"
listen = ["tcp:3333"]
sources = ["main"]
"""

HEAVY = ("twisted.internet.reactor", "rich", "textual", "pyasic", "proxy.sim.command")


@pytest.mark.parametrize("words", NAMES, ids=" ".join)
def test_every_command_has_help_and_json(
    words: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as end:
        main([*words, "--help"])

    assert end.value.code == 0
    assert "--json" in capsys.readouterr().out


def test_help_lists_every_command(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["--help"])
    said = capsys.readouterr().out

    assert all(command.name in said for command in COMMANDS)


@pytest.mark.parametrize(
    "words",
    [
        [],
        ["nonsense"],
        ["sim"],
        ["kick"],
        ["run"],
        ["ban", "10.0.0.1", "--for", "-1"],
        ["ban", "10.0.0.1", "--for", "nan"],
        ["status", "-s", "a", "-c", "b"],
    ],
    ids=" ".join,
)
def test_wrong_usage_is_status_2(words: list[str]) -> None:
    with pytest.raises(SystemExit) as end:
        main(words)

    assert end.value.code == 2


def test_a_look_needs_no_secret_of_the_proxy(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "c.toml"
    path.write_text(CONFIG)

    assert main(["status", "-c", str(path)]) == 1
    assert f"no proxy at {tmp_path}/state/admin.sock" in capsys.readouterr().err


def test_run_refuses_what_it_cannot_act_on_before_it_starts(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv("ONLY_THE_PROXY_HAS_IT", "hunter2")
    path = tmp_path / "c.toml"
    power = "[sites.power]\nbudget_w = 2\nfail_safe_w = 1\n"
    signal = '[[sites.power.signals]]\nkind = "price"\nformat = "csv"\n'
    signal += 'source = "a"\nunits = "MWh"\nhashprice = 45.0\ntime_zone = "Nowhere"\n'
    path.write_text(CONFIG + power + signal)

    assert main(["run", "-c", str(path)]) == 1
    assert "$.sites[0].power.signals[0].time_zone" in capsys.readouterr().err
    assert not (tmp_path / "state").exists()


def test_a_look_loads_no_reactor_screen_or_simulator(tmp_path: Path) -> None:
    script = (
        "import json, sys; from proxy.cli.main import main;"
        f"main(['status', '-s', {str(tmp_path / 'none')!r}]);"
        f"print(json.dumps([m for m in {HEAVY!r} if m in sys.modules]))"
    )
    done = subprocess.run(  # noqa: S603
        [sys.executable, "-c", script], capture_output=True, check=True
    )

    assert json.loads(done.stdout) == []
