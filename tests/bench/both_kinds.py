"""Run miners of both versions of Stratum on one site, and hold them to one budget.

The proxy, its controller and the pool have processes of their own; the miners hash in
this one. Prints one JSON object: for each protocol how many miners are shown, what
vardiff gave them, and how many a budget cut in half leaves parked.

    python -m tests.bench.both_kinds --miners 1000 --seconds 120
"""

import argparse
import json
import os
import statistics
import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from subprocess import Popen
from tempfile import TemporaryDirectory
from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.task import react
from twisted.internet.threads import deferToThread

from protocol.noise.authority import AuthorityKey
from protocol.units import UnixTime
from proxy.admin.client import AdminError, call
from proxy.admin.miner_pages import PAGE
from proxy.downstream.sv2_keys import KEY_FILE, make_authority
from proxy.sim.command import FleetOptions, build_fleet
from proxy.sim.nonce_search import S21_HASHRATE
from tests.fakes.sv2_rig import Sv2Rigs
from tests.support import free_port

WATTS = 3500
HASHES_PER_SECOND = 100
BEAT = 0.5  # seconds between two turns of hashing
SHARES_PER_MINUTE = 18
CONNECTS_PER_SECOND = 100
KINDS = ("standard", "extended")
MARGIN = 1.3  # for what the site draws beside its machines
PATIENCE = 120.0

CONFIG = """
[proxy]
state_dir = "{folder}"
admin = "unix:{folder}/admin.sock"
engine = "{engine}"
[[pools]]
name = "main"
url = "stratum+tcp://127.0.0.1:{pool}"
user = "site"
[[sites]]
name = "hall-a"
sources = ["main"]
[[sites.listeners]]
endpoint = "tcp:{port}:interface=127.0.0.1"
protocol = "auto"
[sites.difficulty]
start = {start}
minimum = 1e-9
shares_per_minute = {pace}
[sites.power]
budget_w = {budget}
fail_safe_w = {watts}
ramp_up_w_per_s = 1e9
unknown_w = {watts}
"""


class Miners:
    """As many of either version; of the newer one, both kinds of channels."""

    def __init__(self, reactor: Any, key: AuthorityKey, port: int, count: int) -> None:
        self._reactor, self._port, self._count = reactor, port, count
        options = FleetOptions(
            urls=(f"stratum+tcp://127.0.0.1:{port}",),
            miners=count,
            hash_scale=HASHES_PER_SECOND / S21_HASHRATE,
        )
        self.fleet: Any = build_fleet(reactor, options)
        self.rigs = [Sv2Rigs(reactor, key, (kind,)) for kind in KINDS]
        for rigs in self.rigs:
            rigs.now = UnixTime(datetime.now(UTC).timestamp())
            rigs.beat, rigs.tries = BEAT, int(HASHES_PER_SECOND * BEAT)

    def start(self) -> None:
        self.fleet.startService()
        for number in range(self._count):
            rigs = self.rigs[number % len(self.rigs)]
            delay = number / CONNECTS_PER_SECOND
            self._reactor.callLater(delay, rigs.connect, self._port, 1)

    def stop(self) -> None:
        self.fleet.stopService()
        for rigs in self.rigs:
            rigs.stop()

    def breaches(self) -> list[str]:
        """Return what the miners were told that the protocol does not allow."""
        found = [why for rigs in self.rigs for why in rigs.breaches]
        return sorted({*found, *self.fleet.stats().breaches})


