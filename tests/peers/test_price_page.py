"""A whole proxy that follows the prices of a page, and of a node and a bitcoin's price.

The publisher is a process of its own; its documents are synthetic.
"""

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from tests.peers.bad_line import BadLine
from tests.peers.site_process import BUDGET, SiteProcess, until
from tests.support import PATIENCE, free_port

pytestmark = pytest.mark.integration

SIGNAL = """
kind = "price"
format = "csv"
source = "http://127.0.0.1:{port}/prices"
units = "MWh"
currency = "EUR"
hashprice = 45.0
poll_s = 10
min_on_s = 0
min_off_s = 0
[[sites.fleet]]
workers = "old.*"
model = "Antminer S19"
[[sites.fleet]]
workers = "new.*"
model = "Antminer S21"
"""
CHEAP, DEAR, ABSURD = 30.0, 70.0, 1000.0
"""S19 breaks even at 55, S21 at 107."""


def miner(port: int, worker: str) -> None:
    """Be a machine that is there and does nothing."""
    with (
        contextlib.suppress(OSError),
        socket.create_connection(("127.0.0.1", port)) as one,
    ):
        for number, (method, said) in enumerate(
            (("mining.subscribe", ["test"]), ("mining.authorize", [worker, "x"])), 1
        ):
            call = {"id": number, "method": method, "params": said}
            one.sendall(json.dumps(call).encode() + b"\n")
        while one.recv(65_536):
            pass


class Setting:
    """A site with two machines of each model, and who publishes its prices."""

    def __init__(self, path: Path) -> None:
        self.file = path / "page"
        self.publish(CHEAP)
        self.port = free_port()
        self.start()
        self.line = BadLine(self.port)
        self.site = SiteProcess(path, SIGNAL.format(port=self.line.port))
        until(lambda: self.site.watts is not None)
        for worker in ("old.1", "old.2", "new.1", "new.2"):
            told = (self.site.port, worker)
            threading.Thread(target=miner, args=told, daemon=True).start()
        until(lambda: self.site.watts == BUDGET)

    def start(self) -> None:
        script = str(Path(__file__).with_name("price_page.py"))
        command = [sys.executable, script, str(self.port), str(self.file)]
        self.process = subprocess.Popen(command, stderr=subprocess.DEVNULL)  # noqa: S603

    def publish(self, *prices: float, begins: float | None = None) -> None:
        """Say an hour each, the first from the hour that is now."""
        first = time.time() // 3600 * 3600 if begins is None else begins
        rows = [
            f"{datetime.fromtimestamp(first + n * 3600, UTC).isoformat()},{price}"
            for n, price in enumerate(prices)
        ]
        self.say("\n".join(["start,price", *rows, ""]).encode())

    def say(self, data: bytes) -> None:
        new = self.file.with_suffix(".new")
        new.write_bytes(data)
        new.rename(self.file)

    def close(self) -> None:
        self.site.close()
        self.line.close()
        self.process.send_signal(signal.SIGCONT)
        self.process.kill()
        self.process.wait(PATIENCE)


@pytest.fixture(scope="module")
def setting(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Setting]:
    setting = Setting(tmp_path_factory.mktemp("price"))
    yield setting
    setting.close()


def dear(setting: Setting) -> float:
    """Return what the site may draw while S19 costs more than it earns."""
    setting.publish(DEAR, DEAR, DEAR)
    until(lambda: "at rest: Antminer S19" in setting.site.shown["ruled_by"])
    watts = setting.site.watts
    assert watts is not None
    assert watts < BUDGET
    return watts


FAULTS = ["frozen", "killed", "cut", "slow"]


@pytest.mark.parametrize("fault", FAULTS)
def test_a_publisher_that_is_gone_raises_nothing(setting: Setting, fault: str) -> None:
    watts = dear(setting)
    if fault == "frozen":
        setting.process.send_signal(signal.SIGSTOP)
    elif fault == "killed":
        setting.process.kill()
        setting.process.wait(PATIENCE)
    else:
        setting.line.is_cut, setting.line.is_slow = fault == "cut", fault == "slow"
    setting.publish(CHEAP, CHEAP, CHEAP)

    end = time.monotonic() + 35.0  # a poll and the deadline of its answer
    while time.monotonic() < end:
        assert setting.site.watts == watts
        time.sleep(0.1)

    # Once a minute, where the one before it failed alike.
    told = [
        e for e in json.loads(setting.site.events())["events"] if e["kind"] == "refused"
    ]
    assert any(
        "cannot be read" in one["cause"] and time.time() - one["at"] < 120.0
        for one in told
    )
    setting.line.is_cut = setting.line.is_slow = False
    if fault == "frozen":
        os.kill(setting.process.pid, signal.SIGCONT)
    elif fault == "killed":
        setting.start()
    until(lambda: setting.site.watts == BUDGET)


def test_a_publisher_that_lies_raises_nothing(setting: Setting) -> None:
    watts = dear(setting)
    hour = time.time() // 3600 * 3600
    lies = [
        b"<html>garbage",
        b"start,price\n2026-11-30T00:00Z,nan\n",
        b"start,price\n2026-11-30T00:00Z,-1e12\n",
        b"start,price\n" * 200_000,
    ]
    for lie in lies:
        setting.say(lie)
        time.sleep(11.0)
        assert setting.site.watts == watts
    # Yesterday's page again, and one that stops an hour ago.
    for begins in (hour - 86_400, hour - 3600):
        setting.publish(CHEAP, begins=begins)
        time.sleep(11.0)
        assert setting.site.watts == watts
    assert setting.site.events().count('"refused"') >= len(lies)
    setting.publish(CHEAP)
    until(lambda: setting.site.watts == BUDGET)
