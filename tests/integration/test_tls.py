"""TLS on both sides: whom we trust, and what is said where we do not."""

import json
from datetime import UTC, datetime
from ipaddress import ip_address
from pathlib import Path
from typing import Any

import msgspec
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from twisted.internet.defer import maybeDeferred
from twisted.internet.endpoints import serverFromString
from twisted.internet.protocol import Factory
from twisted.internet.task import deferLater
from twisted.protocols.basic import LineReceiver
from typing_extensions import override

from protocol.units import UnixTime
from proxy.config import Config, PoolConfig
from proxy.jobs.feed import Feed
from proxy.share_process.build import build
from proxy.upstream.address import Trust, endpoint_of, read_pool_url
from proxy.upstream.pool import Pool
from proxy.upstream.pool_protocol import Sv1PoolProtocol
from tests.certificates import an_ec_key, self_signed, write_pem
from tests.fakes.judging_pool import NTIME, JudgingPool
from tests.support import free_port, on_reactor


class Identity:
    """A self-signed certificate for 127.0.0.1 and its key, as files."""

    def __init__(self, folder: Path, host: str = "127.0.0.1") -> None:
        key = an_ec_key()
        names = x509.SubjectAlternativeName([x509.IPAddress(ip_address(host))])
        authority = x509.BasicConstraints(ca=True, path_length=0)
        certificate = self_signed(key, "a pool", (names, False), (authority, True))
        self.certificate = folder / "certificate.pem"
        self.key = folder / "key.pem"
        write_pem(self.key, self.certificate, key, certificate)
        self.fingerprint = certificate.fingerprint(hashes.SHA256()).hex()


class Listener:
    """A board that waits for work or for the reason that there is none."""

    def room_known(self) -> None:
        pass

    def work_arrived(self, feed: Feed) -> None:
        pass

    def feed_lost(self, feed: Feed, session: int) -> None:
        pass


async def mined_on(identity: Identity, trust: Trust) -> str:
    """Return `ready`, or why a pool that shows `identity` is not."""
    from twisted.internet import reactor  # noqa: PLC0415

    clock: Any = reactor
    files = f"privateKey={identity.key}:certKey={identity.certificate}"
    endpoint = serverFromString(clock, f"ssl:0:interface=127.0.0.1:{files}")
    port = await endpoint.listen(JudgingPool())
    url = f"stratum+tls://127.0.0.1:{port.getHost().port}"
    pool = Pool(
        PoolConfig(name="main", url=url, user="acct"),
        read_pool_url(url),
        lambda address: endpoint_of(clock, address, trust),
        clock,
        lambda: 0.5,
        lambda: 1,
        lambda user: Sv1PoolProtocol("main", user, "x", "test/1"),
    )
    pool.listeners["hall-a"] = Listener()
    feed = pool.open("hall-a", "", 0)
    began = feed.reason
    while not feed.work and feed.reason == began:
        await deferLater(clock, 0.01)
    found = feed.reason or pool.state()
    if found == "ready":
        century_ends = datetime(2120, 1, 1, tzinfo=UTC).timestamp()
        assert pool.certificate_until == century_ends
    await pool.stop()
    await maybeDeferred(port.stopListening)
    return found


@pytest.mark.integration
@on_reactor
async def test_authorities_of_ones_own_are_trusted(tmp_path: Path) -> None:
    identity = Identity(tmp_path)

    assert await mined_on(identity, Trust.of(None, identity.certificate)) == "ready"


@pytest.mark.integration
@on_reactor
async def test_a_certificate_that_nobody_signed_is_not_trusted(tmp_path: Path) -> None:
    assert "certificate verify failed" in await mined_on(Identity(tmp_path), Trust())


@pytest.mark.integration
@on_reactor
async def test_a_certificate_for_another_host_is_not_trusted(tmp_path: Path) -> None:
    identity = Identity(tmp_path, host="127.0.0.2")

    said = await mined_on(identity, Trust.of(None, identity.certificate))

    assert said != "ready"
    assert "127.0.0.1" in said or "verif" in said.lower()


@pytest.mark.integration
@on_reactor
async def test_the_pinned_certificate_is_trusted_whoever_signed_it(
    tmp_path: Path,
) -> None:
    identity = Identity(tmp_path)

    assert await mined_on(identity, Trust(identity.fingerprint)) == "ready"


@pytest.mark.integration
@on_reactor
async def test_another_certificate_than_the_pinned_one_is_not(tmp_path: Path) -> None:
    said = await mined_on(Identity(tmp_path), Trust("00" * 32))

    assert "certificate verify failed" in said


class Firmware(LineReceiver):
    """A miner that asks for work over TLS and keeps what it hears."""

    delimiter = b"\n"

    def __init__(self) -> None:
        self.methods: list[str] = []

    @override
    def connectionMade(self) -> None:
        self.sendLine(b'{"id":1,"method":"mining.subscribe","params":[]}')
        self.sendLine(b'{"id":2,"method":"mining.authorize","params":["rig1","x"]}')

    @override
    def lineReceived(self, line: bytes) -> None:
        message = json.loads(line)
        self.methods.append(message.get("method") or str(message["id"]))


@pytest.mark.integration
@on_reactor
async def test_miners_may_come_over_tls(tmp_path: Path) -> None:
    identity = Identity(tmp_path)
    from twisted.internet import reactor  # noqa: PLC0415

    clock: Any = reactor
    pool = clock.listenTCP(0, JudgingPool(), interface="127.0.0.1")
    number = free_port()
    files = f"privateKey={identity.key}:certKey={identity.certificate}"
    tables = {
        "proxy": {"state_dir": str(tmp_path), "admin": f"unix:{tmp_path / 'a.sock'}"},
        "pools": [
            {
                "name": "main",
                "url": f"stratum+tcp://127.0.0.1:{pool.getHost().port}",
                "user": "a",
            }
        ],
        "sites": [
            {
                "name": "hall-a",
                "listen": [f"ssl:{number}:interface=127.0.0.1:{files}"],
                "sources": ["main"],
            }
        ],
    }
    config = msgspec.convert(tables, Config)
    program = build(config, clock, lambda: UnixTime(float(NTIME)), lambda: 0.5)
    program.root.startService()
    await program.ready()
    url = f"stratum+tls://127.0.0.1:{number}"
    trust = Trust.of(None, identity.certificate)
    firmware: Any = await endpoint_of(clock, read_pool_url(url), trust).connect(
        Factory.forProtocol(Firmware)
    )
    while "mining.notify" not in firmware.methods:
        await deferLater(clock, 0.01)
    firmware.transport.loseConnection()
    await program.root.stopService()
    await maybeDeferred(pool.stopListening)

    assert firmware.methods[:2] == ["1", "2"]
