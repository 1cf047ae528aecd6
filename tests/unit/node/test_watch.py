from typing import Any

import msgspec

from protocol.units import Seconds, UnixTime
from protocol.work.job import Work
from protocol.work.template import Template
from proxy.node.pool_check import ChainView
from proxy.node.pool_watch import PoolWatch
from tests.builders import a_work

COINB1 = bytes.fromhex("0200000001" + "00" * 32 + "ffffffff" + "1b" + "02cd00" + "0a")
"""The start of a coinbase at height 205."""

NOW = UnixTime(1_700_000_010.0)


class FakeNode:
    """A node of which only its name and view matter."""

    node_name = "core"

    def __init__(self, view: ChainView | None) -> None:
        self.view = view


def watch_over(view: ChainView | None) -> PoolWatch:
    node: Any = FakeNode(view)
    return PoolWatch("main", node, lambda: NOW)


def view_of(work: Work) -> ChainView:
    from protocol.bitcoin.network import Network  # noqa: PLC0415

    template = Template(
        version=work.version,
        nbits=work.nbits,
        prev_hash=work.prev_hash,
        height=205,
        target=work.block_target,
        curtime=work.ntime,
        min_ntime=work.ntime - 600,
        longpoll_id="",
        coinbase_value=1,
        witness_commitment=None,
        transactions=(b"t",),
        txids=(b"\x01" * 32,),
    )
    return ChainView(Network.REGTEST, template, Seconds(0.0), b"")


def test_without_a_view_nothing_is_said() -> None:
    watch = watch_over(None)

    watch.check(a_work(), Seconds(0.0))

    assert watch.found is None


def test_a_pool_on_the_nodes_tip_is_fine_and_one_elsewhere_is_not() -> None:
    good = a_work(nbits=0x207FFFFF, coinb1=COINB1)
    watch = watch_over(view_of(good))

    watch.check(good, Seconds(100.0))
    assert watch.found is None
    stray = msgspec.structs.replace(good, prev_hash=b"\x07" * 32)
    watch.check(stray, Seconds(100.0))
    assert watch.found is None  # its child, perhaps: a grace
    watch.check(stray, Seconds(200.0))
    assert watch.found is not None

    watch.check(good, Seconds(201.0))
    assert watch.found is None


def test_a_pool_of_another_network_is_not_checked() -> None:
    work = a_work(nbits=0x1D00FFFF)
    watch = watch_over(view_of(a_work(nbits=0x207FFFFF)))

    watch.check(work, Seconds(0.0))
    watch.check(work, Seconds(1000.0))

    assert watch.found is None
