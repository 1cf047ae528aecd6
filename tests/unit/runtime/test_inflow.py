"""What peers send is taken in slices, of each in its turn."""

from collections.abc import Iterator
from typing import Any

from twisted.internet.task import Clock
from twisted.internet.testing import StringTransport

from proxy.runtime.inflow import (
    AT_THE_END,
    IN_A_ROW,
    IN_A_TURN,
    READ_AHEAD_BYTES,
    TURN_TIME,
    Inflow,
    Turns,
)
from tests.conftest import FlushFailures


class Peer:
    """One whose messages are single bytes; `!` is one too many for us."""

    def __init__(self, turns: Turns) -> None:
        self.transport = StringTransport()
        self.taken = b""
        self.flushed = 0
        self.ended = ""
        self.cost = 0.0  # of a message, in seconds
        self.clock: Any = turns.clock
        self.inflow = Inflow(turns, self, self.transport)

    @property
    def is_read(self) -> bool:
        return self.transport.producerState == "producing"

    def send(self, data: bytes) -> None:
        self.inflow.receive(data)

    def read(self, data: bytes) -> Iterator[None]:
        for byte in data:
            if byte == ord("!"):
                raise ZeroDivisionError
            self.taken += bytes([byte])
            self.clock.rightNow += self.cost
            yield

    def flush(self) -> None:
        self.flushed += 1

    def hang_up(self, why: str) -> None:
        self.ended = why


def a_turn(clock: Clock) -> None:
    """Make the calls that are due, not those that they put off."""
    due = [call for call in clock.calls if call.getTime() <= clock.seconds()]
    for call in due:
        clock.calls.remove(call)
        call.called = 1
        call.func(*call.args)


def test_a_few_messages_are_taken_as_they_come() -> None:
    peer = Peer(Turns(Clock()))
    peer.send(b"abc")

    assert peer.taken == b"abc"
    assert peer.flushed == 1
    assert peer.is_read


def test_many_are_taken_in_order_over_several_turns() -> None:
    clock = Clock()
    peer = Peer(Turns(clock))
    sent = bytes(range(64, 64 + IN_A_ROW * 3))
    peer.send(sent)
    assert peer.taken == sent[:IN_A_ROW]
    peer.send(b"more")
    clock.advance(0)

    assert peer.taken == sent + b"more"


def test_who_sends_without_end_is_not_read_until_it_was_taken() -> None:
    clock = Clock()
    peer = Peer(Turns(clock))
    peer.send(b"x" * (READ_AHEAD_BYTES + 1))
    assert not peer.is_read

    while clock.getDelayedCalls():
        a_turn(clock)
    assert len(peer.taken) == READ_AHEAD_BYTES + 1
    assert peer.is_read


def test_a_turn_takes_no_more_of_any_number_of_peers() -> None:
    clock = Clock()
    turns = Turns(clock)
    peers = [Peer(turns) for _ in range(300)]
    for peer in peers:
        peer.send(b"x" * 1000)
    assert sum(len(peer.taken) for peer in peers) == IN_A_TURN

    a_turn(clock)
    assert sum(len(peer.taken) for peer in peers) == 2 * IN_A_TURN


