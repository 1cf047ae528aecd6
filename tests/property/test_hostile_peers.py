"""Pools that misbehave in every way at once, by seed, under a virtual clock.

More seeds: `HOSTILE_SEEDS=10000 pytest tests/property/test_hostile_peers.py`.
"""

import os
from collections.abc import Callable
from random import Random

import pytest

from proxy.jobs.live import MAX_WORKS
from tests.fakes.hostile import HostilePool, HostileSite

SEEDS = int(os.environ.get("HOSTILE_SEEDS", "200"))
BATCH = 20
SECONDS = 40
STALE = 21
SIZES = (4, 6, 8)


def mischief(pool: HostilePool, random: Random) -> Callable[[], None]:
    """Return something that this pool does now."""

    def toggle(name: str) -> None:
        setattr(pool, name, not getattr(pool, name))

    def go_down() -> None:
        pool.is_down = not pool.is_down
        if pool.is_down:
            pool.reset()

    return random.choice([
        pool.new_job,
        pool.new_job,
        pool.new_block,
        pool.new_block,
        pool.send_again,
        pool.send_again,
        lambda: pool.flood(random.randrange(2, 100)),
        pool.babble,
        pool.nest_deeply,
        pool.garbage,
        pool.ask_to_reconnect,
        pool.raise_difficulty,
        pool.close,
        pool.reset,
        go_down,
        lambda: pool.resize(random.choice(SIZES)),
        lambda: toggle("never_answers"),
        lambda: toggle("hangs_up_after_job"),
        lambda: toggle("is_mute"),
        lambda: toggle("refuses_users"),
        lambda: toggle("knows_us_again"),
    ])  # fmt: skip


def run(seed: int) -> HostileSite:
    random = Random(seed)  # noqa: S311  (no secrets: a seed that can be run again)
    sizes = tuple(random.choice(SIZES) for _ in range(random.randrange(1, 4)))
    site = HostileSite(sizes, random.random)
    for _ in range(random.randrange(1, 4)):
        site.join(rolls=random.random() < 0.5)
    for second in range(SECONDS):
        for pool in site.pools:
            if random.random() < 0.15:
                mischief(pool, random)()
        site.second()
        for miner in site.miners:
            miner.hash_for(random.randrange(12))
            if random.random() < 0.2:
                miner.stutter()
            if random.random() < 0.3:
                miner.hash_late(8)
        if random.random() < 0.1 and len(site.miners) < 8:
            site.join(rolls=random.random() < 0.5)
        if random.random() < 0.05 and len(site.miners) > 1:
            random.choice(site.miners).leave()
        check_now(site, seed, second)
    return site


def check_now(site: HostileSite, seed: int, second: int) -> None:
    where = f"seed {seed}, second {second}"
    for miner in site.miners:
        assert not miner.dropped, f"{where}: {miner.dropped}"
    for group in site.board.groups:
        works = {id(entry.job.work) for entry in group.live.values()}
        assert len(works) <= MAX_WORKS, where
    groups = len(list(site.board.groups))
    for pool in site.pools:
        assert len(pool.sides) <= groups + 1, f"{where}: connections to {pool.name}"


def check_end(site: HostileSite, seed: int) -> None:
    where = f"seed {seed}"
    site.clock.advance(1)
    for miner in site.miners:
        miner.look()
        assert set(miner.rejected) <= {STALE}, f"{where}: {miner.rejected}"
    for pool in site.pools:
        assert set(pool.rejected) <= {"stale"}, f"{where}: {pool.rejected}"
        assert not pool.too_late, f"{where}: {pool.too_late} shares far too late"
    assert not site.doubled, f"{where}: {site.doubled} shares accepted twice"
    assert len(set(site.ledger.forwards)) == len(site.ledger.forwards), where


def check_service(site: HostileSite, seed: int) -> None:
    """All is well again: everybody has work of a pool within a second of its job."""
    for pool in site.pools:
        pool.is_down = pool.is_mute = pool.never_answers = False
        pool.hangs_up_after_job = pool.refuses_users = False
    for _ in range(120):
        site.second()
        if any(c.work is not None and not c.unusable for c in site.clients):
            break
    else:
        return  # each was left for what it did, for longer than this
    for _ in range(45):  # 10 s until room is known, half a minute for a new layout
        site.second()
        if all(miner.job is not None for miner in site.miners):
            return
    raise AssertionError(f"seed {seed}: no work though a pool has some")


def test_a_source_with_the_work_of_the_last_one_is_given_no_hash_twice() -> None:
    """Two addresses of one pool, say; the miner's ntime ran while the first was used.

    It hashes faster from one job to the next, as a machine does that warms up.
    """
    site = HostileSite((8, 8), lambda: 0.5)
    miner = site.join(rolls=True)
    site.second()
    first, second = site.pools
    assert {bytes(side.extranonce1) for side in first.sides + second.sides} == {
        first.sides[0].extranonce1
    }
    for _ in range(10):
        miner.hash_for(30)
        site.second()
    before = miner.accepted
    first.is_down = True
    first.reset()
    for _ in range(10):
        site.second()
        miner.hash_for(60)
    site.second()
    site.stop()

    assert before > 0
    assert second.accepted > 0
    assert not miner.rejected


@pytest.mark.parametrize("first", range(0, SEEDS, BATCH))
def test_no_mischief_of_pools_costs_a_miner_its_place_or_a_share(first: int) -> None:
    for seed in range(first, min(first + BATCH, SEEDS)):
        site = run(seed)
        check_end(site, seed)
        credited = sum(s.verdict == "accepted" for s in site.ledger.shares)
        told = site.told_accepted
        assert told <= credited <= told + site.unread, f"seed {seed}"
        check_service(site, seed)
        site.stop()
