"""The halls of `baseload demo --halls`: how each is configured, and what it says."""

import os
import random
import signal
import subprocess
from itertools import chain
from pathlib import Path
from socket import socket
from typing import Any

from attrs import define, field, frozen

from proxy.admin.client import TIMEOUT, AdminError, call
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
AT_WORK = 0.75
"""Of a hall's machines: so many hash, and then the story begins."""

GLANCE = 1.0
"""Seconds: who does not answer by then is not there yet, and the screen goes on."""

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


def machines_of(hall: Hall) -> list[str]:
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


def _free_port() -> int:
    with socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port: int = listener.getsockname()[1]
        return port
