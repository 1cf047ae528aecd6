"""A node followed over real sockets: the embedded one, or a bitcoind if named."""

import json
from pathlib import Path
from typing import Any

import pytest
from twisted.internet.defer import Deferred, maybeDeferred

from protocol.bitcoin.address import script_of_address
from protocol.bitcoin.coinbase import Payout
from protocol.bitcoin.hashes import sha256d
from protocol.bitcoin.network import Network
from protocol.bitcoin.target import target_from_nbits
from protocol.units import Seconds
from protocol.work.template import Template
from proxy.node.block_files import FoundBlock
from proxy.node.credentials import CookieFile
from proxy.node.hashblock import HashBlock, HashBlockService
from proxy.node.proposal import propose
from proxy.node.service import NodeParams, NodeService
from proxy.node.submitter import (
    BlockAnswer,
    BlockSubmitter,
    BlockVerdict,
)
from proxy.node.template_feed import NodeState
from proxy.node.template_work import TemplateWorks, WorkRules
from tests.fakes.disk import files_in
from tests.fakes.node_process import (
    KINDS,
    RunningNode,
    client_of,
    pause,
    start_node,
)
from tests.integration.test_regtest_node import ADDRESS, mined
from tests.support import on_reactor

pytestmark = pytest.mark.integration
each_kind = pytest.mark.parametrize("kind", KINDS)

RULES = WorkRules(
    Payout(script_of_address(ADDRESS, Network.REGTEST)), difficulty_binds=False
)


class Heard:
    """A listener whose waits end when what they wait for has come."""

    def __init__(self) -> None:
        self.templates: list[Template] = []
        self.tips: list[str] = []
        self._waiting: list[tuple[Any, Deferred[None]]] = []

    async def until(self, holds: Any) -> None:
        if not holds():
            waiting: Deferred[None] = Deferred()
            self._waiting.append((holds, waiting))
            await waiting

    def template_arrived(self, _node: NodeService, template: Template) -> None:
        self.templates.append(template)
        self._look()

    def tip_arrived(self, _node: NodeService, tip: str, _at: Seconds) -> None:
        self.tips.append(tip)
        self._look()

    def state_changed(self, _node: NodeService) -> None:
        self._look()

    def _look(self) -> None:
        for holds, waiting in list(self._waiting):
            if not waiting.called and holds():
                waiting.callback(None)


def follow(node: RunningNode, reactor: Any, heard: Heard, *, zmq: bool) -> NodeService:
    params = NodeParams(
        "core",
        node.rpc_url,
        CookieFile(node.cookie_file),
        node.zmq_url if zmq else "",
    )
    return NodeService(params, heard, reactor)


@each_kind
@pytest.mark.parametrize("zmq", [True, False])
@on_reactor
async def test_a_new_tip_is_heard_and_its_template_follows(
    kind: str, tmp_path: Path, *, zmq: bool
) -> None:
    from twisted.internet import reactor  # noqa: PLC0415

    heard = Heard()
    node = await start_node(kind, reactor, tmp_path)
    service = follow(node, reactor, heard, zmq=zmq)
    service.startService()
    try:
        await heard.until(lambda: service.view)
        assert (service.state, service.network) == (NodeState.UP, Network.REGTEST)
        assert service.height == 0
        await pause(reactor, 0.1)  # ZMQ's subscription is on its way
        made = json.loads(
            bytes(await service.rpc.call("generatetoaddress", 3, ADDRESS))
        )
        await heard.until(lambda: service.height == 3)

        assert service.tip == made[-1] == heard.templates[-1].tip
        assert service.view is not None
    finally:
        await service.stopService()
        await node.stop()


@each_kind
@on_reactor
async def test_hashblock_tells_of_every_tip_without_a_gap(
    kind: str, tmp_path: Path
) -> None:
    from twisted.internet import reactor  # noqa: PLC0415

    node = await start_node(kind, reactor, tmp_path)
    client = client_of(node, reactor)
    heard: list[str] = []
    last: Deferred[None] = Deferred()

    def hear(block: HashBlock) -> None:
        heard.append(block.tip)
        if len(heard) == 200:
            last.callback(None)

    service = HashBlockService(node.zmq_url, hear, reactor)
    service.startService()
    try:
        await pause(reactor, 0.2)  # the subscription is on its way
        made = await client.call("generatetoaddress", 200, ADDRESS)
        await last

        assert heard == json.loads(bytes(made))
        assert service.missed == 0
    finally:
        await maybeDeferred(service.stopService)
        await client.close()
        await node.stop()


