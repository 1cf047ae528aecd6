"""`baseload power`: what is asked of a proxy, and how the answers read."""

import json
import socket
import threading
from pathlib import Path
from typing import Any

import pytest

from proxy.admin import render_power
from proxy.cli.main import main
from proxy.cli.power import watts

SHOW: dict[str, Any] = {
    "site": "hall-a", "budget_w": 3.5e6, "rule": "order", "next_change": None,
    "ruled_by": "order 3 of grid: dispatch", "state": "normal",
    "state_reason": "all that should speak does", "power_w": 3.41e6,
    "power_source": "meter", "cap_hs": 2e17, "cap_text": "200000.0 TH/s",
    "cap": {"it_w": 3.3e6, "bias": 1.05, "guard": 0.0125, "epoch": 77,
            "ramped_w": 3.5e6, "allow_w": 3.456e6, "integral_w": -12_000.0,
            "aux": {"fixed_w": 35_000.0, "share": 0.03}},
    "meter": {"watts": 3.41e6, "fault": None, "lost_s": 0.2},
    "more_orders": 7,
    "orders": [{"source": "grid", "seq": 3, "watts": 3.5e6, "not_before": 0.0,
                "expires": 1.7e9, "lease_s": None, "revert_w": None,
                "reason": "dispatch"}],
    "signals": [{"name": "grid", "lease_s": 30.0, "silent_s": 4.0,
                 "has_lapsed": False, "lease_left_s": 26.0, "last_w": 3.5e6,
                 "last_seq": 3, "is_ruling": True}],
    "machines": {"total": 1000, "connected": 998, "running": 900, "unknown": 0,
                 "unresponsive": 2, "parked_only": 0, "absent": 0, "under_way": 1},
    "hashrate": {"hash_hs": 1.9e17, "low_hs": 1.8e17, "high_hs": 2e17, "shares": 99},
    "tenants": {"acme": {"hash_hs": 1e17, "low_hs": 9e16, "high_hs": 1.1e17,
                         "shares": 50}},
    "strangers": {"hash_hs": 0.0, "low_hs": 0.0, "high_hs": 0.0, "shares": 0},
    "joules_per_terahash": 17.0, "parked_work": 0.0,
    "expected_joules_per_terahash": 16.5, "unauthorised_work": 0.0,
    "is_hidden_load": False, "alarms": [],
}  # fmt: skip


class OneAnswer:
    """An admin socket that answers one request and keeps it."""

    def __init__(self, path: Path, result: Any) -> None:
        self.asked: dict[str, Any] = {}
        self._result = result
        self._server = socket.socket(socket.AF_UNIX)
        self._server.bind(str(path))
        self._server.listen()
        self._thread = threading.Thread(target=self._serve)
        self._thread.start()

    def _serve(self) -> None:
        client, _ = self._server.accept()
        with client, client.makefile("rb") as lines:
            self.asked = json.loads(lines.readline())
            answer = {"jsonrpc": "2.0", "id": self.asked["id"], "result": self._result}
            client.sendall(json.dumps(answer).encode() + b"\n")

    def close(self) -> None:
        self._thread.join(5)
        self._server.close()


@pytest.mark.parametrize(
    ("text", "value"),
    [("3500000", 3.5e6), ("3500k", 3.5e6), ("3.5M", 3.5e6), ("1.2GW", 1.2e9), ("0", 0)],
)
def test_watts_take_prefixes(text: str, value: float) -> None:
    assert watts(text) == pytest.approx(value)


