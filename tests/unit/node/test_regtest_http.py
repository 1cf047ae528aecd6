"""The embedded node's HTTP, without a socket or a chain."""

from typing import Any

import pytest
from twisted.internet.task import Clock
from twisted.internet.testing import StringTransport
from twisted.web.http import Request
from twisted.web.resource import Resource

from proxy.regtest.http import RpcSite

BODY = b'{"method": "getblocktemplate", "params": [{"rules" : ["segwit"]}]}\n'


class Echo(Resource):
    isLeaf = True  # noqa: N815

    def render_POST(self, request: Request) -> bytes:  # noqa: N802
        host = request.getHeader(b"host") or b"nobody"
        return host + b": " + (request.content.read() if request.content else b"")


def answer_to(head: bytes, at_once: int = 1 << 20) -> bytes:
    site = RpcSite(Echo(), reactor=Clock())
    channel: Any = site.buildProtocol(None)
    transport = StringTransport()
    channel.makeConnection(transport)
    sent = head + BODY
    for start in range(0, len(sent), at_once):
        channel.dataReceived(sent[start : start + at_once])
    return bytes(transport.value())


@pytest.mark.parametrize("at_once", [1, 1 << 20])
def test_a_header_line_that_ends_in_a_line_feed_alone_is_read(at_once: int) -> None:
    # the head that ckpool 1.2.0 sends
    head = (
        b"POST / HTTP/1.1\r\nAuthorization: Basic eDp5\r\nHost: 127.0.0.1:18443\r\n"
        b"Content-type: application/json\nContent-Length: %d\r\n\r\n" % len(BODY)
    )
    answer = answer_to(head, at_once)
    assert answer.startswith(b"HTTP/1.1 200 OK\r\n")
    assert answer.endswith(b"127.0.0.1:18443: " + BODY)


def test_a_header_without_a_colon_is_refused_still() -> None:
    head = b"POST / HTTP/1.1\r\nHost: x\nnothing\r\nContent-Length: 3\r\n\r\n"
    assert answer_to(head).startswith(b"HTTP/1.1 400 ")


def test_a_head_is_not_ended_by_line_feeds_in_its_middle() -> None:
    head = b"POST / HTTP/1.1\r\nHost: x\nContent-Length: 3\n\nabc\r\n\r\n"
    assert answer_to(head).startswith(b"HTTP/1.1 400 ")
