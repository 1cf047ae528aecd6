"""A peer that does not read is dropped; one that reads slowly is not."""

from typing import Any

import pytest
from twisted.internet.tcp import Connection
from typing_extensions import override

from proxy.runtime.outbox import MAX_UNSENT_BYTES, Outbox, unsent_limit

LARGE = 264_000


class Wrapped:
    """A transport as TLS is: it says when it is full."""

    def __init__(self) -> None:
        self.written = 0
        self.is_aborted = False

    def write(self, data: bytes) -> None:
        self.written += len(data)

    def registerProducer(self, producer: Any, streaming: bool) -> None:  # noqa: FBT001, N802
        self.producer = producer
        assert streaming

    def unregisterProducer(self) -> None:  # noqa: N802
        raise AssertionError

    def abortConnection(self) -> None:  # noqa: N802
        self.is_aborted = True


class Kernel:
    """A socket that takes so many bytes."""

    def __init__(self) -> None:
        self.room = 0

    def send(self, data: bytes) -> int:
        if not self.room:
            raise BlockingIOError
        taken = min(self.room, len(data))
        self.room -= taken
        return taken


class Plain(Connection):
    """A TCP transport over such a socket."""

    @override
    def __init__(self) -> None:
        self.socket: Any = Kernel()
        self.left = 0
        self.is_aborted = False
        self.producer: Any = None

    @override
    def write(self, data: bytes) -> None:
        self.left += len(data)

    @override
    def registerProducer(self, producer: Any, streaming: bool) -> None:
        self.producer = producer
        producer.resumeProducing()  # as Twisted does with one that is pulled

    @override
    def unregisterProducer(self) -> None:
        self.producer = None

    @override
    def abortConnection(self) -> None:
        self.is_aborted = True

    def drain(self) -> None:
        self.left = 0
        self.producer.resumeProducing()


def stuck(kind: type[Any]) -> tuple[Any, Outbox]:
    """Return a transport that takes nothing more, and the way out over it."""
    transport = kind()
    outbox = Outbox(transport)
    if kind is Wrapped:
        outbox.pauseProducing()
    return transport, outbox


def freed(transport: Any, outbox: Outbox) -> None:
    """Let the peer read all there is."""
    if isinstance(transport, Wrapped):
        outbox.resumeProducing()
        outbox.pauseProducing()
    else:
        transport.drain()


def fill(outbox: Outbox, size: int) -> int:
    """Return how many bytes went in until the peer was dropped."""
    sent = 0
    while outbox.is_open and sent < 1 << 28:
        outbox.write(bytes(size))
        sent += size
    return sent - size


KINDS = pytest.mark.parametrize("kind", [Wrapped, Plain])


@KINDS
@pytest.mark.parametrize("size", [50, 2000, 20_000, LARGE])
def test_who_does_not_read_is_dropped_at_its_limit(kind: type[Any], size: int) -> None:
    transport, outbox = stuck(kind)

    kept = fill(outbox, size)

    limit = unsent_limit(1, size)
    assert limit - size < kept <= limit
    assert transport.is_aborted
    assert outbox.fell_behind


@KINDS
def test_a_connection_of_many_miners_may_be_further_behind(kind: type[Any]) -> None:
    _, outbox = stuck(kind)
    outbox.miners = 10

    assert fill(outbox, 1000) > 9 * MAX_UNSENT_BYTES


@KINDS
def test_two_large_messages_and_small_ones_between_are_no_reason(
    kind: type[Any],
) -> None:
    transport, outbox = stuck(kind)

    for _ in range(10):
        for _ in range(2):
            outbox.write(bytes(LARGE))
            outbox.write(bytes(100))
        freed(transport, outbox)

    assert outbox.is_open
    assert not outbox.fell_behind


@KINDS
def test_what_was_large_once_allows_no_more_later(kind: type[Any]) -> None:
    transport, outbox = stuck(kind)
    outbox.write(bytes(LARGE))
    freed(transport, outbox)

    assert fill(outbox, 100) <= unsent_limit(1, 100)


def test_what_the_kernel_takes_is_not_counted() -> None:
    transport, outbox = stuck(Plain)
    transport.socket.room = 1 << 30

    for _ in range(100):
        outbox.write(bytes(LARGE))

    assert outbox.is_open
    assert transport.left == 0


def test_a_connection_that_we_close_has_not_fallen_behind() -> None:
    _, outbox = stuck(Wrapped)
    outbox.close()
    outbox.write(bytes(LARGE))

    assert not outbox.fell_behind
