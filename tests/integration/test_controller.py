"""A whole proxy with its controller: killed, hung, restarted, and the cap kept."""

import json
import os
import signal
import socket
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from proxy.admin.client import AdminError, call
from proxy.power.journal.store import open_store
from tests.integration.test_kill import start
from tests.support import PATIENCE, free_port

pytestmark = pytest.mark.integration

MINERS = 8
"""S21: 28 kW of the 40 that the contract allows."""

CONFIG = """
[proxy]
observer = "unix:state/observer.sock"
[[pools]]
name = "main"
url = "stratum+tcp://127.0.0.1:{pool}"
user = "site"
[[sites]]
name = "hall-a"
listen = ["tcp:{port}:interface=127.0.0.1"]
sources = ["main"]
[sites.difficulty]
start = 1e-6
minimum = 1e-9
[sites.power]
budget_w = 40_000
fail_safe_w = 4_000
ramp_up_w_per_s = 1e6
[[sites.fleet]]
workers = "*"
model = "Antminer S21"
"""


class Miners:
    """Connections that authorise, and count the jobs they are given."""

    def __init__(self, port: int, count: int = MINERS) -> None:
        self.sockets = [self._connect(port, n) for n in range(count)]

    def _connect(self, port: int, number: int) -> socket.socket:
        link = socket.create_connection(("127.0.0.1", port), PATIENCE)
        for message in (
            {"id": 1, "method": "mining.subscribe", "params": ["test"]},
            {"id": 2, "method": "mining.authorize", "params": [f"rig.{number}", "x"]},
        ):
            link.sendall(json.dumps(message).encode() + b"\n")
        return link

    def close(self) -> None:
        for link in self.sockets:
            link.close()


