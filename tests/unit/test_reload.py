"""Another configuration while the process runs: planned, prepared, committed."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from protocol.units import Difficulty
from proxy.admin.refused import Refused
from proxy.config import Config
from proxy.share_process.changes import changes
from tests.fakes.running import POOL, Running, config_of

Start = Callable[[Config], Running]


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    begun: list[Running] = []

    def begin(config: Config) -> Running:
        begun.append(Running(tmp_path, config))
        return begun[-1]

    yield begin
    for one in begun:
        one.stop()


def kinds(old: Config, new: Config) -> dict[str, str]:
    return {change.key: change.kind for change in changes(old, new)}


@pytest.mark.parametrize(
    ("new", "key", "kind"),
    [
        (config_of(log_level="debug"), "$.proxy.log_level", "live"),
        (config_of(engine="python"), "$.proxy.engine", "restart"),
        (config_of({"hold_s": 5}), "$.sites[0].hold_s", "live"),
        (config_of({"listen": ["tcp:4444"]}), "$.sites[0].listen", "rebuild"),
        (config_of(pools=[{**POOL, "user": "b"}]), "$.pools.main", "rebuild"),
        (config_of({"name": "hall-b"}), "$.sites", "restart"),
        (
            config_of({"extranonce": {"layout": "1+3"}}),
            "$.sites[0].extranonce",
            "restart",
        ),
    ],
)
def test_each_change_says_what_it_takes(new: Config, key: str, kind: str) -> None:
    assert kinds(config_of(), new) == {key: kind}


def test_a_port_that_only_changes_its_interface_takes_a_restart() -> None:
    new = config_of({"listen": ["tcp:3333:interface=127.0.0.1"]})

    assert "restart" in {change.kind for change in changes(config_of(), new)}


def test_nothing_new_changes_nothing(start: Start) -> None:
    running = start(config_of())
    before = running.state()

    assert running.reload(config_of()) == []
    assert running.state() == before


def test_a_dry_run_changes_nothing_and_names_everything(start: Start) -> None:
    running = start(config_of())
    before = running.state()
    new = config_of({"listen": ["tcp:4444"]}, log_level="debug", engine="python")

    found = running.reload(new, dry_run=True)

    assert [change.kind for change in found] == ["restart", "live", "rebuild"]
    assert running.state() == before


def test_what_takes_a_restart_is_named_and_nothing_is_changed(start: Start) -> None:
    running = start(config_of())
    before = running.state()

    with pytest.raises(Refused, match=r"^\$\.proxy\.name changed: .* a restart"):
        running.reload(config_of({"hold_s": 5}, name="unit-2"))

    assert running.state() == before


def test_a_taken_port_refuses_all_of_it_and_closes_those_it_had(start: Start) -> None:
    running = start(config_of())
    before = running.state()
    running.reactor.taken.add(5555)
    listen = ["tcp:4444", "tcp:5555"]

    with pytest.raises(Refused, match="5555"):
        running.reload(config_of({"listen": listen, "hold_s": 5}))

    assert running.state() == before


def test_a_controller_that_refuses_is_quoted_and_nothing_is_changed(
    start: Start,
) -> None:
    running = start(config_of())
    before = running.state()
    running.power.refusal = "no such machine"

    with pytest.raises(Refused, match="no such machine; nothing was reloaded"):
        running.reload(config_of({"hold_s": 5, "listen": ["tcp:4444"]}))

    assert running.state() == before


def test_a_pool_url_that_is_none_refuses_all_of_it(start: Start) -> None:
    running = start(config_of())
    before = running.state()
    pool = {**POOL, "ca_file": Path("/nowhere.pem"), "url": "stratum+tls://a.example:1"}

    with pytest.raises(Refused, match=r"nowhere\.pem"):
        running.reload(config_of({"hold_s": 5}, pools=[pool]))

    assert running.state() == before


def test_a_listener_keeps_what_it_says_itself(start: Start) -> None:
    listeners = [{"endpoint": "tcp:1", "start": 512}]
    running = start(config_of({"listeners": listeners}))
    difficulty = {"start": 256, "minimum": 128, "maximum": 4096}

    running.reload(config_of({"listeners": listeners, "difficulty": difficulty}))

    policy = running.builder.services["hall-a"].ports.open["tcp:1", 0].policy
    assert policy.context.start == Difficulty(512)
    assert policy.context.policy.minimum == Difficulty(128)


def test_a_port_that_is_wanted_no_more_is_closed(start: Start) -> None:
    running = start(config_of())

    running.reload(config_of({"listen": ["tcp:4444"]}))

    assert running.reactor.open_ports == [4444]


def test_a_certificate_is_read_again_and_a_broken_one_refuses_all_of_it(
    start: Start, tmp_path: Path
) -> None:
    key, cert = tmp_path / "key.pem", tmp_path / "cert.pem"
    write_certificate(key, cert, "first")
    tls = {"listen": [f"ssl:1:privateKey={key}:certKey={cert}"]}
    running = start(config_of(tls))
    identity = (
        running.builder.services["hall-a"].ports.open[tls["listen"][0], 0].identity
    )
    assert identity is not None
    first = identity.fingerprint

    write_certificate(key, cert, "second")
    (change,) = running.reload(config_of(tls))
    second = identity.fingerprint
    cert.write_text("broken")
    with pytest.raises(Refused, match=r"a certificate: .* nothing was reloaded"):
        running.reload(config_of({**tls, "hold_s": 5}))

    assert change.key == f"certificate {second[:23]}"
    assert first != second == identity.fingerprint


def write_certificate(key: Path, cert: Path, name: str) -> None:
    """Write a certificate that nobody else has signed, and its key."""
    private = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    made = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(private.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(datetime(2020, 1, 1, tzinfo=UTC))
        .not_valid_after(datetime(2120, 1, 1, tzinfo=UTC))
        .sign(private, hashes.SHA256())
    )
    plain = serialization.NoEncryption()
    form = serialization.PrivateFormat.PKCS8
    encoding = serialization.Encoding.PEM
    key.write_bytes(private.private_bytes(encoding, form, plain))
    cert.write_bytes(made.public_bytes(encoding))


def test_one_reload_at_a_time(start: Start) -> None:
    running = start(config_of())
    waits: list[Any] = []

    async def check(_: Config) -> None:
        try:
            running.reload(config_of({"hold_s": 7}))
        except Refused as error:
            waits.append(str(error))

    running.power.check = check  # type: ignore[method-assign]
    running.reload(config_of({"hold_s": 5}))

    assert waits == ["another reload is under way"]
