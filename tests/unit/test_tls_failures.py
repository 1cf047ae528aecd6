"""A handshake that fails is counted and told with address and reason."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from OpenSSL import SSL
from twisted.internet.address import IPv4Address
from twisted.internet.testing import MemoryReactorClock, StringTransport
from twisted.logger import capturedLogs, formatEvent
from twisted.protocols.tls import TLSMemoryBIOFactory
from twisted.python.failure import Failure

from proxy.config import ListenerConfig
from proxy.downstream.listener_policy import ListenerPolicy
from proxy.downstream.tls_failures import why_of
from proxy.runtime.tls import server_endpoint
from tests.certificates import an_ec_key, self_signed, write_pem
from tests.fakes.hall import Hall
from tests.fakes.sv2_wire import Door

PEER = IPv4Address("TCP", "10.0.0.9", 40000)


class TcpTransport(StringTransport):
    def setTcpNoDelay(self, enabled: bool) -> None:  # noqa: FBT001, N802
        pass

    def setTcpKeepAlive(self, enabled: bool) -> None:  # noqa: FBT001, N802
        pass


class Taking:
    """Who listens: it keeps the factory that is handed to it."""

    def __init__(self, folder: Path, protocol: Any) -> None:
        self.hall = Door().hall
        key = an_ec_key()
        ca = folder / "cert.pem"
        write_pem(folder / "key.pem", ca, key, self_signed(key, "proxy"))
        text = f"ssl:1:privateKey={folder / 'key.pem'}:certKey={ca}"
        reactor = MemoryReactorClock()
        policy: Any = ListenerPolicy(
            self.hall.connections,
            self.hall.context,
            ListenerConfig(endpoint="ssl:1", protocol=protocol),
        )
        endpoint: Any = server_endpoint(reactor, text, ca)
        factory: Any = TLSMemoryBIOFactory(endpoint._sslContextFactory, False, policy)
        self.end: Any = factory.buildProtocol(PEER)
        self.transport = TcpTransport(peerAddress=PEER)
        self.end.makeConnection(self.transport)

    def talk(self, client: SSL.Connection) -> None:
        """Carry bytes until nobody has any more."""
        while True:
            try:
                client.do_handshake()
                client.read(1)
            except SSL.Error:
                pass
            try:
                sent = client.bio_read(65536)
            except SSL.WantReadError:
                break
            self.end.dataReceived(sent)
            client.bio_write(self.transport.value() or b"")
            self.transport.clear()
        if self.transport.disconnecting:
            self.end.connectionLost(Failure(ConnectionError()))


def without_certificate(context: SSL.Context) -> None:
    del context


def of_old_version(context: SSL.Context) -> None:
    context.set_cipher_list(b"ALL:@SECLEVEL=0")
    context.set_min_proto_version(SSL.TLS1_1_VERSION)
    context.set_max_proto_version(SSL.TLS1_1_VERSION)


@pytest.mark.parametrize("protocol", ["sv1", "sv2", "auto"])
@pytest.mark.parametrize(
    ("be", "why"),
    [
        (without_certificate, "peer did not return a certificate"),
        (of_old_version, "unsupported protocol"),
    ],
)
def test_a_handshake_that_fails_is_counted_and_told(
    tmp_path: Path, be: Callable[[SSL.Context], None], why: str, protocol: str
) -> None:
    taking = Taking(tmp_path, protocol)
    context = SSL.Context(SSL.TLS_CLIENT_METHOD)
    be(context)
    client = SSL.Connection(context, None)
    client.set_connect_state()
    with capturedLogs() as logged:
        taking.talk(client)

    lines = [formatEvent(event) for event in logged]
    assert f"hall-a: no TLS with 10.0.0.9: {why}" in lines
    assert taking.hall.connections.tls_failures.count == 1


def test_a_connection_that_ends_is_none() -> None:
    hall = Hall()
    failures = hall.connections.tls_failures
    failures.note(StringTransport(), Failure(ConnectionError()))

    assert failures.count == 0


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (SSL.Error([("SSL routines", "", "a"), ("x", "", ""), ("y", "", "b")]), "a, b"),
        (SSL.Error(), "Error"),
        (SSL.SysCallError(-1, "Unexpected EOF"), "SysCallError"),
    ],
)
def test_the_reason_is_in_openssls_words(error: SSL.Error, words: str) -> None:
    assert why_of(error) == words
