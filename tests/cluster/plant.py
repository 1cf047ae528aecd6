"""Four halls on one database, faults, and the exact account of what they may draw."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from tempfile import mkdtemp
from typing import Any

from attrs import define, field

from proxy.cluster.migrate import migrate
from tests.cluster.hall import FLOOR_W
from tests.cluster.postgres import Postgres
from tests.cluster.relay import Relay
from tests.support import PATIENCE

NAMES = ("a", "b", "c", "d")


@define(eq=False)
class Plant:
    """The halls, each with a way of its own to the server."""

    postgres: Postgres
    folder: Path
    relays: dict[str, Relay] = field(factory=dict, init=False)
    halls: dict[str, subprocess.Popen[bytes]] = field(factory=dict, init=False)
    _standby: Postgres | None = field(default=None, init=False)
    _replication: Relay | None = field(default=None, init=False)
    _gone: list[Postgres] = field(factory=list, init=False)

    def start(self) -> None:
        migrate(self.postgres.url, ["plant"])
        for name in NAMES:
            self.relays[name] = Relay(self.postgres.port)
            self.boot(name)

    def boot(self, name: str) -> None:
        before = self.halls.get(name)
        if before is not None and before.stdin is not None:
            before.stdin.close()
        url = self.postgres.url_at(self.relays[name].port)
        log = str(self.folder / f"{name}.log")
        with (self.folder / f"{name}.err").open("ab") as errors:
            self.halls[name] = subprocess.Popen(
                [sys.executable, "-m", "tests.cluster.hall", name, url, log, name],
                stdin=subprocess.PIPE,
                stderr=errors,
                env={**os.environ, "HALL": name},
            )

    def follow(self) -> None:
        """Give the server a standby, told of commits after they are answered."""
        self._replication = Relay(self.postgres.port)
        folder = Path(mkdtemp(prefix="baseload-pg-"))
        self._standby = self.postgres.follower(folder, self._replication.port)

    def fail_over(
        self, behind_s: float, before_it_dies: Callable[[], object] = lambda: None
    ) -> None:
        """Kill the server once its standby has heard nothing for a while; promote that.

        What was committed in that while is gone.
        """
        standby, replication = self._standby, self._replication
        assert standby is not None
        assert replication is not None
        replication.cut()
        time.sleep(behind_s)
        before_it_dies()
        replication.close()  # what it held back is never told
        self.postgres.kill()
        standby.promote()
        for relay in self.relays.values():
            relay.aim(standby.port)
        self._gone.append(self.postgres)
        self.postgres, self._standby, self._replication = standby, None, None

    def signal(self, name: str, number: int) -> None:
        self.halls[name].send_signal(number)

    def kill(self, name: str) -> None:
        self.halls[name].kill()
        self.halls[name].wait()

    def order(self, name: str, watts: int) -> None:
        pipe = self.halls[name].stdin
        assert pipe is not None
        pipe.write(f"set {watts}\n".encode())
        pipe.flush()

    def stop(self) -> None:
        for hall in self.halls.values():
            hall.send_signal(signal.SIGCONT)
            hall.kill()
            hall.wait()
            if hall.stdin is not None:
                hall.stdin.close()
        for relay in self.relays.values():
            relay.close()
        if self._replication is not None:
            self._replication.close()
        for server in (self._standby, *self._gone):
            if server is not None:
                server.remove()

    def events(self, name: str) -> list[dict[str, Any]]:
        path = self.folder / f"{name}.log"
        if not path.exists():
            return []
        lines = path.read_bytes().split(b"\n")
        return [json.loads(line) for line in lines if line.endswith(b"}")]

    def leader(self) -> str | None:
        """Return who began to lead last, if it has not stopped since."""
        begun = [
            (e["t"], name, "no more" not in e["cause"])
            for name in NAMES
            for e in self.events(name)
            if e["event"] == "leader"
        ]
        leads = [(t, name) for t, name, is_begin in begun if is_begin]
        return max(leads)[1] if leads else None

    def leaderships(self) -> list[float]:
        return sorted(
            e["t"]
            for name in NAMES
            for e in self.events(name)
            if e["event"] == "leader" and "no more" not in e["cause"]
        )

    def drawn(self, name: str, at: float) -> float:
        """Return what a hall may draw at a moment."""
        held = [e for e in self.events(name) if "until" in e and e["t"] <= at]
        last = held[-1] if held else None
        return last["watts"] if last and last["until"] > at else FLOOR_W

    def sums(self) -> list[tuple[float, float]]:
        """Return what all may draw together, at each moment that it changes."""
        marks = []
        for name in NAMES:
            held = [e for e in self.events(name) if "until" in e]
            for one, after in zip(held, [*held[1:], None], strict=True):
                end = one["until"] if after is None else min(one["until"], after["t"])
                # a life that was killed draws on until its lease is over
                if after is not None and self._is_new_life(name, one["t"], after["t"]):
                    end = one["until"]
                marks += [(one["t"], 1, name, one["watts"])]
                marks += [(max(end, one["t"]), -1, name, one["watts"])]
        marks.sort(key=lambda mark: mark[:2])  # an end before a beginning
        active: dict[str, list[float]] = {name: [] for name in NAMES}
        sums = []
        for at, sign, name, watts in marks:
            if sign > 0:
                active[name].append(watts)
            else:
                active[name].remove(watts)
            most = sum(max(w, default=FLOOR_W) for w in active.values())
            sums.append((at, most))
        return sums

    def _is_new_life(self, name: str, since: float, until: float) -> bool:
        return any(
            e["event"] == "start" and since < e["t"] < until for e in self.events(name)
        )

    def wait(self, what: str, is_so: Any, within: float = PATIENCE) -> float:
        """Wait until it is so; return how long that took."""
        began = time.monotonic()
        while time.monotonic() - began < within:
            if is_so():
                return time.monotonic() - began
            time.sleep(0.05)
        errors = "".join((self.folder / f"{n}.err").read_text()[-1500:] for n in NAMES)
        raise TimeoutError(f"not {what}: {errors}")
