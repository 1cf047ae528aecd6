"""Miners of both versions between pools of both versions, every header judged."""

from pathlib import Path

import pytest
from twisted.internet.defer import maybeDeferred

from protocol.work.extranonce import Layout
from proxy.admin.operations import Operations
from tests.engines import (
    AUTO,
    EITHER_ENGINE,
    NEEDS_ENGINE,
    PYTHON,
    TWO_LANES,
    Engine,
    name_of,
)
from tests.fakes.judging_sv2_pool import KEY, JudgingSv2Pool
from tests.integration.pairings import Plant, make
from tests.noise_peers import an_authority, an_identity
from tests.support import on_reactor


@pytest.mark.usefixtures("quick_dialling")
@pytest.mark.integration
@pytest.mark.parametrize(
    ("first", "second", "engine"),
    [
        ("sv1", "sv1", AUTO),
        ("sv1", "sv2", AUTO),
        ("sv2", "sv1", AUTO),
        ("sv2", "sv2", AUTO),
        ("sv1", "sv2", PYTHON),
        ("sv2", "sv1", PYTHON),
        pytest.param("sv2", "sv2", TWO_LANES, marks=NEEDS_ENGINE),
    ],
    ids=name_of,
)
@on_reactor
async def test_no_share_is_invalid_or_lost_in_any_pairing(
    first: str, second: str, engine: Engine, tmp_path: Path
) -> None:
    pools = [make(first), make(second)]
    plant = Plant(tmp_path, pools, engine=engine)
    await plant.start(older=3, newer=3)
    for _ in range(3):
        await plant.until(lambda: plant.source == "pool0")
        await plant.more(pools[0], 40)
        pools[0].refuses_users = True
        pools[0].close()
        await plant.until(lambda: plant.source == "pool1")
        await plant.more(pools[1], 40)
        pools[0].refuses_users = False
    await plant.until(lambda: plant.source == "pool0")
    await plant.settled()
    stats = plant.fleet.stats()
    await plant.stop()

    assert plant.rigs.breaches == []
    assert plant.rigs.connects == 3
    assert stats.connects == 3
    assert list(stats.breaches) == []
    assert [dict(pool.rejected) for pool in pools] == [{}, {}]
    assert set(plant.book.lost) <= {"connection_lost", "no_source"}
    taken = sum(pool.accepted for pool in pools)
    lost = plant.book.lost.total()  # some of them were taken, but not answered
    assert taken <= plant.book.accepted <= taken + lost
    assert set(plant.rigs.refused) <= {"stale-share"}


@pytest.mark.integration
@pytest.mark.parametrize("version", ["sv1", "sv2"])
@EITHER_ENGINE
@on_reactor
async def test_blocks_jobs_and_prefixes_change_under_load(
    version: str, engine: Engine, tmp_path: Path
) -> None:
    pool = make(version)
    plant = Plant(tmp_path, [pool], engine=engine)
    await plant.start(older=3, newer=3, on_auto=True)
    for change in (pool.set_extranonce, pool.new_job, pool.new_block) * 3:
        await plant.more(pool, 30)
        change()
    await plant.more(pool, 30)
    await plant.stop()

    assert plant.rigs.breaches == []
    assert list(plant.fleet.stats().breaches) == []
    assert set(pool.rejected) <= {"stale"}  # on the way when the block came
    assert set(plant.rigs.refused) <= {"stale-share"}
    assert all(channel.tips == 7 for channel in plant.rigs.channels)


@pytest.mark.integration
@on_reactor
async def test_a_v2_pool_hears_of_workers_and_hashrate(tmp_path: Path) -> None:
    pool = JudgingSv2Pool(5e-8)
    plant = Plant(tmp_path, [pool])
    await plant.start(older=1, newer=1)
    await plant.more(pool, 40)
    await plant.until(lambda: bool(pool.hashrates))
    await plant.stop()

    assert {"v2.1-0", "v2.1-1"} < pool.workers
    assert None not in pool.workers
    assert pool.hashrates[0] > 0


@pytest.mark.integration
@on_reactor
async def test_a_pool_of_another_authority_gets_no_share(tmp_path: Path) -> None:
    pool = JudgingSv2Pool(5e-8)
    pool.identity = an_identity(an_authority(5))
    plant = Plant(tmp_path, [pool, make("sv1")])
    await plant.start(older=1, newer=1)
    await plant.more(plant.pools[1], 10)
    why = plant.program.pools["pool0"].links[0].feed.reason
    await plant.stop()

    assert pool.accepted == 0
    assert "is not signed by authority" in why
    assert KEY.text in why


@pytest.mark.integration
@on_reactor
async def test_a_pool_may_send_us_to_its_own_authority_only(tmp_path: Path) -> None:
    first, ours, foreign = (JudgingSv2Pool(5e-8) for _ in range(3))
    foreign.identity = an_identity(an_authority(5))
    plant = Plant(tmp_path, [first])
    others = [
        plant.reactor.listenTCP(0, pool, interface="127.0.0.1")
        for pool in (ours, foreign)
    ]
    await plant.start(older=1, newer=1)
    await plant.more(first, 10)
    first.send_elsewhere(others[0].getHost().port)
    await plant.more(ours, 10)
    ours.send_elsewhere(others[1].getHost().port)
    await plant.until(lambda: foreign.connects == 1)
    await plant.more(first, 10)
    await plant.stop()
    for pool, port in zip((ours, foreign), others, strict=True):
        pool.reset()
        await maybeDeferred(port.stopListening)

    assert foreign.accepted == 0
    assert plant.rigs.breaches == []


@pytest.mark.integration
@on_reactor
async def test_a_v2_pool_with_little_room_serves_a_narrow_site(
    tmp_path: Path,
) -> None:
    pool = JudgingSv2Pool(5e-8, size=4)
    plant = Plant(tmp_path, [pool])
    plant.rigs.min_size = 2
    await plant.start(older=2, newer=2)
    await plant.more(pool, 40)
    await plant.stop()

    assert plant.rigs.breaches == []
    assert pool.rejected == {}
    assert plant.program.factories["hall-a"].context.board.slots.layout == Layout(1, 3)


@pytest.mark.integration
@EITHER_ENGINE
@on_reactor
async def test_both_kinds_are_seen_parked_and_judged_alike(
    engine: Engine, tmp_path: Path
) -> None:
    pool = make("sv1")
    plant = Plant(tmp_path, [pool], engine=engine)
    await plant.start(older=2, newer=2)
    hall = plant.program.factories["hall-a"]
    miners = hall.roster.miners
    await plant.until(
        lambda: len(miners) == 6 and all(m.accepted for m in miners.values())
    )
    operations = Operations(plant.program)
    views = await operations.miners()
    hall.context.parking.park([view.id for view in views])
    parked = operations.sites()[0].miners.parked
    for _ in range(3):
        pool.new_job()
    jobs = sum(channel.jobs for channel in plant.rigs.channels)
    hall.context.parking.grant([view.id for view in views])
    await plant.more(pool, 20)
    await plant.stop()

    agents = {view.user_agent for view in views}
    assert len(views) == 2 + 2 * 2
    assert "rig/1/2" in agents
    assert len(agents) == 2
    assert {view.source for view in views} == {"pool0"}
    assert parked == 6
    assert jobs == 4  # one each: none while parked
    assert plant.rigs.breaches == []
