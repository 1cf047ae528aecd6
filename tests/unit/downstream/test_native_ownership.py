"""Who holds a connection of the engine, until when, and on which thread it is freed."""

import gc
import socket
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from protocol.sv2.codec import encode, mining
from proxy.downstream.auto_connection import AutoConnection
from tests.engines import ENGINES
from tests.fakes.hall import Hall
from tests.fakes.sv2_wire import NTIME, Door

native = pytest.importorskip("proxy.engine.engine")

HELLO = (
    b'{"id":1,"method":"mining.subscribe","params":[]}\n'
    b'{"id":2,"method":"mining.authorize","params":["w","x"]}\n'
)
LAST = b'{"id":9,"method":"mining.suggest_difficulty","params":[1]}\n'
ROUNDS = 20
MOST_TURNS = 50_000  # in which a busy machine lets a second thread run once


@pytest.fixture(autouse=True, params=ENGINES[1:])
def engine(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    name, threads = request.param
    monkeypatch.setattr(Hall, "engine", name)
    monkeypatch.setattr(Hall, "threads", threads)


def a_door() -> Door:
    door = Door()
    door.hall.sources[0].post()
    return door


def living() -> int:
    """Return how many connections, and what hears them, are in memory."""
    from proxy.downstream.fast.sv1_miner import EngineSv1Miner  # noqa: PLC0415
    from proxy.downstream.fast.transport import WireTransport  # noqa: PLC0415

    kinds = native.Row, WireTransport, EngineSv1Miner, AutoConnection
    return sum(isinstance(found, kinds) for found in gc.get_objects())


@contextmanager
def no_collection() -> Iterator[None]:
    gc.collect()
    gc.disable()
    try:
        yield
    finally:
        gc.enable()


def hang_up_at_once(wire: Any) -> None:
    wire._socket.sendall(LAST)
    wire.hang_up()  # the engine finds the line and the end in one turn


def hang_up_later(wire: Any) -> None:
    wire.send(LAST)
    wire.hang_up()


@pytest.mark.parametrize("hang_up", [hang_up_at_once, hang_up_later])
@pytest.mark.parametrize("protocol", ["auto", "sv1"])
def test_a_miner_of_the_older_version_leaves_nothing_behind(
    protocol: str, hang_up: Callable[[Any], None]
) -> None:
    door = a_door()
    with no_collection():
        before = living()
        for _ in range(ROUNDS):
            wire: Any = door.connect(protocol)
            wire.send(HELLO)
            assert b"mining.notify" in wire.received()
            hang_up(wire)

        assert (living(), len(door.roster.miners)) == (before, 0)


@pytest.mark.parametrize("protocol", ["auto", "sv2"])
def test_a_miner_of_the_newer_version_leaves_nothing_behind(protocol: str) -> None:
    door = a_door()
    gc.collect()
    before = living()
    for _ in range(ROUNDS):
        wire = door.connect(protocol).set_up()
        wire.extended()
        wire.hang_up()
        del wire
    gc.collect()

    assert (living(), len(door.roster.miners)) == (before, 0)


def test_a_connection_that_never_spoke_leaves_nothing_behind() -> None:
    door = a_door()
    with no_collection():
        before = living()
        for _ in range(ROUNDS):
            door.connect("auto").hang_up()
        door.connect("auto")
        door.hall.port.close()

        assert living() == before


class Someone:
    """Whom a wire belongs to."""


def a_wire(engine: Any, owner: object) -> socket.socket:
    """Return the far end of a connection that nobody else holds."""
    ours, theirs = socket.socketpair()
    theirs.setblocking(False)
    native.Wire(engine, theirs.detach()).belongs_to(owner)
    return ours


def test_the_engine_holds_a_connection_until_it_is_lost() -> None:
    engine = native.Engine("hall-a")
    end = a_wire(engine, Someone())
    gc.collect()

    end.sendall(b"a line\n")
    engine.run(1.0, 1.0)
    (touched,) = engine.touched()
    asking = engine.next_asking()
    end.close()
    engine.run(2.0, 2.0)

    assert isinstance(touched, Someone)
    assert asking is touched
    assert engine.lost() == [touched]
    assert [engine.lost(), engine.touched(), engine.next_asking()] == [[], [], None]


def test_a_channel_that_is_closed_is_spoken_of_no_more() -> None:
    door = a_door()
    wire: Any = door.connect("sv2").set_up()
    channel = wire.extended()[0].channel_id
    miner, port = wire.miner(), door.hall.port
    share = mining.SubmitSharesExtended(
        channel, 1, door.hall.board.last_seq, 0, NTIME, 0x20000000, bytes(4)
    )
    wire.line.send([encode(share)])
    wire._socket.sendall(wire.line.outgoing())
    port.doRead()  # and no settling yet: the engine has it on its list

    door.connections.unregister(miner)

    assert sum(miner.rejected.values()) + miner.accepted == 1
    assert miner not in port.engine.touched()


@contextmanager
def second_thread(work: Callable[[], None]) -> Iterator[None]:
    """Do `work` again and again beside this thread, whenever that lets go of Python."""
    is_over = threading.Event()

    def run() -> None:
        while not is_over.is_set():
            work()
            time.sleep(0)

    thread = threading.Thread(target=run)
    thread.start()
    try:
        yield
    finally:
        is_over.set()
        thread.join()


@pytest.mark.integration
def test_no_other_thread_of_python_runs_while_lanes_work() -> None:
    engine = native.Engine("hall-a", Hall.threads)
    ends = [a_wire(engine, Someone()) for _ in range(400)]
    steps, before = [0], sys.getswitchinterval()

    def step() -> None:
        steps[0] += 1

    seen = []
    sys.setswitchinterval(1000)  # this thread goes on unless it lets go by itself
    try:
        with second_thread(step):
            for _ in range(20):
                for end in ends:
                    end.send(b"x" * 64)
                at = steps[0]
                engine.run(1.0, 1.0)
                engine.answer()
                seen.append(steps[0] - at)
                while steps[0] == at:  # it is there, and waits for its turn
                    time.sleep(0.001)
                drain(engine)
    finally:
        sys.setswitchinterval(before)
    for end in ends:
        end.close()

    assert set(seen) == {0}


def drain(engine: Any) -> None:
    while engine.next_asking() is not None:
        pass
    engine.lost()
    engine.touched()
    engine.rest()


class Cycle:
    """Only the garbage collector frees it, and the wire it holds."""

    def __init__(self, engine: Any, freed_on: set[int]) -> None:
        self.me = self
        self.freed_on = freed_on
        self.end, theirs = socket.socketpair()
        self.wire = native.Wire(engine, theirs.detach())
        self.wire.belongs_to(self)

    def hang_up(self) -> None:
        self.end.sendall(b'{"id":1,"x":"' + b"y" * 200 + b"\n")
        self.end.close()

    def __del__(self) -> None:
        self.freed_on.add(threading.get_ident())


def a_turn(engine: Any) -> None:
    engine.run(1.0, 1.0)
    engine.answer()
    drain(engine)


def collect() -> None:
    gc.collect()


@pytest.mark.integration
def test_wires_may_be_freed_on_another_thread_while_turns_run() -> None:
    engine, freed_on = native.Engine("hall-a", Hall.threads), set[int]()
    gc.collect()
    before, living_before = sys.getswitchinterval(), living()
    peers = [Cycle(engine, freed_on) for _ in range(100)]
    sys.setswitchinterval(1e-5)
    try:
        with no_collection(), second_thread(collect):
            for turn in range(MOST_TURNS):
                if turn > 500 and freed_on - {threading.get_ident()}:
                    break
                for number in range(turn % 10, 100, 10):
                    peers[number].hang_up()
                    peers[number] = Cycle(engine, freed_on)
                a_turn(engine)
    finally:
        sys.setswitchinterval(before)
    for peer in peers:
        peer.hang_up()
    del peer, peers
    for _ in range(3):  # the line, the end, and what was left of the last turn
        a_turn(engine)
    gc.collect()

    assert freed_on - {threading.get_ident()}
    assert living() == living_before
