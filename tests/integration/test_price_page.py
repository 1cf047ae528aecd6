"""A page of prices is read as it comes, within bounds, and never unpacked."""

import gzip
from typing import Any

import pytest
from twisted.internet.defer import maybeDeferred
from twisted.web.resource import Resource
from twisted.web.server import Request, Site
from typing_extensions import override

from protocol.prices.curve import PriceError
from protocol.prices.units import MAX_DOCUMENT_BYTES
from protocol.units import UnixTime
from proxy.signals.price_document import WebDocument
from tests.support import on_reactor

pytestmark = pytest.mark.integration


class Page(Resource):
    """What a publisher says, and what it was asked."""

    isLeaf = True  # noqa: N815  (twisted.web's name)

    def __init__(self, body: bytes, status: int = 200, encoding: str = "") -> None:
        super().__init__()
        self.body, self.status, self.encoding = body, status, encoding
        self.asked: list[tuple[bytes, str | None, str | None]] = []

    @override
    def render(self, request: Request) -> bytes:
        headers = (
            request.getHeader("accept-encoding"),
            request.getHeader("authorization"),
        )
        self.asked.append((request.uri, *headers))
        request.setResponseCode(self.status)
        if self.encoding:
            request.setHeader("content-encoding", self.encoding)
        return self.body


async def read(page: Page, token: str | None = None) -> bytes:
    from twisted.internet import reactor  # noqa: PLC0415

    site: Any = Site(page)
    port: Any = reactor.listenTCP(0, site, interface="127.0.0.1")
    url = f"http://127.0.0.1:{port.getHost().port}/\u20ac?at={{from}}"
    document = WebDocument(reactor, url, token)
    try:
        return await document.read(UnixTime(86_400.0))
    finally:
        await document.close()
        await maybeDeferred(port.stopListening)


@on_reactor
async def test_a_page_is_asked_for_as_it_is() -> None:
    page = Page(b"start,price")

    assert await read(page, "s3cret") == b"start,price"
    where = b"/%E2%82%AC?at=197001010000"
    assert page.asked == [(where, "identity", "Bearer s3cret")]


@on_reactor
async def test_what_comes_compressed_is_not_unpacked() -> None:
    packed = gzip.compress(gzip.compress(bytes(1 << 20)))

    assert await read(Page(packed, encoding="gzip, gzip")) == packed


@on_reactor
async def test_a_page_that_is_too_long_or_not_there_is_refused() -> None:
    with pytest.raises(PriceError, match=f"more than {MAX_DOCUMENT_BYTES} B"):
        await read(Page(bytes(2 * MAX_DOCUMENT_BYTES)))
    with pytest.raises(PriceError, match="status 404"):
        await read(Page(b"none", 404))
