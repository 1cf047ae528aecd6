import json
from typing import Any

import pytest
from twisted.internet.defer import maybeDeferred
from twisted.web.resource import Resource
from twisted.web.server import NOT_DONE_YET, Request, Site
from typing_extensions import override

from proxy.power.ports import RelayError
from proxy.signals.http_client import MAX_ANSWER_BYTES
from proxy.signals.relay import HttpRelay
from tests.support import on_reactor

pytestmark = pytest.mark.integration


class Box(Resource):
    """A relay that writes down its beats."""

    isLeaf = True  # noqa: N815  (twisted.web's name)
    status: int | None = 204
    body = b""

    def __init__(self) -> None:
        super().__init__()
        self.beats: list[dict[str, Any]] = []
        self.peers: set[int] = set()

    @override
    def render(self, request: Request) -> Any:
        if self.status is None:
            return NOT_DONE_YET
        assert request.content is not None
        beat = json.loads(request.content.read())
        beat["token"] = request.getHeader("authorization")
        self.beats.append(beat)
        self.peers.add(request.getClientAddress().port)
        request.setResponseCode(self.status)
        if self.body:
            request.setHeader("content-encoding", "gzip")
        return self.body


def a_box(reactor: Any) -> tuple[Box, Any, str]:
    box = Box()
    site: Any = Site(box)
    port = reactor.listenTCP(0, site, interface="127.0.0.1")
    return box, port, f"http://127.0.0.1:{port.getHost().port}/beat"


async def error_of(relay: HttpRelay) -> str:
    with pytest.raises(RelayError) as caught:
        await relay.beat(may_run=True)
    return str(caught.value)


@on_reactor
async def test_beats_are_numbered_and_keep_their_connection() -> None:
    from twisted.internet import reactor  # noqa: PLC0415

    box, port, url = a_box(reactor)
    relay = HttpRelay(reactor, "hall-a", url, "s3cret")
    for may_run in (True, True, False):
        await relay.beat(may_run=may_run)
    await relay.close()
    await maybeDeferred(port.stopListening)

    assert [b["seq"] for b in box.beats] == [1, 2, 3]
    assert [b["may_run"] for b in box.beats] == [True, True, False]
    assert {b["site"] for b in box.beats} == {"hall-a"}
    assert {b["token"] for b in box.beats} == {"Bearer s3cret"}
    assert len(box.peers) == 1


@on_reactor
async def test_a_relay_that_refuses_hangs_or_is_gone_is_an_error() -> None:
    from twisted.internet import reactor  # noqa: PLC0415

    box, port, url = a_box(reactor)
    relay = HttpRelay(reactor, "hall-a", url)
    box.status = 503
    refused = await error_of(relay)
    box.status = None
    hung = await error_of(relay)
    await relay.close()
    await maybeDeferred(port.stopListening)
    gone = await error_of(relay)

    assert "status 503" in refused
    assert "no answer" in hung
    assert "refused" in gone


@on_reactor
async def test_of_an_answer_nothing_is_unpacked_and_no_more_read_than_the_bound() -> (
    None
):
    from twisted.internet import reactor  # noqa: PLC0415

    box, port, url = a_box(reactor)
    relay = HttpRelay(reactor, "hall-a", url)
    box.status, box.body = 200, b"no gzip at all"
    await relay.beat(may_run=True)
    box.body = bytes(2 * MAX_ANSWER_BYTES)
    too_long = await error_of(relay)
    await relay.close()
    await maybeDeferred(port.stopListening)

    assert "an answer of more than" in too_long
