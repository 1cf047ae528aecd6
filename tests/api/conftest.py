"""A real proxy for those who ask its API: a pool, machines that hash, a budget."""

import json
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any
from urllib.error import URLError
from urllib.request import Request, urlopen

import pytest
from attrs import frozen

from tests.support import PATIENCE, free_ports

TOKEN = "0123456789abcdef0123456789abcdef"  # noqa: S105  (a test's)

CONFIG = """
[proxy]
state_dir = "state"
[proxy.web]
listen = "tcp:{web}:interface=127.0.0.1"
token = {{file = "token"}}
worker_metrics = true
[[pools]]
name = "pool-a"
url = "stratum+tcp://127.0.0.1:{pool}"
user = "site"
[[sites]]
name = "hall-a"
listen = ["tcp:{miners}:interface=127.0.0.1"]
sources = ["pool-a"]
[sites.difficulty]
start = 1e-6
minimum = 1e-9
[sites.power]
budget_w = 20000
fail_safe_w = 2000
[[sites.fleet]]
workers = "rack-a.*"
model = "Antminer S21"
tenant = "acme"
"""


@frozen
class Target:
    """Where the proxy is asked, and a folder of its own."""

    url: str
    folder: Path

    def ask(self, path: str) -> Any:
        """Return what is at a path, JSON."""
        wanted = Request(self.url + path, headers={"accept": "application/json"})  # noqa: S310
        with urlopen(wanted, timeout=PATIENCE) as reply:  # noqa: S310  (ours)
            return json.load(reply)

    def is_at_work(self) -> bool:
        """Return whether machines hash, and history has begun."""
        try:
            self.ask("/api/v1/sites/hall-a/history")
            self.ask("/api/v1/pools/pool-a/history")
            self.ask("/api/v1/miners/rack-a.0001/history")
            return bool(self.ask("/api/v1/pools")[0]["accepted"])
        except (URLError, OSError):
            return False


@pytest.fixture(scope="session")
def target(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Target]:
    folder = tmp_path_factory.mktemp("api")
    pool, miners, web = free_ports(3)
    config = folder / "c.toml"
    config.write_text(CONFIG.format(pool=pool, miners=miners, web=web))
    (folder / "token").write_text(TOKEN)
    (folder / "token").chmod(0o600)
    (folder / "state").mkdir()
    found = Target(f"http://127.0.0.1:{web}", folder)
    url = f"stratum+tcp://127.0.0.1:{miners}"
    fleet = (
        "--url",
        url,
        "--miners",
        "5",
        "--worker",
        "rack-a",
        "--hash-scale",
        "1e-10",
    )
    with ExitStack() as stack:
        for module, *arguments in (
            ("tests.fakes.judging_pool", str(pool), "1e-6"),
            ("proxy.cli", "run", "-c", str(config)),
            ("proxy.cli", "sim", "fleet", *fleet),
        ):
            stack.enter_context(_running(module, *arguments))
        wait_for(found.is_at_work)
        yield found


@pytest.fixture(scope="session")
def schemathesis() -> str:
    program = shutil.which("schemathesis", path=str(Path(sys.executable).parent))
    if program is None:
        pytest.skip("no schemathesis: pip install 'baseload[api]'")
    return program


def wait_for(is_so: Callable[[], bool]) -> None:
    """Wait until it is so."""
    deadline = time.monotonic() + PATIENCE
    while not is_so():
        assert time.monotonic() < deadline
        time.sleep(0.2)


class _running:  # noqa: N801  (a context)
    def __init__(self, module: str, *arguments: str) -> None:
        self._command = [sys.executable, "-m", module, *arguments]

    def __enter__(self) -> None:
        self._process = subprocess.Popen(  # noqa: S603
            self._command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )

    def __exit__(self, *_: object) -> None:
        self._process.terminate()
        self._process.wait()
