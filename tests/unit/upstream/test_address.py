from pathlib import Path
from typing import Any, cast

import pytest
from twisted.internet.address import IPv4Address
from twisted.internet.defer import Deferred
from twisted.internet.error import getConnectError
from twisted.internet.interfaces import (
    IHostnameResolver,
    IHostResolution,
    IReactorPluggableNameResolver,
    IResolutionReceiver,
)
from twisted.internet.protocol import Factory, Protocol
from twisted.internet.testing import MemoryReactorClock
from twisted.python.failure import Failure
from zope.interface import implementer

from proxy.upstream.address import (
    NOT_CONNECTED,
    PoolAddress,
    PoolUrlError,
    Trust,
    endpoint_of,
    followed,
    read_pool_url,
    why_not_connected,
)
from tests.noise_peers import an_authority

KEY = an_authority().key
HOME = PoolAddress("eu.pool.example", 3333, tls=True)


@pytest.mark.parametrize(
    ("host", "port", "leads_to"),
    [
        ("", 0, HOME),
        ("", 4444, PoolAddress("eu.pool.example", 4444, tls=True)),
        ("us.pool.example", 0, PoolAddress("us.pool.example", 3333, tls=True)),
        ("us.pool.example", 25, PoolAddress("us.pool.example", 25, tls=True)),
        ("pool.example", 0, None),
        ("eu.thief.example", 0, None),
        ("eu.pool.example.thief.org", 0, None),
        ("10.0.0.1", 0, None),
    ],
)
def test_a_pool_may_send_us_no_further_than_its_domain(
    host: str, port: int, leads_to: PoolAddress | None
) -> None:
    assert followed(HOME, host, port) == leads_to


@pytest.mark.parametrize("home", ["10.0.0.1", "2001:db8::1", "pool.example", "pool"])
def test_a_number_and_a_bare_domain_have_no_siblings(home: str) -> None:
    address = PoolAddress(home, 3333, tls=False)

    assert followed(address, "11.0.0.1", 0) is None
    assert followed(address, "other.example", 0) is None
    assert followed(address, home, 4444) == PoolAddress(home, 4444, tls=False)


@pytest.mark.parametrize("text", [None, "", "no certificate here"])
def test_authorities_that_cannot_be_read_stop_the_start(
    text: str | None, tmp_path: Path
) -> None:
    path = tmp_path / "ca.pem"
    if text is not None:
        path.write_text(text)

    with pytest.raises(PoolUrlError, match=r"ca\.pem"):
        Trust.of(None, path)


@pytest.mark.parametrize(
    ("url", "why"),
    [
        ("stratum2+tcp://pool.example:3333/key", "authority key: 'k|wrong checksum"),
        (f"stratum2+tcp://pool.example/{KEY.text}", "port"),
        ("http://pool.example:80", "expected"),
        ("stratum+tcp://pool.example", "port"),
        ("stratum+tcp://pool.example:99999", "99999|range"),
    ],
)
def test_a_url_that_cannot_be_used_is_named(url: str, why: str) -> None:
    with pytest.raises(PoolUrlError, match=why):
        read_pool_url(url)


@pytest.mark.parametrize("text", [KEY.text, KEY.bare_text])
def test_a_url_of_the_newer_version_names_its_authority(text: str) -> None:
    found = read_pool_url(f"stratum2+tcp://pool.example:3336/{text}")

    assert found == PoolAddress(
        "pool.example", 3336, tls=False, sv2=True, authority=KEY
    )


def test_where_an_authority_vouches_any_host_may_be_followed() -> None:
    home = PoolAddress("pool.example", 3336, tls=False, sv2=True, authority=KEY)

    found = followed(home, "10.9.8.7", 4444)

    assert found == PoolAddress("10.9.8.7", 4444, tls=False, sv2=True, authority=KEY)
    assert followed(home, "", 0) == home


@implementer(IReactorPluggableNameResolver, IHostnameResolver)
class NamingReactor(MemoryReactorClock):
    """Knows every host, at 10.0.0.1, and which were asked for."""

    def __init__(self) -> None:
        super().__init__()
        self.asked: list[str] = []
        self.nameResolver = self

    def resolveHostName(  # noqa: N802  (IHostnameResolver)
        self,
        resolutionReceiver: IResolutionReceiver,  # noqa: N803
        hostName: str,  # noqa: N803
        portNumber: int = 0,  # noqa: N803
        *_kinds: Any,
        **_more: Any,
    ) -> IHostResolution:
        self.asked.append(hostName)
        found = IPv4Address("TCP", "10.0.0.1", portNumber)
        resolutionReceiver.addressResolved(found)
        resolutionReceiver.resolutionComplete()
        return cast("IHostResolution", None)


@pytest.mark.parametrize("trust", [None, Trust(fingerprint="ab" * 32)])
@pytest.mark.parametrize("host", ["my_pool", "pool_1.lan", "pool.example"])
def test_a_host_is_looked_up_by_the_name_it_has(host: str, trust: Trust | None) -> None:
    reactor = NamingReactor()
    address = PoolAddress(host, 3333, tls=trust is not None)
    endpoint = endpoint_of(cast("Any", reactor), address, trust or Trust())
    dialling = endpoint.connect(Factory.forProtocol(Protocol))

    assert reactor.asked == [host]
    assert reactor.tcpClients[0][:2] == ("10.0.0.1", 3333)
    cancelled = dialling.addErrback(lambda _: None)
    cancelled.cancel()


@pytest.mark.parametrize(("host", "tls"), [("a..b", False), ("my_pool", True)])
def test_a_host_that_is_none_is_no_connection(host: str, tls: bool) -> None:  # noqa: FBT001
    reactor = cast("Any", NamingReactor())

    async def dial() -> None:
        endpoint = endpoint_of(reactor, PoolAddress(host, 3333, tls=tls), Trust())
        await endpoint.connect(Factory.forProtocol(Protocol))

    failures: list[Failure] = []
    dialling = Deferred.fromCoroutine(dial()).addErrback(failures.append)

    assert dialling.called
    assert failures[0].check(*NOT_CONNECTED) is ValueError


def test_why_nothing_was_connected_is_said_once() -> None:
    refused = getConnectError(OSError(111, "Connection refused"))

    assert why_not_connected(refused) == "Connection refused"
    assert why_not_connected(ValueError("no host.")) == "no host"
