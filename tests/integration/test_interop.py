"""Baseload between peers on the reference crates: nothing of theirs is ours.

Needs the program in tests/interop, built by `make interop`; skipped without it.
"""

import json
import os
from pathlib import Path
from typing import Any

import pytest
from twisted.internet.defer import Deferred, maybeDeferred
from twisted.internet.protocol import ProcessProtocol
from twisted.internet.task import LoopingCall
from typing_extensions import override

from protocol.noise.authority import AuthorityKey
from tests.fakes.judging_pool import JudgingPool
from tests.integration.pairings import RealTimePlant, make, url_of
from tests.noise_peers import an_authority
from tests.support import free_ports, on_reactor

PROGRAM = Path(
    os.environ.get(
        "BASELOAD_INTEROP",
        Path(__file__).parents[1] / "interop" / "target" / "release" / "interop",
    )
)
AUTHORITY = AuthorityKey(
    bytes.fromhex("24ee3c3804a1aaa4c03b80ea19f7a5863c916e8994b7db94a3bad7ee092b6ce7")
)
pytestmark = [
    pytest.mark.integration,
    pytest.mark.skipif(not PROGRAM.exists(), reason=f"{PROGRAM} is not built"),
]
KINDS_OF_NEWS = {"jobs", "future_jobs", "blocks", "targets"}


class Peer(ProcessProtocol):
    """A run of the program; `ended` fires with what it printed."""

    def __init__(self, reactor: Any, *words: str) -> None:
        self.ended: Deferred[dict[str, Any]] = Deferred()
        self._said = b""
        arguments = [str(PROGRAM), *words]
        self._process = reactor.spawnProcess(self, arguments[0], arguments, env=None)

    @override
    def outReceived(self, data: bytes) -> None:
        self._said += data

    @override
    def processEnded(self, _reason: Any) -> None:
        self.ended.callback(json.loads(self._said or b"{}"))

    def kill(self) -> None:
        self._process.signalProcess("KILL")


class InteropPlant(RealTimePlant):
    """A plant that the program is let loose on."""

    def miner(self, shares: int, key: AuthorityKey | None = None) -> Peer:
        words = (key or self.rigs.key).xonly.hex(), str(shares)
        return Peer(self.reactor, "miner", f"127.0.0.1:{self.listen}", *words)

    def broken(self, kind: str) -> Peer:
        words = self.rigs.key.xonly.hex(), kind
        return Peer(self.reactor, "broken", f"127.0.0.1:{self.listen}", *words)


def under_change(pool: JudgingPool) -> tuple[LoopingCall, Deferred[Any]]:
    turns = [pool.new_job, pool.new_block, pool.set_extranonce]

    def change() -> None:
        turns.append(turns.pop(0))
        turns[0]()

    changing = LoopingCall(change)
    return changing, changing.start(0.3, now=False)


@pytest.mark.parametrize("version", ["sv1", "sv2"])
@on_reactor
async def test_their_miner_works_through_every_change(
    version: str, tmp_path: Path
) -> None:
    pool = make(version)
    difficulty = {"start": 1e-8, "minimum": 1e-9, "shares_per_minute": 18}
    plant = InteropPlant(tmp_path, [pool], difficulty=difficulty)
    await plant.start(older=0, newer=0)
    changing, changed = under_change(pool)
    first = await plant.miner(2000).ended
    again = await plant.miner(500).ended  # it reconnects
    changing.stop()
    await changed
    await plant.settled()
    refused = dict(plant.book.rejected)
    await plant.stop()

    assert "error" not in first, first
    assert "error" not in again, again
    assert first["accepted"] >= 2000
    assert set(first["counts"]) >= KINDS_OF_NEWS
    assert set(first["counts"]) <= KINDS_OF_NEWS | {"stale-share"}
    assert set(refused) <= {"stale"}
    assert set(pool.rejected) <= {"stale"}
    assert pool.accepted > 1000


