"""A hall full of miners that say nothing, for what is measured by their number."""

from collections.abc import Callable
from typing import Any

from typing_extensions import override

from protocol.units import Seconds, WorkerName
from protocol.work.extranonce import Layout
from proxy.downstream.sv1_miner import Sv1Miner
from proxy.runtime.outbox import WayOut
from tests.fakes.hall import Hall


class DeadEnd(WayOut):
    """Takes what is written to a miner, counts it, and tells of jobs."""

    fell_behind = False
    is_open = True

    def __init__(self) -> None:
        self.lines = 0
        self.on_job: Callable[[], None] = lambda: None

    @override
    def write(self, data: bytes, /) -> None:
        self.lines += data.count(b"\n")
        if b"mining.notify" in data:
            self.on_job()

    @override
    def close(self) -> None:
        pass


class Silent:
    """The connection of such a miner."""

    def __init__(self, hall: Hall) -> None:
        self.hall = hall

    def dismiss(self, miner: Any, _why: str) -> None:
        self.hall.connections.unregister(miner)

    def hang_up(self, why: str) -> None:
        pass

    def tap(self) -> None:
        pass


def a_crowd(count: int, layout: Layout = Layout(1, 3)) -> Hall:  # noqa: B008
    """Return a hall whose `count` miners have joined, and have work."""
    hall = Hall(layout)
    hall.sources[0].post()
    for number in range(count):
        a_miner(hall, f"rig{number}")
    hall.board.tick()
    hall.connections.hold(Seconds(600.0))
    settle(hall)
    return hall


def a_stranger(hall: Hall) -> Sv1Miner:
    """Return one that has connected, and has not said who it is."""
    real = hall.connections
    number = real.new_id()
    address = f"10.{number >> 16 & 255}.{number >> 8 & 255}.{number & 255}"
    now = hall.context.now()
    miner = Sv1Miner(number, address, hall.context, now, True, DeadEnd())
    real.register(miner, Silent(hall))
    return miner


def a_miner(hall: Hall, worker: str) -> Sv1Miner:
    """Return a miner that has joined."""
    miner = a_stranger(hall)
    miner.sit_down()
    miner.workers[WorkerName(worker)] = None
    miner.join()
    return miner


def settle(hall: Hall) -> None:
    """Let the hall be done with what it put off to the next turns."""
    while any(call.getTime() <= hall.clock.seconds() for call in hall.clock.calls):
        hall.clock.advance(0)
