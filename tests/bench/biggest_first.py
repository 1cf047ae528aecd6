"""Measure how long a hash waits for a new tip's job, and how long the last miner does.

A fleet of S21, S19j Pro and S9 in no order, served in order of arrival (all of one
class of hashrate) and the biggest first, best of 5. With the engine in Python: from the
pool's work to each miner's line, in CPU time of this process to the end of the slice in
which it is. With the one in C, over TCP on loopback: from the pool's work being posted
to the last line in the kernel; a line's moment is its place among them, for each is one
call of the kernel and costs as much as any other.

    python -m tests.bench.biggest_first --miners 10000
    python -m tests.bench.biggest_first --miners 9000 --engine native
"""

import argparse
import random
import resource
import socket
from collections.abc import Callable
from functools import partial
from importlib import import_module
from typing import Any

from protocol.units import Difficulty, HashesPerSecond
from protocol.work.extranonce import Layout
from proxy.downstream.miner import Miner
from proxy.jobs.members import hashrate_class
from tests.bench.measured import RUNS, calibration_ms, cpu_ms, report, turn_of
from tests.builders import a_job
from tests.fakes.crowd import a_crowd
from tests.fakes.hall import Hall

FLEET_TH = {200.0: 0.3, 104.0: 0.3, 13.5: 0.4}
"""TH/s of an S21, an S19j Pro and an S9, and their shares of a hall that grew."""


LINE = b"x" * 1200
"""As long as a job's line with a dozen branches of the merkle tree."""


def a_fleet(count: int) -> list[float]:
    """Return hashrates of machines in the order in which they came, in no order."""
    parts = FLEET_TH.items()
    rates = [r * 1e12 for r, part in parts for _ in range(round(part * count))]
    random.Random(7).shuffle(rates)  # noqa: S311
    return rates


def _class_of(rate: float, is_known: bool) -> int:  # noqa: FBT001
    return hashrate_class(HashesPerSecond(rate)) if is_known else 0


class Fleet:
    """Miners of one site, and when each was told of the newest job."""

    def __init__(self, count: int, layout: Layout) -> None:
        self.hall: Hall = a_crowd(count, layout)
        miners = self.hall.connections.roster.miners.values()
        self.rates = dict(zip(miners, a_fleet(count), strict=False))
        self.told: list[Miner] = []
        self.blocks = 0
        for miner in self.rates:
            way: Any = miner
            way.outbox.on_job = partial(self.told.append, miner)

    def weigh(self, *, is_known: bool) -> None:
        for miner, rate in self.rates.items():
            miner.hashrate_class = _class_of(rate, is_known)
            if miner.group is not None:
                self.hall.board.reorder(miner, miner.group)

    def block(self) -> tuple[float, float]:
        """Return the mean delay of a hash and the last miner's, in ms."""
        self.blocks += 1
        self.told.clear()
        self.hall.clock.rightNow += 60
        tip, clock = self.blocks.to_bytes(32, "big"), self.hall.clock
        action: Callable[[], object] = lambda: self.hall.sources[0].post(prev_hash=tip)  # noqa: E731
        passed, waits = 0.0, dict[Miner, float]()
        while True:
            passed += cpu_ms(action)
            waits |= dict.fromkeys(self.told[len(waits) :], passed)
            if not any(call.getTime() <= clock.seconds() for call in clock.calls):
                break
            action = turn_of(clock)
        work = sum(self.rates[m] * wait for m, wait in waits.items())
        return work / sum(self.rates.values()), passed

    def close(self) -> None:
        """It has nothing open."""


class NativeFleet:
    """Wires of the engine in C, each a connection of its own, in one or more groups."""

    def __init__(self, count: int, layout: Layout) -> None:
        engine = import_module("proxy.engine.engine")
        _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
        self.engine = engine.Engine("hall-a")
        self.rates = a_fleet(count)
        in_group = 256 if layout.slot_bytes == 1 else count
        self.copies = [engine.Jobs() for _ in range(-(-count // in_group))]
        for copies in self.copies:
            copies.post(a_job(seen=copies.new_seen()))
        self.clients, self.wires = [], []
        with socket.create_server(("127.0.0.1", 0), backlog=1024) as server:
            for number in range(count):
                client = socket.create_connection(server.getsockname())
                wire = engine.Wire(self.engine, server.accept()[0].detach())
                wire.join(self.copies[number // in_group])
                wire.set_granted(True)
                wire.set_requested(1.0, 0)
                wire.add_terms(1, Difficulty(1.0))
                self.clients.append(client)
                self.wires.append(wire)

    def weigh(self, *, is_known: bool) -> None:
        for wire, rate in zip(self.wires, self.rates, strict=True):
            wire.set_class(_class_of(rate, is_known))

        self.is_known = is_known

    def block(self) -> tuple[float, float]:
        """Return the mean delay of a hash and the last miner's, in ms."""
        rounds: list[Any] = [(copies, LINE, ()) for copies in self.copies]
        passed = cpu_ms(lambda: self.copies[0].deliver(rounds))
        for client in self.clients:
            if len(client.recv(2 * len(LINE))) != len(LINE):
                raise SystemExit("a miner had no line")
        # the sort is stable: within a class in order of arrival, as in the engine
        told = sorted(self.rates, key=lambda rate: -_class_of(rate, self.is_known))
        work = sum(rate * place for place, rate in enumerate(told, 1))
        return passed * work / sum(told) / len(told), passed

    def close(self) -> None:
        for wire, client in zip(self.wires, self.clients, strict=True):
            wire.hang_up()
            client.close()
        self.engine.lost()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--miners", type=int, default=10_000)
    parser.add_argument("--engine", choices=["python", "native"], default="python")
    options = parser.parse_args()
    make = NativeFleet if options.engine == "native" else Fleet
    for layout in (Layout(1, 3), Layout(4, 4)):
        fleet = make(options.miners, layout)
        compare(fleet, options.miners, layout)
        fleet.close()


def compare(fleet: Fleet | NativeFleet, miners: int, layout: Layout) -> None:
    """Report what both orders come to; groups of 1+3 are 256 miners each."""
    runs: dict[bool, list[tuple[float, float]]] = {False: [], True: []}
    for is_known in (False, True) * RUNS:  # in turn: the machine's pace changes
        fleet.weigh(is_known=is_known)
        runs[is_known].append(fleet.block())
    (arrival, arrival_last), (biggest, biggest_last) = (
        (min(mean for mean, _ in some), min(last for _, last in some))
        for some in runs.values()
    )
    report(
        miners=miners,
        layout=layout.name,
        arrival_mean_ms=arrival,
        arrival_last_ms=arrival_last,
        biggest_first_mean_ms=biggest,
        biggest_first_last_ms=biggest_last,
        ratio=biggest / arrival,
        last_ratio=biggest_last / arrival_last,
        calibration_ms=calibration_ms(),
    )


if __name__ == "__main__":
    main()
