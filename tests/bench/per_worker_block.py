"""Measure a block on a pool with a connection for each worker, in memory.

Every connection has its mining.notify in the same turn of the reactor, as a pool sends
them. From the bytes of the pool to the bytes for the miner, in slices.

    python -m tests.bench.per_worker_block --feeds 4000
"""

import argparse
import json
import time
from collections.abc import Callable
from typing import Any

from protocol.units import Seconds, WorkerName
from protocol.work.extranonce import Layout
from proxy.downstream.sv1_miner import Sv1Miner
from proxy.jobs.board import JobBoard
from proxy.jobs.routes import Route, Routes
from proxy.jobs.slot_allocator import SlotAllocator
from tests.bench.measured import RUNS, calibration_ms, report, slices_ms, turn_of
from tests.fakes.crowd import DeadEnd
from tests.fakes.hall import Hall
from tests.fakes.pool_wire import NOTIFY, PoolServer


class Site:
    """A site on a pool with a connection for each of its workers.

    Attributes:
        is_own: The pool sends each connection a coinbase of its own.
    """

    def __init__(self, workers: int, *, is_own: bool = False) -> None:
        self.is_own = is_own
        self.server = PoolServer(user="acct.{worker}")
        pool: Any = self.server.pool
        layout, self.clock = Layout(4, 4), self.server.clock
        self.hall = Hall()
        self.board = JobBoard(
            "hall-a",
            Routes([Route("*", (pool,))]),
            SlotAllocator((pool,), fixed=layout),
            self.clock,
            Seconds(30.0),
        )
        self.hall.context.board, self.hall.context.clock = self.board, self.clock
        pool.listeners["hall-a"] = self.board
        self.board.start()
        self.ends = [self._join(f"rig{number}") for number in range(workers)]
        self.blocks = 0
        self._begun = time.perf_counter()
        setattr(self.clock, "seconds", self._now)  # noqa: B010  (a turn takes time)

    def _join(self, worker: str) -> DeadEnd:
        end, context = DeadEnd(), self.hall.context
        number = self.hall.connections.new_id()
        miner = Sv1Miner(number, "10.0.0.1", context, context.now(), True, end)
        miner.workers[WorkerName(worker)] = None
        miner.sit_down()
        miner.join()
        self.server.wire.welcome()
        self.settle()
        return end

    def _now(self) -> float:
        return self.clock.rightNow + time.perf_counter() - self._begun

    def settle(self) -> None:
        while any(c.getTime() <= self.clock.seconds() for c in self.clock.calls):
            turn_of(self.clock)()

    def block(self) -> Callable[[], None]:
        """Return what brings a block on every connection."""
        self.blocks += 1
        self.clock.rightNow += 60
        self.settle()
        wires = [wire for wire in self.server.wires if wire.is_up]
        lines = [self._line(place) for place in range(len(wires))]
        for end in self.ends:
            end.lines = 0

        def come() -> None:
            for wire, line in zip(wires, lines, strict=True):
                wire.protocol.dataReceived(line)

        return come

    def _line(self, place: int) -> bytes:
        """Return the mining.notify for the connection at a place."""
        rest = list(NOTIFY[2:])
        if self.is_own:  # an account of its own is named in the coinbase
            rest[0] = rest[0][:-8] + f"{place:08x}"
        notify = [f"b{self.blocks}", f"{self.blocks:064x}", *rest]
        message = {"id": None, "method": "mining.notify", "params": notify}
        return json.dumps(message).encode() + b"\n"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--feeds", type=int, default=4000)
    parser.add_argument("--own", action="store_true", help="a coinbase for each")
    options = parser.parse_args()
    site = Site(options.feeds, is_own=options.own)
    runs = []
    for _ in range(RUNS):
        runs.append(slices_ms(site.clock, site.block()))
        if not all(end.lines for end in site.ends):
            raise SystemExit("a miner has no job")
    report(
        feeds=options.feeds,
        own=options.own,
        block_ms=min(map(sum, runs)),
        longest_slice_ms=min(map(max, runs)),
        slices=min(map(len, runs)),
        calibration_ms=calibration_ms(),
    )


if __name__ == "__main__":
    main()
