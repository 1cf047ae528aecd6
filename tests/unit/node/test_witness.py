"""What a pool's work is caught at, and what it is not."""

from typing import Any

import pytest
from attrs import evolve

from protocol.bitcoin.coinbase import Payout
from protocol.bitcoin.network import Network
from protocol.bitcoin.target import target_from_nbits
from protocol.units import Seconds, UnixTime
from protocol.work.job import Work
from protocol.work.template import Template, work_from_template
from proxy.node.pool_check import (
    EMPTY_GRACE,
    TIP_GRACE,
    ChainView,
    MismatchKind,
    mismatch,
)

NOW = Seconds(1000.0)
WALL = UnixTime(50_000.0)
TIP, BEFORE, AHEAD = b"\x01" * 32, b"\x02" * 32, b"\x03" * 32

TEMPLATE = Template(
    version=0x20000000,
    prev_hash=TIP,
    txids=(b"\x09" * 32,),
    transactions=(b"",),
    coinbase_value=50,
    target=target_from_nbits(0x17034219),
    min_ntime=49_000,
    curtime=50_000,
    nbits=0x17034219,
    height=900_000,
    longpoll_id="",
    witness_commitment=None,
)


def view(tip_age: float = 500.0, network: Network = Network.MAIN) -> ChainView:
    return ChainView(network, TEMPLATE, Seconds(NOW - tip_age), BEFORE)


def work(**template: Any) -> Work:
    return work_from_template(
        evolve(TEMPLATE, **template),
        Payout(b"\x51"),
        source="pool",
        source_job="1",
        clean=True,
    )


def verdict(of: Work, on: ChainView, work_age: float = 0.0) -> MismatchKind | None:
    since = Seconds(NOW - work_age)
    found = mismatch(of, on, work_since=since, now=NOW, wall=WALL)
    return found.kind if found else None


def test_honest_work_on_the_nodes_tip_is_fine() -> None:
    assert verdict(work(), view()) is None


@pytest.mark.parametrize(
    ("template", "kind"),
    [
        ({"height": 899_999}, MismatchKind.WRONG_HEIGHT),
        ({"height": 900_001}, MismatchKind.WRONG_HEIGHT),
        ({"nbits": 0x17034218}, MismatchKind.WRONG_NBITS),
        ({"curtime": 48_999, "min_ntime": 0}, MismatchKind.NTIME_TOO_OLD),
        ({"curtime": 57_201}, MismatchKind.NTIME_TOO_NEW),
        ({"txids": (), "transactions": ()}, MismatchKind.EMPTY_BLOCK),
    ],
)
def test_wrong_work_on_the_nodes_tip_is_caught(
    template: dict[str, Any], kind: MismatchKind
) -> None:
    assert verdict(work(**template), view()) is kind


def test_a_pool_whose_coinbase_shows_no_height_is_caught() -> None:
    bare = work()
    names = Work.__struct_fields__
    fields = {name: getattr(bare, name) for name in names} | {"coinb1": b""}

    assert verdict(Work(**fields), view()) is MismatchKind.WRONG_HEIGHT


def test_an_empty_block_is_fine_right_after_a_tip_and_on_an_empty_node() -> None:
    empty = work(txids=(), transactions=())
    node = view()

    assert verdict(empty, view(tip_age=EMPTY_GRACE)) is None
    bare = evolve(node, template=evolve(TEMPLATE, txids=(), transactions=()))
    assert verdict(empty, bare) is None


def test_a_pool_on_the_previous_tip_is_stale_after_the_grace() -> None:
    old = work(prev_hash=BEFORE, height=899_999)

    assert verdict(old, view(tip_age=TIP_GRACE)) is None
    assert verdict(old, view(tip_age=TIP_GRACE + 0.1)) is MismatchKind.STALE_TIP


def test_a_pool_on_an_older_tip_is_stale_too() -> None:
    old = work(prev_hash=AHEAD, height=899_000)

    assert verdict(old, view()) is MismatchKind.STALE_TIP


def test_a_pool_on_the_tips_child_may_be_ahead_for_the_grace() -> None:
    ahead = work(prev_hash=AHEAD, height=900_001)

    assert verdict(ahead, view(), work_age=TIP_GRACE) is None
    assert verdict(ahead, view(), work_age=TIP_GRACE + 0.1) is MismatchKind.UNKNOWN_TIP


def test_a_pool_far_ahead_is_caught_at_once() -> None:
    far = work(prev_hash=AHEAD, height=900_002)

    assert verdict(far, view()) is MismatchKind.WRONG_HEIGHT


def test_a_pool_on_a_rival_tip_of_the_same_height_is_caught_after_the_grace() -> None:
    rival = work(prev_hash=AHEAD)

    assert verdict(rival, view(), work_age=1.0) is None
    assert verdict(rival, view(), work_age=TIP_GRACE + 1) is MismatchKind.UNKNOWN_TIP


def test_a_pool_of_another_network_is_told_apart() -> None:
    regtest = work(nbits=0x207FFFFF)

    assert verdict(regtest, view()) is MismatchKind.OTHER_NETWORK
    assert verdict(work(), view(network=Network.REGTEST)) is (
        MismatchKind.OTHER_NETWORK
    )