class Proxy:
    """`baseload run` with a pool beside it."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.port, pool_port = free_port(), free_port()
        self.config = path / "c.toml"
        self.config.write_text(CONFIG.format(pool=pool_port, port=self.port))
        self.database = path / "state" / "controller.sqlite3"
        self._pool = start("tests.fakes.judging_pool", str(pool_port), "1e-8")
        self.process = self._run()

    def _run(self) -> subprocess.Popen[bytes]:
        return start("proxy.cli", "run", "-c", str(self.config))

    def restart(self) -> None:
        self.process.wait()
        self.process = self._run()

    def ask(self, method: str, socket_name: str = "admin", **params: Any) -> Any:
        return call(self.path / "state" / f"{socket_name}.sock", method, params)

    @property
    def site(self) -> dict[str, Any]:
        found: dict[str, Any] = self.ask("sites")[0]
        return found

    @property
    def controller(self) -> int | None:
        pid = self.process.pid
        with Path(f"/proc/{pid}/task/{pid}/children").open() as children:
            found = children.read().split()
        return int(found[0]) if found else None

    def events(self) -> list[tuple[float, str, dict[str, Any]]]:
        db = sqlite3.connect(self.database)
        rows = db.execute("SELECT at, kind, body FROM event ORDER BY id").fetchall()
        db.close()
        return [(at, kind, json.loads(body)) for at, kind, body in rows]

    def close(self) -> None:
        for process in (self.process, self._pool):
            process.send_signal(signal.SIGTERM)
            process.wait(PATIENCE)


def until(what: Callable[[], Any], seconds: float = PATIENCE) -> Any:
    """Return what `what` returns once it is true."""
    deadline = time.monotonic() + seconds
    while True:
        try:
            if found := what():
                return found
        except (AdminError, OSError):
            pass
        assert time.monotonic() < deadline, "it did not come about in time"
        time.sleep(0.05)


@pytest.fixture
def proxy(tmp_path: Path) -> Iterator[Proxy]:
    running = Proxy(tmp_path)
    yield running
    running.close()


@pytest.fixture
def miners(proxy: Proxy) -> Iterator[Miners]:
    until(lambda: proxy.site["state"] == "normal")
    connected = Miners(proxy.port)
    until(lambda: proxy.site["miners"] == counts(parked=0))
    yield connected
    connected.close()


def counts(parked: int) -> dict[str, int]:
    return {"connected": MINERS, "active": 0, "parked": parked}


def parked(proxy: Proxy) -> int:
    return int(proxy.site["miners"]["parked"])


def is_gone(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return True
    return False


def test_an_order_parks_at_once_and_is_seen_everywhere(
    proxy: Proxy, miners: Miners
) -> None:
    given = proxy.ask("power.set", site="hall-a", watts=14_000.0, reason="dispatch")
    until(lambda: parked(proxy) >= 4)
    until(lambda: proxy.site["budget_w"] == 14_000.0)  # told once a second

    assert given["budget_w"] == 14_000.0
    assert proxy.site["power_source"] == "model"
    shown = proxy.ask("power.show", "observer", site="hall-a")[0]
    assert shown["ruled_by"] == "order 1 of operator: dispatch"
    ordered = next(at for at, kind, _ in proxy.events() if kind == "order")
    downs = [
        at for at, kind, b in proxy.events() if kind == "command" and not b["level"]
    ]
    assert min(downs) >= ordered
    with pytest.raises(AdminError, match="only reads"):
        proxy.ask("power.set", "observer", site="hall-a", watts=1.0)


def test_a_dry_run_changes_nothing(proxy: Proxy, miners: Miners) -> None:
    plan = proxy.ask("power.plan", site="hall-a", watts=14_000.0)

    assert len(plan["steps"]) >= 4
    assert plan["hash_hs"] == -2e14 * len(plan["steps"])
    assert parked(proxy) == 0


def test_a_controller_killed_on_the_ramp_is_back_with_its_orders(
    proxy: Proxy, miners: Miners
) -> None:
    before = proxy.controller
    assert before is not None
    proxy.ask("power.set", site="hall-a", watts=14_000.0, for_s=3600.0)
    os.kill(before, signal.SIGKILL)

    until(lambda: proxy.controller not in {None, before})
    until(lambda: parked(proxy) >= 4)

    shown = until(lambda: proxy.ask("power.show", site="hall-a"))[0]
    assert shown["budget_w"] == 14_000.0
    assert [order["watts"] for order in shown["orders"]] == [14_000.0]
    granted_w = 3_500.0 * (MINERS - parked(proxy))
    assert granted_w <= 14_000.0
    history = proxy.ask("power.history", check=True)
    assert (history["is_checked"], history["broken_at"]) == (True, None)


def test_a_share_process_killed_on_the_ramp_comes_back_within_the_cap(
    proxy: Proxy, miners: Miners
) -> None:
    orphan = proxy.controller
    assert orphan is not None
    proxy.ask("power.set", site="hall-a", watts=14_000.0)
    proxy.process.kill()
    miners.close()
    until(lambda: is_gone(orphan))

    proxy.restart()
    until(lambda: proxy.site["state"] == "normal")
    again = Miners(proxy.port)
    until(lambda: proxy.site["miners"]["connected"] == MINERS)
    until(lambda: MINERS - parked(proxy) > 0)
    for _ in range(40):
        assert 3_500.0 * (MINERS - parked(proxy)) <= 14_000.0
        time.sleep(0.05)
    again.close()


def test_a_controller_that_hangs_is_replaced(proxy: Proxy, miners: Miners) -> None:
    before = proxy.controller
    assert before is not None

    os.kill(before, signal.SIGSTOP)

    until(lambda: proxy.controller not in {None, before})
    until(lambda: proxy.site["state"] == "normal")
    assert parked(proxy) == 0, "the machines went on as they were told last"


def test_any_edit_of_the_log_is_detected(proxy: Proxy, miners: Miners) -> None:
    proxy.close()
    store = open_store(proxy.database)
    whole = store.first_broken()
    store.close()

    db = sqlite3.connect(proxy.database)
    db.execute("UPDATE event SET cause = 'something else' WHERE id = 5")
    db.commit()
    db.close()

    store = open_store(proxy.database)
    assert (whole, store.first_broken()) == (None, 5)
    store.close()


def test_nothing_is_left_running_when_the_proxy_stops(
    proxy: Proxy, miners: Miners
) -> None:
    child = proxy.controller
    assert child is not None

    proxy.process.send_signal(signal.SIGTERM)
    assert proxy.process.wait(PATIENCE) in {0, -signal.SIGTERM}

    assert is_gone(child)


def test_a_machine_that_nobody_knows_stops_the_start(tmp_path: Path) -> None:
    config = tmp_path / "c.toml"
    text = CONFIG.format(pool=1, port=2).replace("Antminer S21", "Antminer S99")
    config.write_text(text)

    done = subprocess.run(  # noqa: S603
        [sys.executable, "-m", "proxy.cli", "run", "-c", str(config)],
        capture_output=True,
        check=False,
        text=True,
    )

    assert done.returncode == 1
    assert "no model 'Antminer S99'" in done.stderr
    assert "$.sites[0].fleet[0].model" in done.stderr
