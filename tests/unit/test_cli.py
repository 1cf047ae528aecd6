import io
import json
import sys
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from proxy.admin.client import AdminError, call
from proxy.admin.look import Look
from proxy.admin.render import status
from proxy.admin.render_sources import nodes
from proxy.admin.top import show
from proxy.cli.main import main
from proxy.runtime.quantities import si

STATUS: dict[str, Any] = {
    "version": "0.1.0", "name": "unit-1", "uptime_s": 3723.0, "engine": "python",
    "state": "running", "waits_for": [], "ledger": "ok", "nodes": [],
    "blocks": {"found": 2, "accepted": 1},
    "sites": [{
        "name": "hall-a", "budget_w": None, "cap_hs": None, "power_w": None,
        "power_source": None, "state": None, "ruled_by": None, "alarms": None,
        "source": "main",
        "hashrate_hs": {"1m": 2e14, "5m": 2e14, "1h": 1e14, "24h": 1e13},
        "miners": {"connected": 3, "active": 2, "parked": 1},
        "shares": {"accepted": 7, "rejected": {"stale": 1}, "lost": {}},
    }],
    "pools": [{
        "name": "main", "state": "ready", "difficulty": 65536.0, "accepted": 5,
        "rejected": 0, "connections": 1, "last_job_age_s": 12.0, "url": "u",
        "reason": "", "version_mask": "1fffe000", "extranonce2_size": 8,
        "rejects": {}, "lost": {},
    }],
}  # fmt: skip

CONFIG = """
[[pools]]
name = "main"
url = "stratum+tcp://127.0.0.1:3333"
user = "account"
[[sites]]
name = "hall-a"
listen = ["tcp:0"]
sources = ["main"]
"""


def test_the_status_says_how_far_the_ledger_goes_and_what_it_lacks() -> None:
    answer = {
        **STATUS,
        "ledger": "degraded",
        "ledger_reason": "database or disk is full",
        "unrecorded": 12,
        "kept_since": {"shares": 1.7e9, "minutes": None, "hours": 1.6e9, "days": None},
    }

    lines = status(answer).splitlines()

    assert lines[1:4] == [
        "ledger degraded: database or disk is full",
        "12 rows of the ledger could not be recorded",
        "ledger has shares since 2023-11-14 22:13, hours since 2020-09-13 12:26 (UTC)",
    ]
    assert "ledger has" not in status(STATUS)  # of an older proxy