def test_each_of_those_who_wait_has_its_turn() -> None:
    clock = Clock()
    turns = Turns(clock)
    peers = [Peer(turns) for _ in range(300)]
    for peer in peers:
        peer.send(b"x" * 1000)
    for _ in range(-(-300 * IN_A_ROW // IN_A_TURN)):
        a_turn(clock)

    assert all(IN_A_ROW <= len(peer.taken) <= 3 * IN_A_ROW for peer in peers)


def test_who_sends_now_and_then_does_not_wait_for_those_who_always_do() -> None:
    clock = Clock()
    turns = Turns(clock)
    peers = [Peer(turns) for _ in range(300)]
    for peer in peers:
        peer.send(b"x" * 1000)
    a_turn(clock)
    honest = Peer(turns)
    honest.send(b"a")

    assert honest.taken == b"a"


def test_a_turn_ends_early_where_messages_take_long() -> None:
    clock = Clock()
    turns = Turns(clock)
    peers = [Peer(turns) for _ in range(IN_A_TURN // IN_A_ROW)]
    for peer in peers:
        peer.cost = TURN_TIME / IN_A_ROW
        peer.send(b"x" * IN_A_ROW)

    assert sum(len(peer.taken) for peer in peers) <= 2 * IN_A_ROW
    while clock.getDelayedCalls():
        a_turn(clock)
    assert all(len(peer.taken) == IN_A_ROW for peer in peers)


def test_what_we_fail_at_costs_its_sender_the_connection_and_nobody_else(
    flush_failures: FlushFailures,
) -> None:
    clock = Clock()
    turns = Turns(clock)
    bad, good = Peer(turns), Peer(turns)
    for peer in (bad, good):
        peer.send(b"x" * IN_A_ROW * 2 + (b"!" if peer is bad else b".") + b"rest")
    clock.advance(0)

    assert flush_failures(ZeroDivisionError) == 1
    assert bad.ended == "we failed at what it sent"
    assert bad.taken == b"x" * IN_A_ROW * 2
    assert good.taken.endswith(b".rest")


def test_the_last_words_of_one_who_is_gone_are_taken() -> None:
    clock = Clock()
    peer = Peer(Turns(clock))
    peer.send(b"x" * IN_A_ROW + b"last")
    peer.inflow.end()
    assert peer.taken.endswith(b"last")

    clock.advance(0)
    assert peer.taken == b"x" * IN_A_ROW + b"last"


def test_nothing_is_taken_of_one_we_have_hung_up_on() -> None:
    clock = Clock()
    peer = Peer(Turns(clock))
    peer.send(b"x" * IN_A_ROW + b"late")
    peer.inflow.forget()
    clock.advance(0)

    assert peer.taken == b"x" * IN_A_ROW


def test_what_else_the_reactor_does_costs_nobody_the_turn() -> None:
    clock = Clock()
    turns = Turns(clock)
    first, second = Peer(turns), Peer(turns)
    first.send(b"a")
    clock.rightNow += 100 * TURN_TIME  # a block to ten thousand miners
    second.send(b"b")

    assert (first.taken, second.taken) == (b"a", b"b")


def test_a_share_that_was_sent_in_time_is_judged_though_the_peer_is_gone() -> None:
    peer = Peer(Turns(Clock()))
    peer.send(b"x" * 30)
    peer.inflow.end()

    assert peer.taken == b"x" * 30


def test_nobody_is_read_again_who_is_gone() -> None:
    peer = Peer(Turns(Clock()))
    peer.send(b"x" * (READ_AHEAD_BYTES + 1))
    assert not peer.is_read
    peer.transport.loseConnection()  # it refuses to be resumed now
    peer.inflow.end(most=2 * READ_AHEAD_BYTES)

    assert len(peer.taken) == READ_AHEAD_BYTES + 1


def test_a_crowd_that_sends_and_leaves_at_once_has_no_more_than_a_row_each() -> None:
    turns = Turns(Clock())
    peers = [Peer(turns) for _ in range(50)]
    for peer in peers:
        peer.send(b"x" * 1000)
        peer.inflow.end()

    taken = [len(peer.taken) for peer in peers]
    assert sum(taken) <= IN_A_TURN + AT_THE_END + IN_A_ROW * len(peers)
    assert min(taken) == IN_A_ROW
    assert taken[0] == IN_A_ROW + AT_THE_END


def test_what_the_gone_have_sent_is_taken_off_what_others_may() -> None:
    turns = Turns(Clock())
    for _ in range(2):
        leaver = Peer(turns)
        leaver.send(b"x" * 1000)
        leaver.inflow.end()
    peer = Peer(turns)
    peer.send(b"abc")
    assert peer.taken == b""
    turns.clock.advance(0)  # type: ignore[attr-defined]  # a Clock

    assert peer.taken == b"abc"


def test_a_pools_last_words_are_heard_whatever_the_turn_has_left() -> None:
    turns = Turns(Clock())
    pools = [Peer(turns) for _ in range(4)]
    for pool in pools:
        pool.send(b"x" * 1000)
        pool.inflow.end(500, 500)

    assert min(len(pool.taken) for pool in pools) >= 500
