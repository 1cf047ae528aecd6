"""Which suites of TLS are spoken, with listeners and with pools."""

from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from OpenSSL import SSL
from twisted.internet.endpoints import TCP4ServerEndpoint
from twisted.internet.testing import MemoryReactorClock

from proxy.runtime.tls import HttpsPolicy, client_options, identity_of, server_endpoint
from proxy.upstream.address import _PinnedOptions
from tests.certificates import self_signed, write_pem

OLD = ["ECDHE-RSA-AES128-SHA", "AES128-SHA", "AES256-GCM-SHA384", "AES128-SHA256"]
"""CBC with SHA-1, plain RSA, and both."""

GOOD = ["ECDHE-RSA-AES128-GCM-SHA256", "ECDHE-RSA-CHACHA20-POLY1305"]


@pytest.fixture(scope="module")
def listener(tmp_path_factory: pytest.TempPathFactory) -> SSL.Context:
    """What a listener of an `ssl:` endpoint speaks, with an RSA key."""
    folder = tmp_path_factory.mktemp("tls")
    write_identity(folder)
    text = f"ssl:3334:privateKey={folder / 'key'}:certKey={folder / 'certificate'}"
    endpoint: Any = server_endpoint(MemoryReactorClock(), text)
    context: SSL.Context = endpoint._sslContextFactory.getContext()
    return context


def write_identity(folder: Path) -> None:
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    write_pem(folder / "key", folder / "certificate", key, self_signed(key, "hall"))


def shake_hands(server: SSL.Context, suite: str) -> str | None:
    """Return the suite that a client of TLS 1.2 gets who offers one; None if none."""
    context = SSL.Context(SSL.TLS_CLIENT_METHOD)
    context.set_max_proto_version(SSL.TLS1_2_VERSION)
    context.set_cipher_list(f"{suite}:@SECLEVEL=0".encode())
    ends = SSL.Connection(context, None), SSL.Connection(server, None)
    ends[0].set_connect_state()
    ends[1].set_accept_state()
    for _ in range(4):
        for end, other in (ends, ends[::-1]):
            try:
                end.do_handshake()
            except SSL.WantReadError:
                pass
            except SSL.Error:
                return None
            with suppress(SSL.WantReadError):
                other.bio_write(end.bio_read(1 << 16))
    return ends[0].get_cipher_name()


def ended(server: SSL.Context, client: SSL.Context) -> bool:
    """Return whether the server takes the client."""
    ends = SSL.Connection(client, None), SSL.Connection(server, None)
    ends[0].set_connect_state()
    ends[1].set_accept_state()
    for _ in range(4):
        for end, other in (ends, ends[::-1]):
            with suppress(SSL.WantReadError):
                try:
                    end.do_handshake()
                except SSL.WantReadError:
                    pass
                except SSL.Error:
                    return False
                other.bio_write(end.bio_read(1 << 16))
    return ends[1].get_peer_certificate() is not None


def showing(folder: Path | None) -> SSL.Context:
    context = SSL.Context(SSL.TLS_CLIENT_METHOD)
    if folder is not None:
        context.use_certificate_file(str(folder / "certificate"))
        context.use_privatekey_file(str(folder / "key"))
    return context


def test_authorities_decide_whose_certificates_are_taken(tmp_path: Path) -> None:
    ours, theirs = tmp_path / "ours", tmp_path / "theirs"
    for folder in (ours, theirs):
        folder.mkdir()
        write_identity(folder)
    text = f"ssl:3334:privateKey={ours / 'key'}:certKey={ours / 'certificate'}"
    reactor = MemoryReactorClock()
    plain = identity_of(server_endpoint(reactor, text))
    asking = identity_of(server_endpoint(reactor, text, ours / "certificate"))
    assert plain is not None
    assert asking is not None

    context = asking.getContext()
    assert ended(context, showing(ours))
    assert not ended(context, showing(theirs))
    assert not ended(context, showing(None))
    assert not plain.is_like(asking)
    plain.take_on(asking)
    assert plain.is_like(asking)
    assert not ended(plain.getContext(), showing(None))


@pytest.mark.parametrize(
    ("text", "error"), [(None, OSError), ("", ValueError), ("no PEM", ValueError)]
)
def test_authorities_that_cannot_be_read_are_an_error(
    text: str | None, error: type[Exception], tmp_path: Path
) -> None:
    write_identity(tmp_path)
    endpoint = (
        f"ssl:3334:privateKey={tmp_path / 'key'}:certKey={tmp_path / 'certificate'}"
    )
    path = tmp_path / "ca.pem"
    if text is not None:
        path.write_text(text)

    with pytest.raises(error, match=r"ca\.pem"):
        server_endpoint(MemoryReactorClock(), endpoint, path)


@pytest.mark.parametrize("suite", GOOD)
def test_a_listener_speaks_suites_of_today(listener: SSL.Context, suite: str) -> None:
    assert shake_hands(listener, suite) == suite


@pytest.mark.parametrize("suite", OLD)
def test_a_listener_refuses_suites_of_yesterday(
    listener: SSL.Context, suite: str
) -> None:
    assert shake_hands(listener, suite) is None


def test_a_pool_is_offered_suites_of_today_alone(listener: SSL.Context) -> None:
    verified: Any = client_options("pool.example")
    https: Any = HttpsPolicy().creatorForNetloc(b"node.example", 443)
    clients = [one._createConnection.__self__.getContext() for one in (verified, https)]
    pinned = _PinnedOptions("00" * 32).getContext()

    for context in (listener, *clients, pinned):
        offered = SSL.Connection(context, None).get_cipher_list()
        assert offered
        assert all("GCM" in one or "CHACHA20" in one for one in offered)
        assert all(one.startswith(("ECDHE-", "TLS_")) for one in offered)


def test_a_plain_endpoint_stays_plain() -> None:
    endpoint = server_endpoint(MemoryReactorClock(), "tcp:1")

    assert isinstance(endpoint, TCP4ServerEndpoint)