def test_a_good_file_is_said_to_be_good(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "c.toml"
    path.write_text(CONFIG)

    assert main(["check-config", "-c", str(path), "--json"]) == 0
    said = json.loads(capsys.readouterr().out)
    assert said == {"sites": 1, "pools": 1, "warnings": []}


@pytest.mark.parametrize("word", ["api", "pyasic"])
def test_what_guards_less_than_it_may_is_a_warning(
    word: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "c.toml"
    fleet = '[[sites.fleet]]\nworkers = "a"\nmodel = "Antminer S21"\n'
    power = "[sites.power]\nbudget_w = 1000\nfail_safe_w = 100\n"
    path.write_text(CONFIG + power + fleet + f'control = "{word}"\n')

    assert main(["check-config", "-c", str(path)]) == 0
    said = capsys.readouterr().out
    assert "good\nwarning: control" in said
    assert said.endswith("at `$.sites[0].power.own_pools`\n")

    own = power + 'own_pools = ["10.0.0.5"]\n'
    path.write_text(CONFIG + own + fleet + f'control = "{word}"\n')
    assert main(["check-config", "-c", str(path)]) == 0
    assert "warning" not in capsys.readouterr().out


def test_a_wrong_file_is_one_line_on_stderr_and_status_1(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "c.toml"
    path.write_text(CONFIG + "typo = 1\n")

    assert main(["check-config", "-c", str(path)]) == 1
    said = capsys.readouterr().err
    assert said.count("\n") == 1
    assert "typo" in said


def test_wrong_usage_is_status_2() -> None:
    with pytest.raises(SystemExit) as end:
        main(["status", "--no-such-option"])

    assert end.value.code == 2


def test_without_a_proxy_the_answer_says_what_to_do(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["status", "-s", str(tmp_path / "none.sock")]) == 1
    assert "baseload run -c" in capsys.readouterr().err


def test_without_a_name_the_answer_says_how_to_name_one(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delenv("BASELOAD_ADMIN", raising=False)

    assert main(["status"]) == 1
    assert "$BASELOAD_ADMIN" in capsys.readouterr().err


@pytest.mark.parametrize("width", [80, 200])
def test_top_draws_what_matters(width: int) -> None:
    out = io.StringIO()
    console = Console(file=out, width=width, height=24)

    show(lambda: Look(STATUS), console, once=True)

    drawn = out.getvalue()
    assert "hall-a" in drawn
    assert "main" in drawn
    assert "1:02:03" in drawn
    assert max(len(line) for line in drawn.splitlines()) <= width


def test_nodes_say_their_chain_and_what_is_wrong() -> None:
    up = {"name": "core", "state": "up", "height": 0, "tip": "ab" * 32}
    down = {"name": "spare", "state": "down", "height": None, "tip": None}
    text = nodes(
        [
            up | {"chain": "regtest", "reason": ""},
            down | {"chain": None, "reason": "cookie /c: No such file or directory"},
        ]
    )

    assert text.splitlines()[1].split() == ["core", "up", "regtest", "0", "ab" * 32]
    assert text.splitlines()[2].endswith("cookie /c: No such file or directory")


def test_nodes_say_by_what_our_coinbases_differ_from_others() -> None:
    node = {
        "name": "core", "state": "up", "height": 0, "tip": None, "chain": "main",
        "reason": "", "instance": 513, "prefixes": {"a": "020100", "b": "020101"},
    }  # fmt: skip

    assert nodes([node, node]).endswith("begin with a 020100, b 020101\n")
    assert nodes([{**node, "prefixes": {}}]).count("\n") == 2


NODE = """
[[nodes]]
name = "core"
rpc = "http://127.0.0.1:8332"
user = "u"
password = "p"
"""


def test_the_instance_is_said_where_there_is_a_node(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "c.toml"
    path.write_text(NODE + CONFIG)

    assert main(["check-config", "-c", str(path)]) == 0
    assert capsys.readouterr().out.endswith("instance: drawn at the first start\n")
    (tmp_path / "state").mkdir()
    (tmp_path / "state" / "instance").write_text("513\n")
    assert main(["check-config", "-c", str(path)]) == 0
    assert "instance 513: " in capsys.readouterr().out
    path.write_text("[proxy]\ninstance = 7\n" + NODE + CONFIG)
    assert main(["check-config", "-c", str(path), "--json"]) == 0
    said = json.loads(capsys.readouterr().out)
    assert (said["instance"], said["prefixes"]) == (7, {"hall-a": "000700"})


@pytest.mark.parametrize("number", ["-1", "65536", '"a"'])
def test_an_instance_is_two_bytes(
    number: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "c.toml"
    path.write_text(f"[proxy]\ninstance = {number}\n" + CONFIG)

    assert main(["check-config", "-c", str(path)]) == 1
    assert "$.proxy.instance" in capsys.readouterr().err


def test_status_reads_as_a_table() -> None:
    text = status(STATUS)

    assert "200 TH/s" in text
    assert "1 stale" in text


def test_status_shows_the_power_of_sites_that_have_a_budget_and_of_no_others() -> None:
    powered = {
        **STATUS["sites"][0], "name": "hall-b", "budget_w": 3.5e6, "cap_hs": 1.98e17,
        "power_w": 3.41e6, "power_source": "meter", "state": "hold",
        "ruled_by": "order 3 of grid: dispatch", "alarms": ["10.0.0.1: no shares"],
    }  # fmt: skip

    text = status({**STATUS, "sites": [STATUS["sites"][0], powered]})

    assert "BUDGET" not in status(STATUS)
    (line,) = [line for line in text.splitlines() if "3.5 MW" in line]
    shown = ["hall-b", "hold", "3.5 MW", "3.41 MW", "meter", "198 PH/s", "1/3"]
    assert line.split("  ")[0] == "hall-b"
    assert all(word in line for word in shown)
    assert line.endswith("order 3 of grid: dispatch")
    assert "ALARM  hall-b: 10.0.0.1: no shares\n" in text


def test_a_site_whose_controller_is_away_has_dashes_for_watts() -> None:
    waiting = {
        **STATUS["sites"][0], "budget_w": 4e4, "state": "failsafe",
        "ruled_by": "fail-safe: nothing heard from the site controller", "alarms": [],
    }  # fmt: skip

    text = status({**STATUS, "sites": [waiting]})

    (line,) = [line for line in text.splitlines() if "40 kW" in line]
    assert line.split()[:7] == ["hall-a", "failsafe", "40", "kW", "-", "-", "-"]


@pytest.mark.parametrize(
    ("value", "text"),
    [(None, "-"), (0.0, "0 H"), (999.0, "999 H"), (1e3, "1 kH"), (2e14, "200 TH")],
)
def test_numbers_have_a_prefix(value: float | None, text: str) -> None:
    assert si(value, "H") == text


def test_a_socket_that_nobody_serves_is_an_admin_error(tmp_path: Path) -> None:
    with pytest.raises(AdminError, match="no proxy at"):
        call(tmp_path / "x.sock", "status", {})


@pytest.mark.parametrize("encoding", ["ascii", "latin-1"])
def test_what_a_terminal_cannot_show_is_printed_as_another_character(
    encoding: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = io.BytesIO()
    monkeypatch.setattr("sys.stdout", io.TextIOWrapper(out, encoding))
    path = tmp_path / "Вышка.toml"
    path.write_text(CONFIG)

    assert main(["check-config", "-c", str(path)]) == 0
    sys.stdout.flush()
    assert out.getvalue().endswith(b"?????.toml: 1 site, good\n")


def test_a_dumb_terminal_gets_one_frame() -> None:
    out = io.StringIO()
    console = Console(file=out, force_terminal=True, _environ={"TERM": "dumb"})

    show(lambda: Look(STATUS), console, once=False)

    assert out.getvalue().count("unit-1") == 1
    assert "\x1b" not in out.getvalue()


def test_each_fault_is_a_line_on_stderr_and_an_item_of_json(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "c.toml"
    path.write_text(CONFIG.replace("user", "usr").replace("tcp:0", "tcp:70000"))

    assert main(["check-config", "-c", str(path), "--json"]) == 1
    out, err = capsys.readouterr()
    faults = json.loads(out)["faults"]
    keys = ["$.pools[0].usr", "$.pools[0]", "$.sites[0].listen[0]"]
    assert [f["key"] for f in faults] == keys
    assert faults[0]["place"] == "line 5"
    assert len(err.splitlines()) == len(faults)
    path.write_text(CONFIG.replace("tcp:0", "tcp:70000"))
    assert main(["check-config", "-c", str(path)]) == 1
    assert "line 8: Expected tcp:PORT with a port" in capsys.readouterr().err


def test_each_value_is_shown_with_its_source(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "c.toml"
    path.write_text(CONFIG)
    monkeypatch.setenv("BASELOAD__POOLS__MAIN__PASSWORD", "hunter2")

    assert main(["check-config", "-c", str(path), "--values"]) == 0
    out = capsys.readouterr().out
    variable = "the environment, BASELOAD__POOLS__MAIN__PASSWORD"
    assert f"$.pools[0].password: {variable}" in out
    assert f'$.pools[0].password = "***"  # {variable}' in out
    assert '$.pools[0].user = "account"  # line 5' in out
    assert '$.proxy.engine = "auto"  # default' in out
    assert "hunter2" not in out
