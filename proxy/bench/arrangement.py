"""What a run needs around the load: the servers as processes, each on its core."""

import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Literal

import msgspec
from attrs import frozen

from proxy.bench.native.generator import Load
from proxy.bench.target import BenchError, Target

HOST = "127.0.0.1"
POOL_DIFFICULTY = 1e9
SHARE_DIFFICULTY = 1e-9
"""About four hashes a share."""

START_LIMIT_S = 30.0
STOP_LIMIT_S = 20.0
LOOK_EVERY_S = 0.1

CONFIG = """\
[proxy]
name = "bench"
state_dir = "state"
admin = "unix:admin.sock"
engine = "{engine}"
log_level = "warn"
{web}
[proxy.ledger]
max_bytes = 2_000_000_000
[[pools]]
name = "pool"
url = "stratum+tcp://{pool}"
user = "bench"
[[sites]]
name = "bench"
listen = ["tcp:{port}:interface=127.0.0.1"]
sources = ["pool"]
[sites.difficulty]
start = {difficulty}
minimum = {difficulty}
maximum = {maximum}
shares_per_minute = {shares_per_minute}
"""

Engine = Literal["auto", "native", "python"]


@frozen
class Cores:
    """Processors: the server under load has one, all else another, if there is one."""

    server: int
    load: int

    @property
    def are_apart(self) -> bool:
        """Tell whether the load leaves the server's processor alone."""
        return self.server != self.load


def choose_cores() -> Cores:
    """Return the first two processors that we may use."""
    allowed = sorted(os.sched_getaffinity(0))
    return Cores(allowed[0], allowed[1 % len(allowed)])


@frozen
class Setting:
    """How the servers are set up.

    Attributes:
        job_every_s: Between two jobs of the pool, and of the baseline.
        block_every: Jobs from one new block to the next; 0: there is but one.
        shares_per_minute: 0: the difficulty is fixed.
        web: Endpoint of the proxy's pages; empty: it has none.
    """

    engine: Engine
    job_every_s: float = 1.0
    block_every: int = 0
    shares_per_minute: float = 0.0
    maximum: float = 1e12
    web: str = ""


@contextmanager
def on_core(core: int) -> Iterator[None]:
    """Run on `core` alone, and start processes there."""
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {core})
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


@contextmanager
def running_baseline(
    core: int, difficulty: float, setting: Setting
) -> Iterator[Target]:
    """Run a bare server; with a difficulty out of reach it is a pool."""
    words = ["--difficulty", repr(difficulty), "--every", repr(setting.job_every_s)]
    words += ["--block-every", str(setting.block_every)]
    command = [sys.executable, "-m", "proxy.bench.serve", *words]
    with on_core(core):
        process = subprocess.Popen(  # noqa: S603
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            start_new_session=True,
        )
    with _ended(process):
        said = process.stdout.readline() if process.stdout is not None else b""
        if not said:
            raise BenchError("the bare server did not start")
        port = msgspec.json.decode(said)["port"]
        yield Target("baseline", HOST, port, process.pid)


@contextmanager
def running_proxy(
    core: int, folder: Path, pool: Target, setting: Setting
) -> Iterator[Target]:
    """Run `baseload run` in `folder`, until it has work for miners.

    Raises:
        BenchError: It did not start; its last words.
    """
    path, port = folder / "bench.toml", _free_port()
    path.write_text(
        CONFIG.format(
            engine=setting.engine,
            pool=f"{pool.address}:{pool.port}",
            port=port,
            difficulty=SHARE_DIFFICULTY,
            maximum=setting.maximum,
            shares_per_minute=setting.shares_per_minute,
            web=f'web = "{setting.web}"' if setting.web else "",
        )
    )
    command = [sys.executable, "-m", "proxy.cli", "run", "-c", str(path)]
    log = folder / "log"
    with on_core(core), log.open("wb") as errors:
        process = subprocess.Popen(  # noqa: S603
            command, stderr=errors, start_new_session=True
        )
    with _ended(process):
        target = Target("baseload", HOST, port, process.pid)
        await_jobs(target, process, log)
        yield target


def await_jobs(
    target: Target,
    process: subprocess.Popen[bytes] | None = None,
    log: Path | None = None,
) -> None:
    """Return when a miner of `target` gets a job.

    Args:
        target: Where it is one that the user started, it has to be there by now.
        process: Of `target`, just started by us.
        log: What it has to say of itself.

    Raises:
        BenchError: None does, or the process ended.
    """
    end = time.perf_counter() + START_LIMIT_S
    why = ""
    while time.perf_counter() < end:
        if process is not None and process.poll() is not None:
            raise BenchError(f"{target.name} did not start: {_last_line(log)}")
        probe = Load(target.address, target.port, 1)
        probe.open(1)
        probe.run_until_work(LOOK_EVERY_S * 10)
        totals = probe.totals()
        if totals.working:
            return
        why = totals.why_failed or "no job came"
        if process is None and totals.why_failed:
            break
        time.sleep(LOOK_EVERY_S)
    raise BenchError(f"{target.name} at {target.address}:{target.port}: {why}")


@contextmanager
def _ended(process: subprocess.Popen[bytes]) -> Iterator[None]:
    """End a process when the block does."""
    try:
        yield
    finally:
        process.terminate()
        for stream in (process.stdin, process.stdout):
            if stream is not None:
                stream.close()
        try:
            process.wait(STOP_LIMIT_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _last_line(log: Path | None) -> str:
    lines: Sequence[str] = [] if log is None else log.read_text().splitlines()
    return lines[-1] if lines else "it said nothing"


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        return int(probe.getsockname()[1])
