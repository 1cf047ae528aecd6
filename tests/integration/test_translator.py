"""SRI's translator, the reference proxy from V1 to V2, between our miners and us.

Needs the program that `make translator` installs; skipped without.
"""

import os
from pathlib import Path
from typing import Any

import pytest
from twisted.internet.defer import Deferred, maybeDeferred
from twisted.internet.protocol import ProcessProtocol
from twisted.internet.task import deferLater
from typing_extensions import override

from protocol.units import Seconds
from proxy.sim.command import FleetOptions, build_fleet
from tests.engines import EITHER_ENGINE, Engine
from tests.fakes.node_process import start_node
from tests.fakes.solo import ask
from tests.integration.pairings import RealTimePlant
from tests.integration.test_regtest_node import ANYONE_ADDRESS
from tests.integration.test_solo import MATURE
from tests.support import free_ports, within

PROGRAM = Path(
    os.environ.get(
        "BASELOAD_TRANSLATOR",
        Path(__file__).parents[1] / "interop/target/translator/bin/translator_sv2",
    )
)
pytestmark = [
    pytest.mark.integration,
    pytest.mark.skipif(not PROGRAM.exists(), reason=f"{PROGRAM} is not installed"),
]

# As in the examples that come with it, but for addresses and the miners' hashrate: a
# simulated one makes 4,000 hashes a second, which it has to find out.
SETTINGS = """
downstream_address = "127.0.0.1"
downstream_port = {port}
max_supported_version = 2
min_supported_version = 2
downstream_extranonce2_size = 4
verify_payout = false
aggregate_channels = {aggregated}
supported_extensions = [0x0002]
[downstream_difficulty_config]
min_individual_miner_hashrate = 2000.0
shares_per_minute = 6.0
enable_vardiff = true
job_keepalive_interval_secs = 60
[[upstreams]]
address = "127.0.0.1"
port = {upstream}
authority_pubkey = "{key}"
user_identity = "acme.hall"
"""


class Translator(ProcessProtocol):
    """A run of the program; `ended` fires when it is gone."""

    def __init__(self, reactor: Any, settings: Path) -> None:
        self.ended: Deferred[None] = Deferred()
        self.said = b""
        arguments = [str(PROGRAM), "-c", str(settings)]
        self._process = reactor.spawnProcess(self, arguments[0], arguments, env=None)

    @override
    def outReceived(self, data: bytes) -> None:
        self.said += data

    @override
    def errReceived(self, data: bytes) -> None:
        self.said += data

    @override
    def processEnded(self, _reason: Any) -> None:
        self.ended.callback(None)

    def kill(self) -> None:
        self._process.signalProcess("KILL")


@pytest.mark.parametrize("aggregated", [False, True])
@EITHER_ENGINE
@within(Seconds(240.0))
async def test_it_has_no_share_refused_at_its_default_settings(
    engine: Engine, *, aggregated: bool, tmp_path: Path
) -> None:
    from twisted.internet import reactor  # noqa: PLC0415

    clock: Any = reactor
    node = await start_node("embedded", reactor, tmp_path / "node")
    await ask(node, reactor, "generatetoaddress", MATURE, ANYONE_ADDRESS)
    core = {
        "name": "core",
        "rpc": node.rpc_url,
        "cookie_file": node.cookie_file,
        "zmq_hashblock": node.zmq_url,
        "payout_address": ANYONE_ADDRESS,
        "min_block_difficulty": 3e-5,
    }
    difficulty = {"start": 1e-9, "minimum": 1e-10}
    plant = RealTimePlant(
        tmp_path, [], urls=[], nodes=[core], engine=engine, difficulty=difficulty
    )
    await plant.start(older=0, newer=0)
    (port,) = free_ports(1)
    settings = tmp_path / "translator.toml"
    settings.write_text(
        SETTINGS.format(
            port=port,
            upstream=plant.listen,
            aggregated=str(aggregated).lower(),
            key=plant.rigs.key.text,
        )
    )
    translator = Translator(clock, settings)
    while port not in _listening():
        await deferLater(clock, 0.1)
    url = f"stratum+tcp://127.0.0.1:{port}"
    options = FleetOptions(urls=(url,), miners=10, hash_scale=2e-11)
    fleet = build_fleet(clock, options)
    fleet.startService()
    book = plant.program.recorder.totals
    site = book.sites["hall-a"]
    while site.accepted < 120:
        await deferLater(clock, 0.1)
    rejected, stats = dict(site.rejected), fleet.stats()
    miners = list(plant.program.factories["hall-a"].roster.miners.values())
    await maybeDeferred(fleet.stopService)
    translator.kill()
    await translator.ended
    await plant.stop()
    await node.stop()

    assert rejected == {}
    assert stats.rejected == 0
    assert len(miners) == (1 if aggregated else 10)
    assert book.blocks_accepted > 0
    assert b"SubmitSharesError" not in translator.said


def _listening() -> set[int]:
    """Return the ports of this machine that somebody listens on."""
    lines = Path("/proc/net/tcp").read_text("ascii").splitlines()[1:]
    fields = [line.split() for line in lines]
    return {int(f[1].rpartition(":")[2], 16) for f in fields if f[3] == "0A"}
