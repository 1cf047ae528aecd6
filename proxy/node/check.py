"""Ask a node, once, whether it is what the configuration takes it for."""

from typing import Any
from urllib.parse import urlsplit

import msgspec

from protocol.bitcoin.network import Network
from protocol.errors import MalformedMessageError, RemoteError
from protocol.units import Difficulty, Seconds
from protocol.unreadable import UNREADABLE
from protocol.work.template import parse_template
from proxy.node.errors import NodeRefusalError
from proxy.node.proposal import propose, trial_block
from proxy.node.rpc import RpcClient, make_rpc_client
from proxy.node.service import NodeParams
from proxy.node.template_work import TemplateWorks, rules_for

DEADLINE = Seconds(10.0)

_METHOD_NOT_FOUND = -32601


class NodeReport(msgspec.Struct, kw_only=True):
    """What a node said.

    Attributes:
        ok: It can be used as configured.
        text: Why not, or what was tried.
        tip: Hash of its newest block, as it spells it.
    """

    name: str
    ok: bool = False
    text: str = ""
    chain: str | None = None
    height: int | None = None
    version: str | None = None
    tip: str | None = None


class _ChainInfo(msgspec.Struct):
    chain: str
    blocks: int
    bestblockhash: str | None = None
    initialblockdownload: bool = False


class _NetworkInfo(msgspec.Struct):
    subversion: str


class _Notification(msgspec.Struct):
    type: str
    address: str


class _Unfit(Exception):  # noqa: N818  (a finding)
    """The node cannot be used as configured; the message says why."""


async def check_node(
    params: NodeParams,
    payout_address: str,
    min_block_difficulty: Difficulty,
    reactor: Any,
) -> NodeReport:
    """Return how the node is, and what it would say to a block of ours.

    Args:
        params: How it is spoken to.
        payout_address: Empty: it gives no work, and no block is tried.
        min_block_difficulty: As configured.
        reactor: Makes the connections.
    """
    rpc = make_rpc_client(params.url, params.credentials, reactor)
    report = NodeReport(name=params.name)
    try:
        network = await _introduce(rpc, params, report)
        await _check_zmq(rpc, params.zmq_hashblock)
        report.text = "gives no work: no payout_address"
        if payout_address:
            rules = rules_for(network, payout_address, min_block_difficulty)
            await _check_blocks(rpc, TemplateWorks(params.name, rules))
            report.text = "would take our blocks"
        report.ok = True
    except (RemoteError, ValueError, _Unfit) as error:
        report.text = str(error)
    finally:
        await rpc.close()
    return report


async def _introduce(rpc: RpcClient, params: NodeParams, report: NodeReport) -> Network:
    """Note in `report` who the node is; return its network."""
    chain = await _ask(rpc, _ChainInfo, "getblockchaininfo")
    report.chain, report.height = chain.chain, chain.blocks
    report.tip = chain.bestblockhash
    about = await _ask(rpc, _NetworkInfo, "getnetworkinfo")
    report.version = about.subversion
    network = Network(chain.chain)
    if params.network not in {None, network}:
        raise _Unfit(f"on {network}, not on {params.network} as configured")
    if chain.initialblockdownload and network is not Network.REGTEST:
        raise _Unfit(f"still downloading the chain, at height {chain.blocks}")
    return network


async def _check_zmq(rpc: RpcClient, endpoint: str) -> None:
    """Hold the endpoint against what the node publishes, by its port.

    Its host may be written in many ways.
    """
    if not endpoint.startswith("tcp:"):
        return
    try:
        published = await _ask(rpc, list[_Notification], "getzmqnotifications")
    except NodeRefusalError as error:
        if error.code == _METHOD_NOT_FOUND:
            return  # not a node that can tell
        raise
    ours = [n.address for n in published if n.type == "pubhashblock"]
    if urlsplit(endpoint).port not in {urlsplit(address).port for address in ours}:
        there = ", ".join(ours) or "nowhere"
        raise _Unfit(f"publishes hashblock {there}, not at {endpoint}")


async def _check_blocks(rpc: RpcClient, works: TemplateWorks) -> None:
    request = {"rules": ["segwit"]}
    template = parse_template(
        await rpc.call("getblocktemplate", request, deadline=DEADLINE)
    )
    verdict = await propose(rpc, trial_block(template, works.add(template)))
    if verdict is not None:
        raise _Unfit(f"would refuse our blocks: {verdict}")


async def _ask(rpc: RpcClient, kind: Any, method: str) -> Any:
    result = await rpc.call(method, deadline=DEADLINE)
    try:
        return msgspec.json.decode(result, type=kind)
    except UNREADABLE as error:
        raise MalformedMessageError(f"{method}: {error}") from error
