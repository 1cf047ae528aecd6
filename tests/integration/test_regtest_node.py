"""The embedded node, and a bitcoind if BITCOIND names one, by the same tests."""

import json
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
from bitcoin.core import (
    CMutableTransaction,
    CMutableTxIn,
    CMutableTxOut,
    COutPoint,
    CTxInWitness,
    CTxWitness,
    lx,
)
from bitcoin.core.script import CScript, CScriptWitness
from twisted.internet.defer import Deferred

from protocol.bitcoin.address import script_of_address, segwit_address
from protocol.bitcoin.block import assemble_block
from protocol.bitcoin.coinbase import Payout
from protocol.bitcoin.hashes import sha256d
from protocol.bitcoin.header import pack_header
from protocol.bitcoin.merkle import root_from_branch
from protocol.bitcoin.network import Network
from protocol.bitcoin.target import target_from_nbits
from protocol.work.job import Work
from protocol.work.template import Template, parse_template, work_from_template
from proxy.node.credentials import UserPassword
from proxy.node.errors import NodeLoginError, NodeRefusalError
from proxy.node.rpc import RpcClient, make_rpc_client
from proxy.regtest.chain import subsidy
from tests.fakes.node_process import (
    KINDS,
    client_of,
    now,
    pause,
    start_node,
)
from tests.support import on_reactor

pytestmark = [pytest.mark.integration, pytest.mark.parametrize("kind", KINDS)]

ADDRESS = "bcrt1qw508d6qejxtdg4y5r3zarvary0c5xw7kygt080"
PAYOUT = Payout(script_of_address(ADDRESS, Network.REGTEST))
ANYONE = b"\x51"  # OP_TRUE
ANYONE_ADDRESS = segwit_address(
    "bcrt",
    0,
    bytes.fromhex("4ae81572f06e1b88fd5ced7a1a000945432e83e1551e6f721ee9c00b8cc33260"),
)  # P2WSH of OP_TRUE

Test = Callable[[RpcClient], Awaitable[None]]


async def with_node(kind: str, home: Path | None, test: Test, **options: Any) -> None:
    from twisted.internet import reactor  # noqa: PLC0415

    node = await start_node(kind, reactor, home, **options)
    client = client_of(node, reactor)
    try:
        await test(client)
    finally:
        await client.close()
        await node.stop()


async def ask(client: RpcClient, method: str, *params: Any) -> Any:
    return json.loads(bytes(await client.call(method, *params)))


async def fresh_template(client: RpcClient) -> Template:
    return parse_template(await client.call("getblocktemplate", {"rules": ["segwit"]}))


def work_of(template: Template) -> Work:
    return work_from_template(template, PAYOUT, source="n", source_job="1", clean=True)


def mined(template: Template, work: Work, target: int | None = None) -> bytes:
    """Return the block that hashing `work` leads to, with hashlib alone."""
    coinbase = work.coinb1 + bytes(work.extranonce2_size) + work.coinb2
    root = root_from_branch(sha256d(coinbase), work.merkle_branch)
    for nonce in range(1 << 32):
        header = pack_header(
            work.version, work.prev_hash, root, work.ntime, work.nbits, nonce
        )
        if int.from_bytes(sha256d(header), "little") <= (target or work.block_target):
            return assemble_block(header, coinbase, template.transactions)
    raise AssertionError


def spend_of(block: Any) -> bytes:
    """Return a transaction that spends the coinbase of a block by anyone."""
    coinbase = block["tx"][0]
    value = round(coinbase["vout"][0]["value"] * 100_000_000)
    spent = CMutableTxIn(COutPoint(lx(coinbase["txid"]), 0), nSequence=0xFFFFFFFD)
    paid = CMutableTxOut(value - 10_000, CScript(PAYOUT.script))
    witness = CTxInWitness(CScriptWitness([ANYONE]))
    tx = CMutableTransaction([spent], [paid], witness=CTxWitness([witness]))
    return bytes(tx.serialize())


@on_reactor
async def test_a_template_becomes_work_becomes_a_block_that_is_accepted(
    kind: str, tmp_path: Path
) -> None:
    async def test(client: RpcClient) -> None:
        block, tip = b"", ""
        for height in range(1, 25):  # past the heights that one opcode pushes
            template = await fresh_template(client)
            block = mined(template, work_of(template))
            assert await ask(client, "submitblock", block.hex()) is None
            assert await ask(client, "getblockcount") == height
            tip = await ask(client, "getbestblockhash")
            assert tip == sha256d(block[:80])[::-1].hex()
            assert await ask(client, "getblock", tip, 0) == block.hex()

        assert await ask(client, "submitblock", block.hex()) == "duplicate"
        seen = await ask(client, "getblock", tip, 2)
        outputs = seen["tx"][0]["vout"]
        assert outputs[0]["scriptPubKey"]["address"] == ADDRESS
        assert outputs[0]["value"] == subsidy(24) / 100_000_000
        assert outputs[1]["scriptPubKey"]["hex"].startswith("6a24aa21a9ed")
        assert (seen["height"], seen["nTx"]) == (24, 1)

    await with_node(kind, tmp_path, test)


