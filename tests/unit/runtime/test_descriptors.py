import resource
from collections.abc import Iterator

import pytest

from proxy.runtime.descriptors import (
    RESERVED,
    Descriptors,
    descriptor_limit,
    raise_limit,
)


@pytest.fixture
def soft_limit() -> Iterator[int]:
    """Set a soft limit as a service is started with, and give the hard one."""
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (before[1] - 1, before[1]))
    yield before[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, before)


def test_the_soft_limit_is_raised_to_the_hard_one(soft_limit: int) -> None:
    assert raise_limit() == (soft_limit - 1, soft_limit)
    assert descriptor_limit() == soft_limit
    assert raise_limit() == (soft_limit, soft_limit)


def test_miners_have_what_nobody_else_needs() -> None:
    sites = [0, 0]
    files = Descriptors(1000, lambda: 36)
    files.holders += [lambda: sites[0], lambda: sites[1]]

    assert files.most == 1000 - RESERVED - 36
    sites[:] = [files.most - 1, 0]
    assert files.has_room()
    sites[1] += 1
    assert not files.has_room()


def test_pools_that_come_take_room_from_miners() -> None:
    links = [0]
    files = Descriptors(200, lambda: links[0])
    files.holders.append(lambda: 100)
    assert files.has_room()

    links[0] = 36

    assert not files.has_room()


def test_a_pool_with_a_connection_for_each_worker_halves_the_room() -> None:
    assert Descriptors(1064, lambda: 0, each=2).most == 500


def test_a_limit_below_the_reserve_leaves_nobody_in() -> None:
    assert Descriptors(RESERVED - 1, lambda: 0).most == 0
