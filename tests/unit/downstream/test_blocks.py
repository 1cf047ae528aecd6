"""Blocks go ahead of all else; nobody holds up the hall with them."""

import select
from itertools import count, islice
from typing import Any

from proxy.shares.record import BLOCKS_AT_ONCE
from tests.fakes.hall import Hall, NativeWire, Wire

EVERY = (1 << 256) - 1


def a_hall() -> Hall:
    """Return a hall whose source makes a block of every share."""
    hall = Hall()
    hall.sources[0].post(target=EVERY, block_target=EVERY)
    return hall


def submits(*nonces: int) -> bytes:
    lines = (
        b'{"id":%d,"method":"mining.submit","params":["rig1","1","00000000",'
        b'"6553f100","%x"]}' % (number, nonce)
        for number, nonce in enumerate(nonces)
    )
    return b"\n".join(lines) + b"\n"


def answers(wire: Wire, *nonces: int) -> list[Any]:
    wire.send(submits(*nonces))
    wire.hall.clock.advance(0.001)
    return [m["result"] or m["error"][0] for m in wire.hear() if m["id"] is not None]


def good(number: int) -> list[int]:
    """Return nonces of so many shares that will be good."""
    hall = a_hall()
    other = hall.connect().work()
    found = (n for n in count() if other.submit(n)["result"] is True)
    return list(islice(found, number))


def test_a_block_that_is_sent_again_goes_nowhere_and_holds_up_nothing() -> None:
    hall = a_hall()
    wire = hall.connect().work()
    wire.hear()
    (nonce,) = good(1)
    assert answers(wire, nonce) == [True]
    commits: list[int] = []
    hall.ledger.on_commit = lambda: commits.append(len(hall.ledger.shares))

    again = answers(wire, *[nonce] * 300)

    assert again == [22] * 300
    assert len(commits) <= 300 / 50  # in full batches, none of its own
    assert len(hall.sink.sent) == hall.recorder.totals.blocks_found == 1
    assert len(hall.ledger.blocks) == 1


def test_where_every_share_is_a_block_few_go_ahead_and_all_are_sent() -> None:
    hall = a_hall()
    wire = hall.connect().work()
    wire.hear()
    nonces = good(3 * BLOCKS_AT_ONCE)
    commits: list[int] = []
    hall.ledger.on_commit = lambda: commits.append(len(hall.ledger.shares))

    heard = answers(wire, *nonces)

    assert heard == [True] * len(nonces)
    book = hall.recorder.totals
    assert len(hall.sink.sent) == book.blocks_found == len(nonces)
    assert len(hall.ledger.blocks) == BLOCKS_AT_ONCE
    assert book.blocks_unlisted == len(nonces) - BLOCKS_AT_ONCE
    assert len(commits) <= 5  # not one for each
    for _, token in hall.sink.sent:
        hall.recorder.settled(token, "accepted", "")
    assert book.blocks_accepted == len(nonces)


def test_the_engine_does_not_wake_the_reactor_while_a_block_goes_ahead() -> None:
    hall = a_hall()
    wire = hall.connect().work()
    if not isinstance(wire, NativeWire):
        return  # there Twisted reads, and has other things to do meanwhile
    (nonce,) = good(1)
    wire.push(submits(nonce))
    hall.port.doRead()  # the block is sent, its batch waits
    assert len(hall.sink.sent) == 1
    assert not hall.ledger.shares

    wire.push(submits(nonce) * 100)

    assert not select.select([hall.port.fileno()], [], [], 0.01)[0]
    hall.turns.advance(0.001)
    assert len(hall.ledger.shares) == 1
    assert select.select([hall.port.fileno()], [], [], 1.0)[0]