class Story:
    """What happens to the site, told by its admin socket; runs in a thread."""

    def __init__(self, folder: Path, count: int, seconds: float) -> None:
        self._socket = folder / "admin.sock"
        self._count, self._seconds = count, seconds

    def run(self, proxy: int, start: Callable[[], None]) -> dict[str, Any]:
        self._until(lambda: self._site()["state"] == "normal")
        start()
        self._until(self._all_work)
        time.sleep(self._seconds / 2)  # vardiff settles
        before, cpu = self._miners(), _cpu_seconds(proxy)
        time.sleep(self._seconds / 2)
        busy = (_cpu_seconds(proxy) - cpu) / (self._seconds / 2)
        at_work = self._by_protocol(before, self._miners())
        return {"miners": at_work, "cpu": round(busy, 3), **self._half()}

    def _half(self) -> dict[str, Any]:
        half = self._count * WATTS
        order = {"site": "hall-a", "watts": half, "reason": "half"}
        self._ask("power.set", **order)
        self._until(lambda: self._site()["miners"]["parked"] >= self._count)
        parked = [m["protocol"] for m in self._miners() if m["state"] == "parked"]
        site = self._site()
        return {
            "parked": {name: parked.count(name) for name in sorted(set(parked))},
            "order_w": half,
            "granted_w": (site["miners"]["connected"] - len(parked)) * WATTS,
            "rejected": site["shares"]["rejected"],
            "lost": site["shares"]["lost"],
        }

    def _by_protocol(self, before: list[Any], after: list[Any]) -> dict[str, Any]:
        accepted = {m["id"]: m["accepted"] for m in before}
        minutes = self._seconds / 2 / 60.0
        found = {}
        for name in sorted({m["protocol"] for m in after}):
            mine = [m for m in after if m["protocol"] == name]
            shares = sum(m["accepted"] - accepted.get(m["id"], 0) for m in mine)
            found[name] = {
                "shown": len(mine),
                "difficulty": statistics.median(m["difficulty"] for m in mine),
                "shares_per_minute": round(shares / len(mine) / minutes, 1),
                "rejected": sum(sum(m["rejected"].values()) for m in mine),
            }
        return found

    def _all_work(self) -> bool:
        miners = self._site()["miners"]
        is_full: bool = miners["connected"] == 2 * self._count
        return is_full and not miners["parked"]

    def _miners(self) -> list[Any]:
        found: list[Any] = []
        while page := self._ask("miners", page=len(found) // PAGE):
            found += page
            if len(page) < PAGE:
                break
        return found

    def _site(self) -> Any:
        return self._ask("sites")[0]

    def _ask(self, method: str, **params: Any) -> Any:
        return call(self._socket, method, params)

    def _until(self, holds: Callable[[], bool]) -> None:
        end = time.perf_counter() + PATIENCE
        while time.perf_counter() < end:
            try:
                if holds():
                    return
            except (AdminError, OSError):
                pass  # not up yet
            time.sleep(0.2)
        raise SystemExit(f"not in {PATIENCE:g} s: {self._site()}")


def _cpu_seconds(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def _run(*command: str) -> Popen[bytes]:
    return Popen([sys.executable, "-m", *command])  # noqa: S603


async def _main(reactor: Any, asked: argparse.Namespace) -> None:
    with TemporaryDirectory() as name:
        folder, port, pool_port = Path(name), free_port(), free_port()
        secret = make_authority(folder / KEY_FILE, os.urandom)
        text = CONFIG.format(
            folder=folder,
            engine=asked.engine,
            pool=pool_port,
            port=port,
            start=asked.start,
            pace=SHARES_PER_MINUTE,
            watts=WATTS,
            budget=2 * asked.miners * WATTS * MARGIN,
        )
        (folder / "c.toml").write_text(text)
        pool = _run("tests.fakes.judging_pool", str(pool_port), "1e-6")
        proxy = _run("proxy.cli", "run", "-c", str(folder / "c.toml"))
        miners = Miners(reactor, secret.key, port, asked.miners)
        story = Story(folder, asked.miners, asked.seconds)
        try:
            found = await deferToThread(
                story.run, proxy.pid, lambda: reactor.callFromThread(miners.start)
            )
            found["breaches"] = miners.breaches()
        finally:
            miners.stop()
            for process in (proxy, pool):
                process.terminate()
                process.wait(20)
        sys.stdout.write(json.dumps(found) + "\n")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--miners", type=int, default=1000, help="of each version")
    parser.add_argument("--seconds", type=float, default=120.0)
    parser.add_argument("--start", type=float, default=3e-8, help="difficulty")
    parser.add_argument("--engine", default="auto")
    asked = parser.parse_args()
    react(lambda reactor: Deferred.fromCoroutine(_main(reactor, asked)))


if __name__ == "__main__":
    main()