@on_reactor
async def test_their_miner_will_not_mine_for_another_authority(tmp_path: Path) -> None:
    plant = InteropPlant(tmp_path, [make("sv1")])
    await plant.start(older=0, newer=0)
    wrong = await plant.miner(10, an_authority(5).key).ended
    right = await plant.miner(10).ended
    await plant.stop()

    assert "InvalidCertificate" in wrong["error"]
    assert right.get("accepted", 0) >= 10, right


@pytest.mark.parametrize("kind", ["cut", "changed", "short", "order", "garbage"])
@on_reactor
async def test_who_breaks_the_protocol_is_dropped_alone(
    kind: str, tmp_path: Path
) -> None:
    plant = InteropPlant(tmp_path, [make("sv1")])
    await plant.start(older=0, newer=0)
    good = plant.miner(300)
    broken = await plant.broken(kind).ended
    result = await good.ended
    await plant.stop()

    assert "hung_up" in broken, broken
    assert result.get("accepted", 0) >= 300, result


@on_reactor
async def test_their_pool_takes_every_share(tmp_path: Path) -> None:
    (port,) = free_ports(1)
    pool = Peer(_reactor(), "pool", f"127.0.0.1:{port}", "2500")
    url = f"stratum2+tcp://127.0.0.1:{port}/{AUTHORITY.text}"
    plant = InteropPlant(tmp_path, [], urls=[url])
    await plant.start(older=4, newer=4)
    result = await pool.ended
    lost = dict(plant.book.lost)
    await plant.stop()

    assert result.get("accepted", 0) >= 2500, result
    assert result["connections"] >= 2
    assert set(result["counts"]) <= {"updates", "stale-share"}, result
    assert set(lost) <= {"connection_lost", "no_source"}
    assert plant.rigs.breaches == []
    assert list(plant.fleet.stats().breaches) == []


@on_reactor
async def test_their_pool_gets_no_share_under_another_key(tmp_path: Path) -> None:
    (port,) = free_ports(1)
    pool = Peer(_reactor(), "pool", f"127.0.0.1:{port}", "10")
    url = f"stratum2+tcp://127.0.0.1:{port}/{an_authority(5).key.text}"
    plant = InteropPlant(tmp_path, [], urls=[url])
    await plant.start(older=1, newer=0)
    link = plant.program.pools["pool0"].links[0]
    await plant.until(lambda: "authority" in link.feed.reason)
    why = link.feed.reason
    pool.kill()
    await pool.ended
    await plant.stop()

    assert an_authority(5).key.text in why


@pytest.mark.parametrize("kind", ["cut", "changed", "short", "order", "garbage"])
@on_reactor
async def test_a_pool_that_breaks_the_protocol_is_left_and_tried_again(
    kind: str, tmp_path: Path
) -> None:
    good = make("sv1")
    listening = _reactor().listenTCP(0, good, interface="127.0.0.1")
    (port,) = free_ports(1)
    broken = Peer(_reactor(), "broken-pool", f"127.0.0.1:{port}", kind, "3")
    urls = [
        f"stratum2+tcp://127.0.0.1:{port}/{AUTHORITY.text}",
        url_of(good, listening.getHost().port),
    ]
    plant = InteropPlant(tmp_path, [], urls=urls)
    await plant.start(older=2, newer=2)
    result = await broken.ended
    await plant.more(good, 20)
    stats, lost = plant.fleet.stats(), dict(plant.book.lost)
    await plant.stop()
    good.reset()
    await maybeDeferred(listening.stopListening)

    assert result.get("hung_up") == 3, result
    # backoff: 1 s, then 2 s if it never had work; half of it, as chance is 0 here
    least = (500, 1000) if kind == "garbage" else (500, 500)
    assert all(ms >= wait for ms, wait in zip(result["waited_ms"], least, strict=True))
    assert (stats.connects, plant.rigs.connects) == (2, 2)
    assert (list(stats.breaches), plant.rigs.breaches) == ([], [])
    assert set(lost) <= {"connection_lost", "no_source"}


def _reactor() -> Any:
    from twisted.internet import reactor  # noqa: PLC0415

    return reactor
