"""Another configuration while the process runs: planned, prepared, committed."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from twisted.internet.address import IPv4Address
from twisted.internet.testing import StringTransport

from protocol.units import Difficulty
from proxy.admin.refused import Refused
from proxy.config import Config
from proxy.downstream.miner import Miner
from proxy.downstream.sv2_keys import KeyFileError
from proxy.share_process.changes import changes
from tests.certificates import an_ec_key, self_signed, write_pem
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


def test_a_port_that_meets_one_still_open_is_named_by_its_own_key() -> None:
    new = config_of({"listen": [], "listeners": [{"endpoint": "tcp:3333:backlog=9"}]})

    restarts = [c.key for c in changes(config_of(), new) if c.kind == "restart"]

    assert restarts == ["$.sites[0].listeners[0].endpoint"]


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


@pytest.mark.parametrize("listen", [["tcp:4444", "tcp:5555"], ["tcp:5555", "tcp:4444"]])
def test_a_taken_port_refuses_all_of_it_and_closes_those_it_had(
    start: Start, listen: list[str]
) -> None:
    running = start(config_of())
    before = running.state()
    running.reactor.taken.add(5555)

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


def test_keys_that_cannot_be_used_refuse_all_of_it(start: Start) -> None:
    running = start(config_of())
    before = running.state()

    def keys() -> Any:
        raise KeyFileError("authority.key: mode 644, wanted 600")

    running.builder.keys = keys
    listeners = [{"endpoint": "tcp:4444", "protocol": "sv2"}]
    with pytest.raises(Refused, match="wanted 600; nothing was reloaded"):
        running.reload(config_of({"listeners": listeners}, log_level="debug"))

    assert running.state() == before
    assert running.factories["hall-a"].keys is None


def test_the_first_listener_of_v2_gets_keys(start: Start) -> None:
    running = start(config_of())
    listeners = [{"endpoint": "tcp:4444", "protocol": "sv2"}]

    running.reload(config_of({"listeners": listeners}))

    assert running.factories["hall-a"].keys is not None


def test_v2_on_an_open_port_whose_engine_cannot_encrypt_is_refused(
    start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    listeners = [{"endpoint": "tcp:1", "protocol": "sv1"}]
    running = start(config_of({"listeners": listeners}))
    before = running.state()
    port = running.builder.services["hall-a"].ports.open["tcp:1", 0]
    monkeypatch.setattr(port.listener, "can_speak", lambda protocol: protocol == "sv1")

    running.reload(config_of({"listeners": listeners}))
    with pytest.raises(Refused, match=r"tcp:1: no libcrypto.* takes a restart"):
        running.reload(config_of({"listeners": [{**listeners[0], "protocol": "auto"}]}))

    assert running.state() == before


def test_a_listener_keeps_what_it_says_itself(start: Start) -> None:
    listeners = [{"endpoint": "tcp:1", "start": 512}]
    running = start(config_of({"listeners": listeners}))
    difficulty = {"start": 256, "minimum": 128, "maximum": 4096}

    running.reload(config_of({"listeners": listeners, "difficulty": difficulty}))

    policy = running.builder.services["hall-a"].ports.open["tcp:1", 0].policy
    assert policy.context.start == Difficulty(512)
    assert policy.context.policy.minimum == Difficulty(128)


def test_a_new_port_grants_or_parks_as_the_site_does_from_then_on(
    start: Start,
) -> None:
    power = {"budget_w": 1e6, "fail_safe_w": 1e5}
    running = start(config_of())
    both = {"listen": ["tcp:3333", "tcp:4444"]}

    running.reload(config_of({**both, "power": power}))
    parked = begins_granted(running, "tcp:3333"), begins_granted(running, "tcp:4444")
    both["listen"].append("tcp:5555")
    running.reload(config_of(both))
    granted = begins_granted(running, "tcp:4444"), begins_granted(running, "tcp:5555")

    assert parked == (False, False)
    assert granted == (True, True)


def test_miners_of_a_closed_port_have_the_bounds_of_the_site(start: Start) -> None:
    listeners = [{"endpoint": "tcp:1", "start": 512, "minimum": 256}]
    running = start(config_of({"listeners": listeners}))
    miner = arrive(running, "tcp:1")
    before = miner.vardiff.policy.minimum

    running.reload(config_of())
    closed = miner.vardiff.policy.minimum
    running.reload(config_of({"difficulty": {"start": 64, "minimum": 16}}))

    assert (before, closed) == (Difficulty(256), Difficulty(32))
    assert miner.vardiff.policy.minimum == Difficulty(16)
    assert miner.context.start == Difficulty(64)


def begins_granted(running: Running, endpoint: str) -> bool:
    return arrive(running, endpoint).is_granted


def arrive(running: Running, endpoint: str) -> Miner:
    """Return the miner behind a new connection to `endpoint`."""
    policy = running.builder.services["hall-a"].ports.open[endpoint, 0].policy
    protocol = policy.buildProtocol(IPv4Address("TCP", "10.0.0.1", 1))
    assert protocol is not None
    protocol.makeConnection(StringTransport())
    return [*running.factories["hall-a"].roster.miners.values()][-1]


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


def test_the_certificate_of_a_port_that_goes_may_be_gone(
    start: Start, tmp_path: Path
) -> None:
    key, cert = tmp_path / "key.pem", tmp_path / "cert.pem"
    write_certificate(key, cert, "first")
    running = start(config_of({"listen": [f"ssl:1:privateKey={key}:certKey={cert}"]}))
    cert.unlink()

    running.reload(config_of({"listen": ["tcp:4444"]}))

    assert running.reactor.open_ports == [4444]


def test_a_renewed_intermediate_certificate_is_taken_on(
    start: Start, tmp_path: Path
) -> None:
    key, cert, chain = (tmp_path / f"{name}.pem" for name in ("key", "cert", "chain"))
    write_certificate(key, cert, "own")
    write_certificate(tmp_path / "other.pem", chain, "intermediate")
    text = f"ssl:1:privateKey={key}:certKey={cert}:extraCertChain={chain}"
    running = start(config_of({"listen": [text]}))
    identity = running.builder.services["hall-a"].ports.open[text, 0].identity
    assert identity is not None
    before = identity.chain

    write_certificate(tmp_path / "other.pem", chain, "renewed")
    plan = running.reload(config_of({"listen": [text]}))

    assert [change.what for change in plan] == ["read again"]
    assert identity.chain[0] == before[0]
    assert identity.chain[1] != before[1]


def write_certificate(key_file: Path, file: Path, name: str) -> None:
    key = an_ec_key()
    write_pem(key_file, file, key, self_signed(key, name))


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
