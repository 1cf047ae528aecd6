"""A whole proxy of one hall in a cluster, its pool, and its miners as a load."""

import json
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from proxy.admin.client import AdminError, call
from proxy.bench.figures import ShareFigures
from proxy.bench.shares import ShareSettings, measure_shares
from proxy.bench.target import Target
from tests.support import PATIENCE, free_port

BUDGET_W, FLOOR_W = 200_000, 60_000
MINERS = 10
PACE = 200.0
"""Shares a second: those of 600 machines at 20 a minute."""

CONFIG = """
[proxy]
name = "{name}"
instance = {instance}
state_dir = "{folder}/{name}"
admin = "unix:{folder}/{name}.sock"
[[pools]]
name = "main"
url = "stratum+tcp://127.0.0.1:{pool}"
user = "account"
[[sites]]
name = "{name}"
listen = ["tcp:{port}:interface=127.0.0.1"]
sources = ["main"]
[sites.difficulty]
start = 1e-9
minimum = 1e-9
maximum = 1e-9
shares_per_minute = 0
[sites.power]
budget_w = {budget}
fail_safe_w = {floor}
part_of = "plant"
floor_w = {floor}
{hall}
[[sites.fleet]]
workers = "*"
model = "Antminer S21"
hash_scale = 1e-8
[cluster]
url = "{url}"
ship = "shares"
{cluster}
[[cluster.sites]]
name = "plant"
budget_w = {site}
fail_safe_w = {floors}
{plant}
"""


class ProxyProcess:
    """`baseload run` of a hall; all is below `folder`."""

    def __init__(  # noqa: PLR0913
        self,
        folder: Path,
        name: str,
        url: str,
        pool: int,
        *,
        halls: int = 1,
        hall: str = "",
        cluster: str = "",
        plant: str = "",
    ) -> None:
        self.folder, self.name, self.port = folder, name, free_port()
        self.socket = folder / f"{name}.sock"
        self.config = folder / f"{name}.toml"
        self.config.write_text(
            CONFIG.format(
                name=name,
                instance=sum(name.encode()),
                folder=folder,
                pool=pool,
                port=self.port,
                budget=BUDGET_W,
                floor=FLOOR_W,
                url=url,
                site=halls * BUDGET_W,
                floors=halls * FLOOR_W,
                hall=hall,
                cluster=cluster,
                plant=plant,
            )
        )
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        with (self.folder / f"{self.name}.err").open("ab") as errors:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "proxy.cli", "run", "-c", str(self.config)],
                stdout=errors,
                stderr=errors,
            )

    def stop(self) -> None:
        if self.process is not None:
            self.process.send_signal(signal.SIGTERM)
            try:
                self.process.wait(30)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
            self.process = None

    def ask(self, method: str, **params: Any) -> Any:
        """Return an answer; None: it has none yet."""
        try:
            return call(self.socket, method, params)
        except (AdminError, OSError):
            return None

    @property
    def has_lapsed(self) -> bool:
        """The hall rules itself at its floor: no grant is left."""
        shown = self.ask("power.show")
        return bool(shown) and (
            shown[0]["budget_w"] == FLOOR_W and "fell silent" in json.dumps(shown)
        )

    @property
    def is_granted(self) -> bool:
        """What rules the hall is its grant."""
        return "grant" in json.dumps(self.ask("power.show") or [])

    def plant(self) -> dict[str, Any]:
        """Return the site as this proxy knows it, empty if it does not yet."""
        found = self.ask("cluster.status")
        return found[0] if found else {}

    def event_kinds(self) -> set[str]:
        page = self.ask("power.history", limit=500)
        return {event["kind"] for event in json.loads(json.dumps(page))["events"]}

    def shares(self, seconds: float) -> ShareFigures:
        """Put it under a load of shares, and hang up."""
        assert self.process is not None
        target = Target(self.name, "127.0.0.1", self.port, self.process.pid)
        return measure_shares(target, ShareSettings(MINERS, seconds, 4, PACE))


def until(what: str, is_so: Callable[[], bool], within: float = PATIENCE) -> float:
    """Wait until it is so; return how long that took."""
    began = time.monotonic()
    while time.monotonic() - began < within:
        if is_so():
            return time.monotonic() - began
        time.sleep(0.2)
    raise TimeoutError(what)


def start_pool() -> tuple[subprocess.Popen[bytes], int]:
    """Start a pool that says yes to every share; return it and its port."""
    port = free_port()
    words = ["--host", "127.0.0.1", "--port", str(port)]
    words += ["--difficulty", "1e9", "--every", "30"]
    pool = subprocess.Popen(
        [sys.executable, "-m", "proxy.bench.serve", *words], stdin=subprocess.PIPE
    )
    return pool, port


def end_pool(pool: subprocess.Popen[bytes]) -> None:
    if pool.stdin is not None:
        pool.stdin.close()
    pool.terminate()
    pool.wait(20)