@on_reactor
async def test_generated_blocks_do_not_run_ahead_of_the_clock(
    kind: str, tmp_path: Path
) -> None:
    async def test(client: RpcClient) -> None:
        hashes = await ask(client, "generatetoaddress", 30, ADDRESS)

        assert len(hashes) == 30
        assert await ask(client, "getblockhash", 30) == hashes[-1]
        header = await ask(client, "getblockheader", hashes[-1])
        assert header["previousblockhash"] == hashes[-2]
        if kind == "embedded":  # bitcoind's own steps a second every six blocks
            assert header["time"] <= now()
        template = await fresh_template(client)
        assert template.ntime - now() < 10

    await with_node(kind, tmp_path, test)


@on_reactor
async def test_a_transaction_is_pooled_templated_and_mined(
    kind: str, tmp_path: Path
) -> None:
    async def test(client: RpcClient) -> None:
        hashes = await ask(client, "generatetoaddress", 101, ANYONE_ADDRESS)
        spend = spend_of(await ask(client, "getblock", hashes[0], 2))
        early = spend_of(await ask(client, "getblock", hashes[50], 2))

        txid = await ask(client, "sendrawtransaction", spend.hex())
        with pytest.raises(NodeRefusalError, match="premature-spend"):
            await client.call("sendrawtransaction", early.hex())

        assert await ask(client, "getrawmempool") == [txid]
        template = await fresh_template(client)
        assert template.transactions == (spend,)
        assert template.coinbase_value == subsidy(102) + 10_000
        block = mined(template, work_of(template))
        assert await ask(client, "submitblock", block.hex()) is None
        assert await ask(client, "getrawmempool") == []
        seen = await ask(client, "getblock", await ask(client, "getbestblockhash"))
        assert seen["tx"][1] == txid
        with pytest.raises(NodeRefusalError):
            await client.call("sendrawtransaction", spend.hex())

    await with_node(kind, tmp_path, test)


@on_reactor
async def test_a_long_poll_ends_with_the_next_block(kind: str, tmp_path: Path) -> None:
    async def test(client: RpcClient) -> None:
        from twisted.internet import reactor  # noqa: PLC0415

        await client.call("generatetoaddress", 1, ADDRESS)
        template = await fresh_template(client)
        request = {"rules": ["segwit"], "longpollid": template.longpoll_id}
        poll = Deferred.fromCoroutine(
            client.call_without_deadline("getblocktemplate", request)
        )
        await pause(reactor, 0.1)
        assert not poll.called

        await client.call("generatetoaddress", 1, ADDRESS)

        assert parse_template(await poll).height == template.height + 1

    await with_node(kind, tmp_path, test)


@on_reactor
async def test_verdicts_are_those_of_core(kind: str, tmp_path: Path) -> None:
    async def test(client: RpcClient) -> None:
        await client.call("generatetoaddress", 12, ADDRESS)
        template = await fresh_template(client)
        work = work_of(template)
        good = mined(template, work)
        easiest = target_from_nbits(work.nbits)
        at = 4 + 1 + 36 + 1  # of the height's push in the coinbase

        async def verdict(**fields: Any) -> Any:
            bad = work_changed(work, **fields)
            return await ask(client, "submitblock", mined(template, bad).hex())

        wrong_height = work.coinb1[:at] + b"\x5f" + work.coinb1[at + 1 :]
        richer = work.coinb2[:5] + b"\xff" + work.coinb2[6:]
        assert await verdict(ntime=template.min_ntime - 1) == "time-too-old"
        assert await verdict(ntime=int(now()) + 9000) == "time-too-new"
        assert await verdict(coinb1=wrong_height) == "bad-cb-height"
        assert await verdict(coinb2=richer) == "bad-cb-amount"
        assert await verdict(prev_hash=bytes(32)) == "prev-blk-not-found"
        assert await verdict(nbits=0x207FFFFE) == "bad-diffbits"
        mutated = good[:-40] + b"\x01" + good[-39:]
        assert "bad-" in await ask(client, "submitblock", mutated.hex())
        unworked = next(
            raw
            for nonce in range(100)
            if int.from_bytes(
                sha256d(
                    (raw := good[:76] + nonce.to_bytes(4, "little") + good[80:])[:80]
                ),
                "little",
            )
            > easiest
        )
        assert await ask(client, "submitblock", unworked.hex()) == "high-hash"
        with pytest.raises(NodeRefusalError, match="decode failed") as refusal:
            await client.call("submitblock", "00")
        assert refusal.value.code == -22
        assert await ask(client, "submitblock", good.hex()) is None

    await with_node(kind, tmp_path, test)


