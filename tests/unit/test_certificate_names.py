"""Who shows a certificate may only call workers as it is called."""

import json
from collections.abc import Sequence
from typing import Any

import pytest
from cryptography import x509
from cryptography.x509.oid import ExtensionOID
from OpenSSL import crypto
from twisted.internet.testing import StringTransport

from proxy.config import ListenerConfig
from proxy.downstream.certificate_names import is_of, names_of
from proxy.downstream.listener_policy import ListenerPolicy
from tests.certificates import an_ec_key, self_signed
from tests.fakes.hall import SUBSCRIBE, Hall
from tests.fakes.sv2_wire import Door, Sv2Wire


def certificate_of(common: str | None, dns: Sequence[str] = ()) -> crypto.X509:
    names = x509.SubjectAlternativeName([x509.DNSName(one) for one in dns])
    shown = self_signed(an_ec_key(), common, *([(names, False)] if dns else []))
    return crypto.X509.from_cryptography(shown)


class SecuredTransport(StringTransport):
    """A transport whose handshake is over."""

    def __init__(self, shown: crypto.X509 | None) -> None:
        super().__init__()
        self.shown = shown

    def getPeerCertificate(self) -> crypto.X509 | None:  # noqa: N802
        return self.shown


@pytest.mark.parametrize(
    ("worker", "is_its_own"),
    [
        ("tenant-a", True),
        ("tenant-a.rig1", True),
        ("tenant-ab.rig1", False),
        ("tenant-b.rig1", False),
        ("x.tenant-a", False),
        ("", False),
    ],
)
def test_a_worker_is_the_name_or_begins_with_it_and_a_dot(
    worker: str, *, is_its_own: bool
) -> None:
    assert is_of("tenant-a", worker) is is_its_own


def test_a_certificate_has_a_common_name_and_dns_names() -> None:
    assert names_of(SecuredTransport(certificate_of("a", ["b", "c.d"]))) == (
        *("a", "b", "c.d"),
    )
    assert names_of(SecuredTransport(certificate_of(None))) == ()
    assert names_of(SecuredTransport(None)) == ()


def authorised(
    rule: Any, protocol: Any, shown: crypto.X509 | None, *workers: str
) -> list[Any]:
    """Return what is answered to each worker who comes over a port of `rule`."""
    hall = Hall()
    listener = ListenerConfig(endpoint="ssl:1", tls_identity=rule, protocol=protocol)
    policy = ListenerPolicy(hall.connections, hall.context, listener)
    connection = policy.buildProtocol(None)
    assert connection is not None
    transport = SecuredTransport(shown)
    connection.makeConnection(transport)
    calls = [
        {"id": n, "method": "mining.authorize", "params": [worker, "x"]}
        for n, worker in enumerate(workers, 10)
    ]
    for call in [SUBSCRIBE, *calls]:
        connection.dataReceived(json.dumps(call).encode() + b"\n")
        hall.pass_time(0.0)
    answers = [json.loads(line) for line in transport.value().splitlines()]
    connection.connectionLost()
    results = {answer.get("id"): answer.get("result") for answer in answers}
    return [results[n] for n, _ in enumerate(workers, 10)]


@pytest.mark.parametrize(
    ("rule", "name", "taken"),
    [
        ("must-prefix", "tenant-a", [True, None]),
        ("must-prefix", "tenant-b", [None, True]),
        ("must-prefix", "tenant", [None, None]),
        ("must-prefix", None, [None, None]),
        ("any", "tenant-b", [True, True]),
    ],
)
def test_a_worker_of_another_name_is_refused(
    rule: str, name: str | None, taken: list[bool | None]
) -> None:
    workers = "tenant-a.rig1", "tenant-b.rig1"

    assert authorised(rule, "sv1", certificate_of(name), *workers) == taken


def test_a_channel_of_another_name_is_refused() -> None:
    door = Door()
    door.hall.sources[0].post()
    wire = Sv2Wire(door, "auto", "10.0.0.1")
    wire.connection.name_rule = lambda _transport: ("tenant-a",)
    wire.set_up()

    (refused,) = wire.extended(user_identity="tenant-b.rig1")
    taken, *_ = wire.extended(user_identity="tenant-a.rig1")

    assert refused.error_code == "unknown-user"
    assert list(wire.miner().workers) == ["tenant-a.rig1"]
    assert taken.channel_id


def test_a_certificate_is_read_once_for_all_channels_of_a_connection() -> None:
    door = Door()
    door.hall.sources[0].post()
    wire = Sv2Wire(door, "auto", "10.0.0.1")
    read: list[Any] = []

    def rule(transport: Any) -> tuple[str, ...]:
        read.append(transport)
        return ("tenant-a",)

    wire.connection.name_rule = rule
    wire.set_up()
    for number in range(10):
        wire.extended(user_identity=f"tenant-a.rig{number}")

    assert len(read) == 1


class Unreadable:
    """A certificate of version 7, as OpenSSL lets it through."""

    def to_cryptography(self) -> x509.Certificate:
        raise x509.InvalidVersion("7 is not a valid X509 version", 7)


def test_a_certificate_that_cannot_be_read_has_no_names() -> None:
    shown: Any = Unreadable()

    assert names_of(SecuredTransport(shown)) == ()
    assert authorised("must-prefix", "sv1", shown, "tenant-a.rig1") == [None]


def test_alternative_names_that_cannot_be_read_take_the_common_one_not_away() -> None:
    kind = ExtensionOID.SUBJECT_ALTERNATIVE_NAME
    torn = x509.UnrecognizedExtension(kind, b"torn")
    shown = self_signed(an_ec_key(), "a", (torn, False))

    assert names_of(SecuredTransport(crypto.X509.from_cryptography(shown))) == ("a",)
