"""Many who come at once: they are taken in first, and each is answered in one piece."""

import socket
from collections.abc import Iterator
from contextlib import ExitStack
from itertools import count
from typing import Any

import pytest

from proxy.runtime.tcp import bound_connections
from tests.fakes.hall import Hall

native = pytest.importorskip("proxy.engine.engine")
port_module = pytest.importorskip("proxy.downstream.fast.port")

HELLO = (
    b'{"id":1,"method":"mining.subscribe","params":[]}\n'
    b'{"id":2,"method":"mining.authorize","params":["w","x"]}\n'
)


@pytest.fixture(autouse=True)
def engine() -> None:
    """The engine in C alone."""


@pytest.fixture
def pair() -> Iterator[tuple[Any, socket.socket]]:
    ours, theirs = socket.socketpair()
    theirs.setblocking(False)
    with theirs:
        yield native.Wire(native.Engine("hall-a"), ours.detach()), theirs


def heard(theirs: socket.socket) -> bytes | None:
    """Return what came; None if nothing did, and nobody hung up."""
    try:
        return theirs.recv(1 << 16)
    except BlockingIOError:
        return None


def test_what_is_held_leaves_in_one_piece(
    pair: tuple[Any, socket.socket],
) -> None:
    wire, theirs = pair
    wire.hold()
    wire.write(b"a\n")
    wire.write(b"b\n")
    assert heard(theirs) is None

    wire.release()
    assert heard(theirs) == b"a\nb\n"
    wire.write(b"c\n")
    assert heard(theirs) == b"c\n"


@pytest.mark.parametrize("end", ["hang_up", "part"])
def test_the_last_words_of_a_held_connection_are_sent(
    pair: tuple[Any, socket.socket], end: str
) -> None:
    wire, theirs = pair
    wire.hold()
    wire.write(b"go away\n")
    getattr(wire, end)()
    wire.release()

    assert heard(theirs) == b"go away\n"
    assert heard(theirs) == b""


def test_more_than_a_little_is_not_held(
    pair: tuple[Any, socket.socket],
) -> None:
    wire, theirs = pair
    wire.hold()
    got = 0
    for _ in range(200):
        wire.write(bytes(1000))
        got += len(heard(theirs) or b"")
    wire.release()
    got += len(heard(theirs) or b"")

    assert got == 200_000
    assert not wire.fell_behind


class RushedHall(Hall):
    """A site with a port of its own, whose clock goes on with each look at it."""

    engine = "native"

    def __init__(self, stack: ExitStack) -> None:
        super().__init__()
        self.listening = stack.enter_context(
            socket.create_server(("127.0.0.1", 0), backlog=1024)
        )
        bound_connections(self.listening)
        self.listening.setblocking(False)
        self.sources[0].post()
        self.port.engine.rest()
        self.port.open(self.listening.fileno(), self.connections)
        self._stack = stack
        looks = count()
        setattr(self.clock, "seconds", lambda: 1000 + 0.0003 * next(looks))  # noqa: B010

    def come(self, number: int) -> None:
        for _ in range(number):
            one = socket.create_connection(self.listening.getsockname())
            self._stack.enter_context(one).sendall(HELLO)

    def turn(self) -> tuple[int, int]:
        """Do a turn; return how many have come, and how many have said who they are."""
        self.port.doRead()
        miners = self.connections.roster.miners.values()
        return len(miners), sum(bool(miner.workers) for miner in miners)


@pytest.mark.integration
def test_who_comes_is_taken_in_before_lines_are_taken() -> None:
    with ExitStack() as stack:
        hall = RushedHall(stack)
        hall.come(700)
        turns = [hall.turn() for _ in range(6)]

        came = [miners for miners, _ in turns]
        known = [names for _, names in turns]
        assert (came[0], came[1], came[5]) == (256, 512, 700)
        # A line in the meantime: nobody is kept out by a flood of connections.
        assert 0 < known[1] - known[0] < known[5] - known[4]
        hall.port.close()
