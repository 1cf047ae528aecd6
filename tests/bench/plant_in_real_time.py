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
from argparse import ArgumentParser, Namespace
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
from attrs import define, field, frozen
from typing_extensions import override

from proxy.admin.client import AdminError, call
from proxy.power.machines.fleet import Floats
from tests.bench.plant_setting import (
    KINDS,
    SITE,
    Ports,
    Setting,
    config,
    node_options,
    plant_options,
)
from tests.bench.share_probe import Answers, ShareProbe

STEPS = (
    *((3.5, 300), (2.0, 300), (2.7, 300), (0.8, 300)),
    *((3.3, 480), (2.5, 240), (3.5, 180)),
)
SHORT = ((3.5, 300), (2.0, 150), (3.5, 180))
"""Megawatts of a thousand machines, and for how long; then all of them are tripped."""


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
    probe_port: int

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
    ports = Ports()
    with _started("regtest", *node_options()) as node:
        assert node.stdout is not None
        ready = json.loads(node.stdout.readline())
        path = folder / "baseload.toml"
        path.write_text(config(setting, ready, ports))
        with (
            _started("run", "-c", str(path), log=folder / "run.log"),
            _started("sim", "plant", *plant_options(setting, ports)) as plant,
        ):
            hall = Hall(folder / "admin.sock", Watch(plant), ports.probe)
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


@frozen
class Commands:
    """What an order led to within 10 s of it; seconds from the order.

    Attributes:
        first_s: Of the first command.
        last_s: When the last machine got its first command.
        count: Machines that were commanded.
        answers: Calls that devices acknowledged, or refused.
        last_answer_s: Of the last of these.
    """

    first_s: float
    last_s: float
    count: int
    answers: int
    last_answer_s: float

    @override
    def __str__(self) -> str:
        return (
            f"{self.count} machines commanded, the first {self.first_s:.3f} s after "
            f"the order, the last after {self.last_s:.2f} s; {self.answers} answers, "
            f"the last after {self.last_answer_s:.2f} s"
        )


def commands_since(hall: Hall, ordered: float) -> Commands:
    """Return what the order of the Unix time `ordered` led to."""
    events = hall.events(ordered)
    order = next(e["at"] for e in events if e["kind"] == "order")
    told: dict[str, float] = {}
    answers: list[float] = []
    for event in events:
        after = event["at"] - order
        if event["kind"] == "command" and after < 10:
            told.setdefault(event["body"]["machine"], after)
        elif event["kind"] == "acknowledgement" and after < 10:
            answers.append(after)
    return Commands(
        min(told.values(), default=math.nan),
        max(told.values(), default=math.nan),
        len(told),
        len(answers),
        max(answers, default=math.nan),
    )


@frozen
class Trip:
    """What a trip did, and how shares fared before it and from its order on."""

    calm: Answers
    meanwhile: Answers
    commands: Commands

    @override
    def __str__(self) -> str:
        lines = (f"calm: {self.calm}", f"trip: {self.meanwhile}", f"{self.commands}")
        return "\n".join(lines)


def trip(hall: Hall, calm_s: float, seconds: float) -> Trip:
    """Have calm for so long, then order 0 W and watch."""
    probe = ShareProbe(hall.probe_port)
    calm = probe.run(calm_s)
    ordered = time.time()
    with ThreadPoolExecutor(1) as other:  # the probe must not wait for the order
        order = other.submit(hall.order, 0.0)
        meanwhile = probe.run(seconds)
        order.result()
    return Trip(calm, meanwhile, commands_since(hall, ordered))


def _setting(parsed: Namespace) -> Setting:
    api = {"all": tuple(n for n, _ in KINDS), "some": (KINDS[0][0],), "none": ()}
    return Setting(
        parsed.machines,
        api[parsed.api],
        ramp_up=15.0 * parsed.machines,
        first_address=parsed.first_address,
        sim=tuple(parsed.sim),
    )


def _parse() -> Namespace:
    parser = ArgumentParser(description=__doc__)
    parser.add_argument("--machines", type=int, default=1000)
    parser.add_argument("--api", choices=["all", "some", "none"], default="all")
    parser.add_argument(
        "--sim", action="append", default=[], help="--sim=--fault=lies=0.02, again"
    )
    parser.add_argument("--short", action="store_true", help="three steps and the trip")
    parser.add_argument("--first-address", default="127.61.0.1")
    return parser.parse_args()


def _say(line: object) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def main() -> None:
    """Run the steps of the acceptance and print what came of each."""
    parsed = _parse()
    grace = 20.0 if parsed.api == "all" else 180.0
    with (
        TemporaryDirectory() as folder,
        running(Path(folder), _setting(parsed)) as hall,
    ):
        for megawatts, seconds in SHORT if parsed.short else STEPS:
            ordered = time.time()
            watts = megawatts * 1e3 * parsed.machines
            _say(hall.step(watts, max(seconds, grace + 90.0), grace))
            _say(commands_since(hall, ordered))
        _say(trip(hall, 20.0, 20.0))


if __name__ == "__main__":
    main()
