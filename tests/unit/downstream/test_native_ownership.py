"""Who holds a connection of the engine, and until when."""

import gc
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from protocol.sv2.codec import encode, mining
from proxy.downstream.auto_connection import AutoConnection
from tests.engines import ENGINES
from tests.fakes.hall import Hall
from tests.fakes.sv2_wire import NTIME, Door

native = pytest.importorskip("proxy.downstream.native.engine")

HELLO = (
    b'{"id":1,"method":"mining.subscribe","params":[]}\n'
    b'{"id":2,"method":"mining.authorize","params":["w","x"]}\n'
)
LAST = b'{"id":9,"method":"mining.suggest_difficulty","params":[1]}\n'
ROUNDS = 20


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
    from proxy.downstream.native.miner import NativeMiner  # noqa: PLC0415
    from proxy.downstream.native.transport import WireTransport  # noqa: PLC0415

    kinds = native.Row, WireTransport, NativeMiner, AutoConnection
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

    door.connections.farewell(miner)

    assert sum(miner.rejected.values()) + miner.accepted == 1
    assert miner not in port.engine.touched()
