# ruff: noqa: TID251  (it measures in real time)
"""A whole plant in real time: what an order costs in seconds, and what it brings.

A regtest node, `baseload run` with its controller, and `baseload sim plant`: each a
process. Orders go in at the admin socket; what the site draws comes from the
simulator, so that the meter's and the controller's errors count.

    python -m tests.bench.plant_in_real_time --machines 1000
"""

import json
import math
import os
import subprocess
import sys
import threading
import time
from argparse import ArgumentParser
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
from attrs import define, field, frozen
from typing_extensions import override

from proxy.admin.client import AdminError, call
from proxy.power.fleet import Floats
from proxy.sim.hashing import DEFAULT_HASH_SCALE
from tests.support import free_port

SITE = "hall-a"
PAYOUT = "bcrt1qw508d6qejxtdg4y5r3zarvary0c5xw7kygt080"
KINDS = (
    ("Antminer S19j Pro", 3),
    ("Antminer S21", 3),
    ("Whatsminer M50S", 2),
    ("Antminer S19 Pro", 2),
)
HASH_SCALE = DEFAULT_HASH_SCALE / 10  # a thousand machines on part of a core
FULL_W = 3600.0
"""More than what a machine of these kinds draws with what cools it, on the mean."""


@frozen
class Setting:
    """What a run is made of.

    Attributes:
        with_api: Kinds whose device API is used; the others are only parked.
        sim: More options of `baseload sim plant`.
    """

    machines: int
    with_api: tuple[str, ...] = tuple(name for name, _ in KINDS)
    ramp_up: float = math.inf
    first_address: str = "127.61.0.1"
    sim: tuple[str, ...] = ()

    @property
    def envelope_w(self) -> float:
        """The contract of the site."""
        return FULL_W * self.machines


