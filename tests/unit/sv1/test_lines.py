"""Lines that the engine has cut are read as those that are cut here."""

import pytest

from protocol.errors import LineTooLongError
from protocol.sv1.messages import Subscribe
from protocol.sv1.server import MAX_LINE_BYTES, NotStratumError, ServerSession

SUBSCRIBE = b'{"id":1,"method":"mining.subscribe","params":["rig"]}'


def test_a_line_is_read_either_way() -> None:
    cut_here = list(ServerSession().receive(SUBSCRIBE + b"\n"))

    assert cut_here == [ServerSession().read_line(SUBSCRIBE)]
    assert isinstance(cut_here[0], Subscribe)


@pytest.mark.parametrize("line", [b"", b"  \t"])
def test_an_empty_line_asks_for_nothing(line: bytes) -> None:
    assert ServerSession().read_line(line) is None


def test_a_line_that_is_too_long_is_the_end() -> None:
    longest = SUBSCRIBE.ljust(MAX_LINE_BYTES)
    session = ServerSession()

    assert isinstance(session.read_line(longest), Subscribe)
    with pytest.raises(LineTooLongError):
        session.read_line(longest + b" ")


def test_what_begins_as_no_line_of_stratum_is_the_end() -> None:
    with pytest.raises(NotStratumError):
        ServerSession().read_line(b"GET / HTTP/1.1")