@pytest.mark.parametrize("text", ["-1", "3.5m", "1e6", "k", "", "inf", "3,5M", "1kk"])
def test_what_is_no_power_is_wrong_usage(
    text: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as stopped:
        main(["power", "set", "hall-a", "--", text])

    assert stopped.value.code == 2
    assert "invalid power value" in capsys.readouterr().err


def test_an_order_is_given_with_its_duration_and_reason(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "a.sock"
    server = OneAnswer(path, {"text": "order of 2 MW taken"})

    status = main(
        ["power", "set", "-s", str(path), "hall-a", "2M", "--for", "600",
         "--reason", "dispatch"]
    )  # fmt: skip
    server.close()

    assert status == 0
    assert server.asked["method"] == "power.set"
    assert server.asked["params"] == {
        "site": "hall-a", "watts": 2e6, "for_s": 600.0, "reason": "dispatch",
    }  # fmt: skip
    assert capsys.readouterr().out == "order of 2 MW taken\n"


def test_machines_are_forgotten_by_name(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "a.sock"
    server = OneAnswer(path, {"text": "2 machines forgotten"})

    status = main(["power", "forget", "-s", str(path), "hall-a", "10.0.0.*"])
    server.close()

    assert status == 0
    assert server.asked["method"] == "power.forget"
    assert server.asked["params"] == {"site": "hall-a", "machines": "10.0.0.*"}
    assert capsys.readouterr().out == "2 machines forgotten\n"


def test_a_site_is_shown_with_what_rules_it() -> None:
    text = render_power.show([SHOW])

    assert "hall-a: normal" in text
    assert "3.5 MW by order 3 of grid: dispatch" in text
    assert "3.41 MW by meter" in text
    assert "998 connected" in text
    assert "heard 4 s ago" in text
    assert "until 2023-11-14 22:13:20: dispatch" in text


def test_the_inputs_of_the_cap_are_shown() -> None:
    text = render_power.show([SHOW])

    assert "3.14 MW of nameplate = 3.3 MW / bias 1.050; epoch 77" in text
    assert "3.3 MW = (3.46 MW -12 kW of trim - 35 kW) / 1.030" in text
    assert "3.46 MW = 3.5 MW less a guard of 44 kW (1.25%)" in text


def test_a_cap_of_nothing_says_what_takes_all_of_it() -> None:
    cap = SHOW["cap"] | {"it_w": 0.0, "allow_w": 0.0, "integral_w": 0.0}
    text = render_power.show([SHOW | {"cap_hs": 0.0, "cap": cap}])

    assert "no machine: 0 W +0 W of trim leave nothing beside 35 kW of other" in text
    assert "(0 W" not in text


def test_what_shares_prove_is_shown() -> None:
    text = render_power.show([SHOW])

    assert "190 PH/s proved by 99 shares (180 PH/s to 200 PH/s)" in text
    assert "acme: 100 PH/s proved by 50 shares" in text
    assert "17 J/TH, by the model 16.5 J/TH" in text
    assert "strangers" not in text


def test_a_lapse_and_alarms_stand_out() -> None:
    signal = {
        "name": "grid", "lease_s": 30.0, "silent_s": 99.0, "has_lapsed": True,
        "lease_left_s": 0.0, "last_w": 2e6, "last_seq": 3, "is_ruling": True,
    }  # fmt: skip
    alarm = {
        "alarm": "silent", "machine": "10.0.0.1", "cause": "no shares", "for_s": 62.4,
        "figures": {},
    }  # fmt: skip

    text = render_power.show([{**SHOW, "signals": [signal], "alarms": [alarm]}])

    assert "grid: 2 MW, heard 99 s ago, LAPSED, rules" in text
    assert "ALARM     10.0.0.1: no shares, for 62 s" in text


def test_a_dry_run_says_what_why_and_at_what_cost() -> None:
    step = {
        "machine": "10.0.0.1", "worker": "a", "model": "Antminer S21",
        "before_w": 3500.0, "after_w": 25.0, "hash_hs": -2e14, "reason": "worst J/TH",
    }  # fmt: skip
    answer = {
        "site": "hall-a", "budget_w": 2e6, "cap_hs": 1e17, "watts": -3475.0,
        "hash_hs": -2e14, "steps": [step], "more": 7,
    }  # fmt: skip

    text = render_power.plan(answer)

    assert "8 machines change, -3.48 kW, -200 TH/s" in text
    assert "worst J/TH" in text
    assert "... and 7 more" in text


@pytest.mark.parametrize(
    ("broken", "verdict"), [(None, "is whole"), (17, "TAMPERED WITH from event 17 on")]
)
def test_the_history_says_whether_it_is_whole(broken: int | None, verdict: str) -> None:
    event = {
        "id": 1, "at": 0.0, "site": "hall-a", "kind": "command", "cause": "trip",
        "body": {"machine": "10.0.0.1"}, "hash": "00",
    }  # fmt: skip

    text = render_power.history(
        {"events": [event], "is_checked": True, "broken_at": broken}
    )

    assert verdict in text
    assert "1970-01-01 00:00:00" in text


def test_each_machine_is_shown_with_what_its_shares_prove() -> None:
    machine = {
        "machine": "10.0.0.1", "worker": "acme.7", "model": "Antminer S21",
        "tenant": "acme", "held_by": "tuned", "told_w": 3500.0, "power_w": 3480.0,
        "debt_h": 0.5, "state": "running",
        "hashrate": {"hash_hs": 2e14, "low_hs": 1.9e14, "high_hs": 2.1e14,
                     "shares": 90},
    }  # fmt: skip
    asleep = {
        **machine, "machine": "10.0.0.2", "state": "stopped", "power_w": None,
        "hashrate": {"hash_hs": 0.0, "low_hs": 0.0, "high_hs": 0.0, "shares": 0},
    }  # fmt: skip

    _, running, stopped, *_ = render_power.machines([machine, asleep]).splitlines()

    assert "200 TH/s proved by 90 shares (190 TH/s to 210 TH/s)" in running
    assert "3.48 kW" in running
    assert stopped.rstrip().endswith("3.5 kW")
