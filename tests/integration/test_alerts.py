"""Alerts over real sockets: HTTP and SMTP as receivers speak it."""

from collections.abc import Iterator
from typing import Any

import pytest
from msgspec import convert
from twisted.internet import reactor
from twisted.internet.defer import succeed
from twisted.internet.protocol import Factory, Protocol
from twisted.mail import smtp
from twisted.web.resource import Resource
from twisted.web.server import Request, Site
from typing_extensions import override
from zope.interface import implementer

from protocol.units import UnixTime
from proxy.alerts.alarm import Alarm
from proxy.alerts.delivery import DeliveryError, Notice
from proxy.alerts.receivers import Sender, receiver_of
from proxy.config.alerts import AlertConfig

pytestmark = pytest.mark.integration

AT = 1_700_000_000.0
NOTICES = [Notice(Alarm("trip", "hall-a", "critical", "x", (), 0, AT), "begins")]
TOKEN = "s3cret"  # noqa: S105  (of a test)
HERE: Any = reactor


class Web(Resource):
    """Keeps what it is sent, answers as it is told."""

    isLeaf = True  # noqa: N815

    def __init__(self) -> None:
        super().__init__()
        self.asked: list[tuple[bytes, bytes | None]] = []
        self.status, self.body = 200, b"ok"

    def render_POST(self, request: Request) -> bytes:  # noqa: N802
        self.asked.append((request.uri, request.getHeader(b"authorization")))
        request.setResponseCode(self.status)
        return self.body


@implementer(smtp.IMessageDelivery, smtp.IMessage)
class Mailbox:
    """Takes every message."""

    def __init__(self) -> None:
        self.lines: list[bytes] = []

    def receivedHeader(self, *_: Any) -> bytes:  # noqa: N802
        return b"Received: here"

    def validateFrom(self, _: Any, origin: Any) -> Any:  # noqa: N802
        return origin

    def validateTo(self, _: Any) -> Any:  # noqa: N802
        return lambda: self

    def lineReceived(self, line: bytes) -> None:  # noqa: N802
        self.lines.append(line)

    def eomReceived(self) -> Any:  # noqa: N802
        return succeed(None)

    def connectionLost(self) -> None:  # noqa: N802
        """Nothing is open."""


class Server(Factory):
    """Of mail, without TLS."""

    def __init__(self, box: Mailbox) -> None:
        self.box = box

    @override
    def buildProtocol(self, addr: Any) -> smtp.ESMTP:
        protocol = smtp.ESMTP()
        protocol.delivery, protocol.factory = self.box, self
        return protocol


@pytest.fixture
def web() -> Iterator[tuple[Web, int]]:
    page = Web()
    port = HERE.listenTCP(0, Site(page), interface="127.0.0.1")
    yield page, port.getHost().port
    port.stopListening()


def receiver(**keys: Any) -> Any:
    config = convert({"name": "a", **keys}, AlertConfig, dec_hook=lambda k, v: k(v))
    return receiver_of(config, Sender("unit-1", HERE, lambda: UnixTime(AT)))


@pytest.mark.parametrize(
    ("kind", "path"), [("alertmanager", b"/am/api/v2/alerts"), ("ntfy", b"/am")]
)
async def test_it_is_posted_with_its_token(
    web: tuple[Web, int], kind: str, path: bytes
) -> None:
    page, port = web
    url = f"http://127.0.0.1:{port}/am"
    await receiver(kind=kind, url=url, token=TOKEN).send(NOTICES)
    assert page.asked == [(path, f"Bearer {TOKEN}".encode())]


async def test_a_refusal_is_told_in_the_receivers_words(web: tuple[Web, int]) -> None:
    page, port = web
    page.status, page.body = 400, b"no such\ntopic " + b"x" * 1_000_000
    one = receiver(kind="webhook", url=f"http://127.0.0.1:{port}/")
    with pytest.raises(DeliveryError, match=r"status 400 no such topic x{50}") as error:
        await one.send(NOTICES)
    assert len(str(error.value)) < 300
    page.status = 302
    with pytest.raises(DeliveryError, match="status 302"):
        await one.send(NOTICES)


async def test_who_takes_it_and_says_nothing_is_a_reason(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("proxy.alerts.http.DEADLINE", 0.2)
    port = HERE.listenTCP(0, Factory.forProtocol(Protocol), interface="127.0.0.1")
    url = f"http://127.0.0.1:{port.getHost().port}/"
    try:
        with pytest.raises(DeliveryError, match="no answer in"):
            await receiver(kind="webhook", url=url).send(NOTICES)
    finally:
        await port.stopListening()


async def test_nobody_there_is_a_reason() -> None:
    with pytest.raises(DeliveryError, match="refused"):
        await receiver(kind="webhook", url="http://127.0.0.1:1/").send(NOTICES)
    mail = {"kind": "smtp", "from": "a@x.example", "to": ["b@x.example"]}
    with pytest.raises(DeliveryError):
        await receiver(**mail, host="127.0.0.1", port=1).send(NOTICES)


async def test_mail_is_taken_and_never_sent_in_the_clear_unless_that_is_said() -> None:
    box = Mailbox()
    port = HERE.listenTCP(0, Server(box), interface="127.0.0.1")
    where = {"host": "127.0.0.1", "port": port.getHost().port}
    mail = {"kind": "smtp", "from": "a@x.example", "to": ["b@x.example"], **where}
    try:
        with pytest.raises(DeliveryError):
            await receiver(**mail).send(NOTICES)  # it has no STARTTLS
        assert box.lines == []
        await receiver(**mail, starttls=False).send(NOTICES)
    finally:
        await port.stopListening()
    assert b"Subject: unit-1: critical: trip" in box.lines