def work_changed(work: Work, **fields: Any) -> Work:
    names = Work.__struct_fields__
    return Work(**{name: getattr(work, name) for name in names} | fields)


@on_reactor
async def test_a_proposal_is_judged_without_proof_of_work_and_without_a_trace(
    kind: str, tmp_path: Path
) -> None:
    async def test(client: RpcClient) -> None:
        await client.call("generatetoaddress", 20, ADDRESS)
        template = await fresh_template(client)
        work = work_of(template)
        poor = mined(template, work, target=(1 << 256) - 1)  # nonce 0, as it comes
        rich = work_changed(work, coinb2=work.coinb2[:5] + b"\xff" + work.coinb2[6:])

        async def proposed(raw: bytes) -> Any:
            request = {"mode": "proposal", "data": raw.hex(), "rules": ["segwit"]}
            return await ask(client, "getblocktemplate", request)

        assert await proposed(poor) is None
        assert await proposed(poor) is None
        assert await proposed(mined(template, rich)) == "bad-cb-amount"
        stale = work_changed(work, prev_hash=bytes(32))
        assert await proposed(mined(template, stale)) == "inconclusive-not-best-prevblk"
        assert await ask(client, "getblockcount") == 20

    await with_node(kind, tmp_path, test)


@on_reactor
async def test_a_side_branch_is_inconclusive_and_then_a_reorganisation(
    kind: str, tmp_path: Path
) -> None:
    async def test(client: RpcClient) -> None:
        template = await fresh_template(client)
        ours = mined(template, work_of(template))
        other = work_changed(work_of(template), ntime=template.ntime + 1)
        theirs = mined(template, other)
        assert await ask(client, "submitblock", ours.hex()) is None

        assert await ask(client, "submitblock", theirs.hex()) == "inconclusive"
        onto = await fresh_template(client)
        child = work_changed(
            work_of(onto), prev_hash=sha256d(theirs[:80]), ntime=template.ntime + 2
        )
        assert await ask(client, "submitblock", mined(onto, child).hex()) is None

        assert await ask(client, "getblockcount") == 2
        assert await ask(client, "getblockhash", 1) == sha256d(theirs[:80])[::-1].hex()
        with pytest.raises(NodeRefusalError, match="Block height out of range"):
            await client.call("getblockhash", 3)

    await with_node(kind, tmp_path, test)


@on_reactor
async def test_the_chain_is_there_after_a_restart(kind: str, tmp_path: Path) -> None:
    from twisted.internet import reactor  # noqa: PLC0415

    tips = []
    for blocks in (5, 0):
        node = await start_node(kind, reactor, tmp_path)
        client = client_of(node, reactor)
        await client.call("generatetoaddress", blocks, ADDRESS)
        tips.append(
            (
                await ask(client, "getblockcount"),
                await ask(client, "getbestblockhash"),
            )
        )
        await client.close()
        await node.stop()
        assert not node.cookie_file.exists()

    assert tips[0] == tips[1]
    assert tips[0][0] == 5


@on_reactor
async def test_who_has_no_cookie_gets_nothing(kind: str, tmp_path: Path) -> None:
    from twisted.internet import reactor  # noqa: PLC0415

    node = await start_node(kind, reactor, tmp_path)
    client = make_rpc_client(node.rpc_url, UserPassword("a", "b"), reactor)
    try:
        with pytest.raises(NodeLoginError):
            await client.call("getblockcount")
    finally:
        await client.close()
        await node.stop()


@on_reactor
async def test_what_common_tools_ask_is_answered(kind: str, tmp_path: Path) -> None:
    async def test(client: RpcClient) -> None:
        chain = await ask(client, "getblockchaininfo")
        assert chain["chain"] == "regtest"
        assert (chain["blocks"], chain["headers"]) == (0, 0)
        assert (await ask(client, "getmininginfo"))["blocks"] == 0
        assert "subversion" in await ask(client, "getnetworkinfo")
        assert (await ask(client, "validateaddress", ADDRESS))["isvalid"]
        assert not (await ask(client, "validateaddress", "nonsense"))["isvalid"]
        header = await ask(client, "getblockheader", chain["bestblockhash"], False)
        assert len(header) == 160
        for method, params, code in [
            ("nonsense", (), -32601),
            ("getblock", ("ab" * 32,), -5),
            ("getblocktemplate", ({"rules": []},), -8),
            ("sendrawtransaction", ("zz",), -22),
            ("generatetoaddress", (1, "nonsense"), -5),
        ]:
            with pytest.raises(NodeRefusalError) as refusal:
                await client.call(method, *params)
            assert refusal.value.code == code, method

    await with_node(kind, tmp_path, test)