@define(eq=False)
class Watch:
    """Reads what the simulator says of itself, second by second."""

    process: subprocess.Popen[str]
    rows: list[tuple[float, dict[str, Any]]] = field(factory=list)

    def __attrs_post_init__(self) -> None:
        threading.Thread(target=self._read, daemon=True).start()

    def since(self, moment: float) -> list[tuple[float, dict[str, Any]]]:
        """Return what was said since `moment`, with seconds from it."""
        return [(at - moment, row) for at, row in self.rows if at >= moment]

    def _read(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self.rows.append((time.monotonic(), json.loads(line)))


@frozen
class Step:
    """What became of an order: seconds and parts of its budget."""

    watts: float
    reached_s: float | None
    worst_minute: float
    worst_second: float
    settled_use: float
    state: str

    @override
    def __str__(self) -> str:
        reached = "never" if self.reached_s is None else f"{self.reached_s:.0f} s"
        return (
            f"{self.watts / 1e6:7.3f} MW: within after {reached}; worst minute from "
            f"20 s on {self.worst_minute:.4f}, worst second {self.worst_second:.4f}; "
            f"the last minute used {self.settled_use:.4f}; {self.state}"
        )


@define(eq=False)
class Hall:
    """A site that runs, and whoever orders it about."""

    socket: Path
    watch: Watch

    def order(self, watts: float) -> float:
        """Order a budget; return when."""
        at = time.monotonic()
        params = {"site": SITE, "watts": watts, "for_s": None, "reason": ""}
        call(self.socket, "power.set", params)
        return at

    def step(self, watts: float, seconds: float, grace: float = 20.0) -> Step:
        """Order a budget, live with it, and say what came of it."""
        began = self.order(watts)
        time.sleep(seconds)
        rows = self.watch.since(began)
        drawn = np.array([row["power_w"] for _, row in rows])
        late = np.array([row["power_w"] for at, row in rows if at >= grace])
        return Step(
            watts,
            _reached([at for at, _ in rows], drawn, watts),
            _worst_minute(late) / watts,
            float(late.max()) / watts,
            float(drawn[-60:].mean()) / watts,
            self.state,
        )

    @property
    def state(self) -> str:
        """The site's safety state."""
        return str(call(self.socket, "status", {})["sites"][0]["state"])

    def events(self, since: float) -> list[dict[str, Any]]:
        """Return what the controller wrote down since the Unix time, oldest first."""
        found: list[dict[str, Any]] = []
        before = None
        while True:
            params = {"site": SITE, "limit": 1000, "before": before}
            page = call(self.socket, "power.history", params)["events"]
            found += [event for event in page if event["at"] >= since]
            if not page or page[-1]["at"] < since:
                return found[::-1]
            before = page[-1]["id"]


def _reached(at: Sequence[float], drawn: Floats, watts: float) -> float | None:
    """Return from when on ten readings in a row are within the budget."""
    for n in range(len(drawn)):
        if (drawn[n : n + 10] <= watts).all():
            return at[n]
    return None


def _worst_minute(drawn: Floats) -> float:
    if len(drawn) <= 60:
        return float(drawn.mean())
    return float(np.convolve(drawn, np.ones(60) / 60, "valid").max())


@contextmanager
def running(folder: Path, setting: Setting) -> Iterator[Hall]:
    """Run a site, from a cold start until it may be ordered about."""
    port, meter = free_port(), free_port()
    with _started("regtest", *_node_options()) as node:
        assert node.stdout is not None
        ready = json.loads(node.stdout.readline())
        path = folder / "baseload.toml"
        path.write_text(_config(setting, ready, port, meter))
        with (
            _started("run", "-c", str(path), log=folder / "run.log"),
            _started("sim", "plant", *_plant_options(setting, port, meter)) as plant,
        ):
            hall = Hall(folder / "admin.sock", Watch(plant))
            _until(lambda: bool(hall.watch.rows) and _has_all(hall, setting), 60)
            yield hall


def _has_all(hall: Hall, setting: Setting) -> bool:
    try:
        site = call(hall.socket, "status", {})["sites"][0]
    except AdminError:
        return False
    connected: int = site["miners"]["connected"]
    return connected == setting.machines and site["state"] == "normal"


def _until(is_so: Any, seconds: float) -> None:
    end = time.monotonic() + seconds
    while not is_so():
        if time.monotonic() > end:
            raise TimeoutError("the plant did not start")
        time.sleep(0.2)


@contextmanager
def _started(*words: str, log: Path | None = None) -> Iterator[subprocess.Popen[str]]:
    command = [sys.executable, "-m", "proxy.cli", *words]
    with (
        Path(os.devnull if log is None else log).open("w") as errors,
        subprocess.Popen(  # noqa: S603
            command, stdout=subprocess.PIPE, stderr=errors, text=True
        ) as process,
    ):
        try:
            yield process
        finally:
            process.terminate()
            process.wait(30)


def _node_options() -> tuple[str, ...]:
    ports = ("--rpc-port", "0", "--zmq-port", "0")
    return (*ports, "--block-every", "30", "--json")


def _plant_options(setting: Setting, port: int, meter: int) -> list[str]:
    kinds = [f"--kind={name}={share}" for name, share in KINDS]
    return [
        *kinds,
        *("--machines", str(setting.machines)),
        *("--url", f"stratum+tcp://127.0.0.1:{port}"),
        *("--first-address", setting.first_address),
        *("--meter", f"127.0.0.1:{meter}", "--hash-scale", repr(HASH_SCALE)),
        *("--every", "1", "--json", "--seed", "7"),
        *setting.sim,
    ]


def _config(setting: Setting, node: dict[str, Any], port: int, meter: int) -> str:
    ramp = min(setting.ramp_up, 1e9)
    site = f"""
[proxy]
state_dir = "state"
admin = "unix:admin.sock"
[[nodes]]
name = "core"
rpc = "{node["rpc"]}"
cookie_file = "{node["cookie_file"]}"
zmq_hashblock = "{node["zmq_hashblock"]}"
payout_address = "{PAYOUT}"
network = "regtest"
[[sites]]
name = "{SITE}"
listen = ["tcp:{port}"]
sources = ["core"]
[sites.difficulty]
start = 1e-7
minimum = 1e-9
shares_per_minute = 6
[sites.power]
budget_w = {setting.envelope_w}
fail_safe_w = {0.1 * setting.envelope_w}
ramp_up_w_per_s = {ramp}
meter = "modbus://127.0.0.1:{meter}/1"
own_pools = ["127.0.0.1:{port}"]
"""
    rows = [
        f"""
[[sites.fleet]]
workers = "rack-a-{n}.*"
model = "{name}"
control = "{"pyasic" if name in setting.with_api else "stratum"}"
hash_scale = {HASH_SCALE!r}
"""
        for n, (name, _) in enumerate(KINDS, 1)
    ]
    return site + "".join(rows)


def first_and_last(hall: Hall, ordered: float) -> tuple[float, float, int]:
    """Return seconds from an order until its first command and its last answer."""
    events = hall.events(ordered)
    order = next(e["at"] for e in events if e["kind"] == "order")
    commands = [e["at"] - order for e in events if e["kind"] == "command"]
    answers = [e["at"] - order for e in events if e["kind"] == "acknowledgement"]
    early = [at for at in answers if at < 10]
    return commands[0], max(early, default=math.nan), len(early)


def main() -> None:
    """Run the steps of the acceptance and print what came of each."""
    parser = ArgumentParser(description=__doc__)
    parser.add_argument("--machines", type=int, default=1000)
    parser.add_argument("--api", choices=["all", "some", "none"], default="all")
    parser.add_argument("--sim", nargs="*", default=[], help="--sim=--fault=lies=0.02")
    parser.add_argument("--short", action="store_true", help="two steps and the trip")
    parser.add_argument("--first-address", default="127.61.0.1")
    parsed = parser.parse_args()
    api = {"all": tuple(n for n, _ in KINDS), "some": (KINDS[0][0],), "none": ()}
    scale = parsed.machines / 1000.0
    setting = Setting(
        parsed.machines,
        api[parsed.api],
        ramp_up=15_000.0 * scale,
        first_address=parsed.first_address,
        sim=tuple(parsed.sim),
    )
    grace = 20.0 if parsed.api == "all" else 180.0
    megawatts = [(3.5, 300), (2.0, 300), (2.7, 300), (0.8, 300), (3.3, 480), (2.5, 240)]
    with TemporaryDirectory() as folder, running(Path(folder), setting) as hall:
        for target, seconds in megawatts[: 2 if parsed.short else None]:
            step = hall.step(target * 1e6 * scale, seconds, grace)
            sys.stdout.write(f"{step}\n")
            sys.stdout.flush()
        ordered = time.time()
        hall.order(0.0)
        time.sleep(20)
        first, last, count = first_and_last(hall, ordered)
        sys.stdout.write(
            f"trip: first command {first:.3f} s after the order, {count} answers, "
            f"the last after {last:.2f} s\n"
        )


if __name__ == "__main__":
    main()