@each_kind
@on_reactor
async def test_a_found_block_is_submitted_and_the_next_template_builds_on_it(
    kind: str, tmp_path: Path
) -> None:
    from twisted.internet import reactor  # noqa: PLC0415

    heard, answers = Heard(), list[BlockAnswer]()
    node = await start_node(kind, reactor, tmp_path / "node")
    service = follow(node, reactor, heard, zmq=True)
    submitter = BlockSubmitter(
        [service.submit_target, service.submit_target],
        files_in(tmp_path / "blocks"),
        answers.append,
        reactor,
    )
    works = TemplateWorks("core", RULES)
    service.startService()
    try:
        for height in range(1, 6):
            await heard.until(lambda wanted=height: service.height == wanted - 1)
            template = heard.templates[-1]
            block = mined(template, works.add(template))
            assert await propose(service.rpc, block) is None
            found = FoundBlock(sha256d(block[:80])[::-1].hex(), height, block)
            assert submitter.submit(found)
        await heard.until(lambda: service.height == 5)
    finally:
        await submitter.stop()
        await service.stopService()
        await node.stop()

    verdicts = {answer.verdict for answer in answers}
    assert BlockVerdict.ACCEPTED in verdicts
    assert all(verdict.is_good for verdict in verdicts)
    assert len(list((tmp_path / "blocks").iterdir())) == 5


@each_kind
@on_reactor
async def test_a_node_that_restarts_is_followed_on_with_its_new_cookie(
    kind: str, tmp_path: Path
) -> None:
    from twisted.internet import reactor  # noqa: PLC0415

    heard = Heard()
    first = await start_node(kind, reactor, tmp_path)
    port = int(first.rpc_url.rpartition(":")[2])
    service = follow(first, reactor, heard, zmq=False)
    service.startService()
    try:
        await heard.until(lambda: service.view)
        old_cookie = first.cookie_file.read_text()
        await first.stop()
        await heard.until(lambda: service.state is NodeState.DOWN)
        second = await start_node(kind, reactor, tmp_path, port=port)
        await heard.until(lambda: service.state is NodeState.UP)
        assert second.cookie_file.read_text() != old_cookie
        await service.rpc.call("generatetoaddress", 1, ADDRESS)
        await heard.until(lambda: service.height == 1)
        await second.stop()
    finally:
        await service.stopService()


@on_reactor
async def test_a_pace_makes_the_served_target_harder_but_not_the_chain() -> None:
    from twisted.internet import reactor  # noqa: PLC0415

    heard = Heard()
    node = await start_node("embedded", reactor, None, block_every=5, hashrate=1e3)
    service = follow(node, reactor, heard, zmq=False)
    service.startService()
    try:
        await heard.until(lambda: service.view)
        template = heard.templates[-1]
        work = TemplateWorks("core", RULES).add(template)

        assert template.target == work.block_target == (1 << 256) // 5000
        easy = mined(template, work, target_from_nbits(template.nbits))
        result = await service.rpc.call("submitblock", easy.hex())
        assert bytes(result) == b"null"
    finally:
        await service.stopService()
        await node.stop()


@on_reactor
async def test_a_node_in_memory_leaves_nothing_behind() -> None:
    from twisted.internet import reactor  # noqa: PLC0415

    node = await start_node("embedded", reactor, None)
    directory = node.cookie_file.parent
    assert node.cookie_file.stat().st_mode & 0o777 == 0o600

    await node.stop()

    assert not directory.exists()


@on_reactor
async def test_a_stopping_node_hangs_up_on_those_who_wait() -> None:
    from twisted.internet import reactor  # noqa: PLC0415

    heard = Heard()
    node = await start_node("embedded", reactor, None)
    service = follow(node, reactor, heard, zmq=True)
    service.startService()
    await heard.until(lambda: service.view)

    await node.stop()

    await heard.until(lambda: service.state is NodeState.DOWN)
    await service.stopService()
