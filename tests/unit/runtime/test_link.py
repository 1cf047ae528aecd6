"""A link: messages arrive as they were sent, and a bad peer costs the link alone."""

from typing import Any

import msgspec
import pytest
from twisted.internet.testing import StringTransport

from proxy.runtime.link import MAX_UNSENT_BYTES, LinkConnection, LinkFactory


class Ping(msgspec.Struct, tag=True, array_like=True):
    number: int


class Pong(msgspec.Struct, tag=True, array_like=True):
    text: str


class End:
    """One end of a link, and what it heard."""

    def __init__(self, limit: int = 100) -> None:
        self.heard: list[Any] = []
        self.opened = self.lost = 0
        factory: LinkFactory[Ping | Pong] = LinkFactory(
            msgspec.json.Decoder(Ping | Pong).decode,
            limit,
            opened=self._opened,
            received=self.heard.append,
            lost=self._lost,
        )
        self.transport = StringTransport()
        self.link: LinkConnection[Ping | Pong] = factory.buildProtocol(None)
        self.link.makeConnection(self.transport)

    def _opened(self, _: object) -> None:
        self.opened += 1

    def _lost(self, _: object) -> None:
        self.lost += 1


def test_messages_arrive_typed_and_in_order_however_they_are_cut() -> None:
    here, there = End(), End()
    here.link.send(Ping(1))
    here.link.send(Pong("a\nb"))

    for byte in here.transport.value():
        there.link.dataReceived(bytes([byte]))

    assert there.heard == [Ping(1), Pong("a\nb")]


@pytest.mark.parametrize("line", [b"nonsense\n", b'["Other",1]\n', b'["Ping","x"]\n'])
def test_what_is_no_message_ends_the_link(line: bytes) -> None:
    end = End()

    end.link.dataReceived(b'["Ping",1]\n' + line + b'["Ping",2]\n')

    assert end.heard == [Ping(1)]
    assert end.transport.disconnected


def test_a_line_that_is_too_long_ends_the_link() -> None:
    end = End(limit=20)

    end.link.dataReceived(b"x" * 21)

    assert end.transport.disconnected


def test_a_peer_that_does_not_read_is_dropped_not_buffered() -> None:
    end = End()
    end.link.pauseProducing()
    message = Pong("x" * 100_000)

    for _ in range(MAX_UNSENT_BYTES // 100_000):
        end.link.send(message)
    assert not end.transport.disconnected
    end.link.send(message)

    assert end.transport.disconnected
    assert not end.link.is_open


def test_a_peer_that_reads_on_in_time_is_kept() -> None:
    end = End()
    for _ in range(3):
        end.link.pauseProducing()
        for _ in range(50):
            end.link.send(Pong("x" * 100_000))
        end.link.resumeProducing()

    assert end.link.is_open


def test_both_ends_are_told_when_it_opens_and_is_lost() -> None:
    end = End()
    end.link.connectionLost()

    assert (end.opened, end.lost) == (1, 1)
    end.link.send(Ping(1))  # into the void
