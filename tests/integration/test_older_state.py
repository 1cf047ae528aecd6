"""`baseload run` on what an older release left, with the configurations it shipped."""

import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from tests.older_state import (
    CONFIGS,
    EXPECTED,
    VECTORS,
    copy_state,
    ledger_expected,
    ledger_holds,
)
from tests.support import PATIENCE

NOBODY = "127.0.0.1:9"


def with_hosts_of_here(text: str) -> str:
    """Return a configuration with its hosts and ports replaced, and nothing else."""
    text = re.sub(r'"(stratum\+\w+|http|modbus|tcp)://[^/"]*', rf'"\1://{NOBODY}', text)
    return re.sub(r'"tcp:\d+[^"]*"', '"tcp:0:interface=127.0.0.1"', text)


def baseload(*words: str) -> "subprocess.Popen[str]":
    return subprocess.Popen(  # noqa: S603
        [sys.executable, "-m", "proxy.cli", *words],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        env={**os.environ, "PYTHONWARNINGS": ""},
    )


def ask(config: Path, *words: str) -> Any:
    """Return what the running proxy answers, None while it does not."""
    command = baseload(*words, "-c", str(config), "--json")
    said, _ = command.communicate(timeout=PATIENCE)
    return json.loads(said) if command.returncode == 0 else None


def until(holds: Any, within: float = 120.0) -> Any:
    deadline = time.monotonic() + within
    while time.monotonic() < deadline:
        if found := holds():
            return found
        time.sleep(0.1)
    raise AssertionError("it never was")


def orders_of(config: Path) -> list[list[Any]]:
    shown = ask(config, "power", "show", "hall-a")
    orders = shown[0]["orders"] if shown else []
    keys = ("source", "seq", "watts", "reason")
    return [["hall-a", *(order[key] for key in keys)] for order in orders]


@pytest.mark.integration
@pytest.mark.parametrize("name", CONFIGS)
def test_a_start_keeps_sums_and_orders(name: str, tmp_path: Path) -> None:
    state = copy_state(tmp_path)
    config = tmp_path / "configs" / name
    config.parent.mkdir()
    text = (VECTORS / "configs" / name).read_text("utf-8")
    config.write_text(with_hosts_of_here(text), "utf-8")
    proxy = baseload("run", "-c", str(config))
    try:
        status = until(lambda: ask(config, "status"))
        if "[sites.power]" in text:
            assert until(lambda: orders_of(config)) == [EXPECTED["order"]]
    finally:
        proxy.send_signal(signal.SIGTERM)
        proxy.communicate(timeout=PATIENCE)

    assert proxy.returncode == 0
    assert status["ledger"] == "ok"
    files = [path for path in state.rglob("*") if path.is_file()]
    assert {path.stat().st_mode & 0o777 for path in files} == {0o600}
    assert ledger_holds(state / "ledger.sqlite3") == ledger_expected()
