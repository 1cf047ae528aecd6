"""Blocks, headers and transactions as getblock and its kin show them."""

from typing import Any

from bitcoin.core import CBlock, CTransaction, CTxIn, CTxOut
from bitcoin.core.script import CScript

from protocol.bitcoin.address import segwit_address
from protocol.bitcoin.network import ADDRESS_FORMS, Network
from protocol.bitcoin.target import difficulty_from_target, target_from_nbits
from proxy.regtest.kernel import RegtestKernel

_SATOSHIS = 100_000_000
_OP_1, _OP_16 = 0x51, 0x60
_WSH_BYTES = 32
_MIN_PROGRAM_SCRIPT, _MAX_PROGRAM_SCRIPT = 4, 42


def header_view(kernel: RegtestKernel, height: int) -> dict[str, Any]:
    """Return getblockheader's object for the active chain's block at `height`."""
    header = kernel.header_at(height)
    target = target_from_nbits(header.nbits)
    view: dict[str, Any] = {
        "hash": header.hash[::-1].hex(),
        "confirmations": kernel.height - height + 1,
        "height": height,
        "version": header.version,
        "versionHex": f"{header.version:08x}",
        "merkleroot": header.root[::-1].hex(),
        "time": header.ntime,
        "nonce": header.nonce,
        "bits": f"{header.nbits:08x}",
        "target": f"{target:064x}",
        "difficulty": difficulty_from_target(target),
    }
    if height > 0:
        view["previousblockhash"] = header.prev_hash[::-1].hex()
    if height < kernel.height:
        view["nextblockhash"] = kernel.hash_at(height + 1)[::-1].hex()
    return view


def block_view(kernel: RegtestKernel, height: int, *, whole: bool) -> dict[str, Any]:
    """Return getblock's object: with txids, or with `whole` transactions."""
    raw = kernel.block_at(height)
    block = CBlock.deserialize(raw)
    if whole:
        transactions = [transaction_view(tx) for tx in block.vtx]
    else:
        transactions = [tx.GetTxid()[::-1].hex() for tx in block.vtx]
    stripped = len(block.serialize({"include_witness": False}))
    return header_view(kernel, height) | {
        "size": len(raw),
        "strippedsize": stripped,
        "weight": 3 * stripped + len(raw),
        "nTx": len(block.vtx),
        "tx": transactions,
    }


def script_view(script: bytes) -> dict[str, Any]:
    """Return what validateaddress says of the script that an address stands for."""
    view: dict[str, Any] = {"scriptPubKey": script.hex()}
    program = _witness_program(script)
    if program is None:
        return view | {"isscript": CScript(script).is_p2sh(), "iswitness": False}
    version, data = program
    return view | {
        "isscript": version > 0 or len(data) == _WSH_BYTES,  # BIP 141; Core's taproot
        "iswitness": True,
        "witness_version": version,
        "witness_program": data.hex(),
    }


def block_stats(kernel: RegtestKernel, height: int, subsidy: int) -> dict[str, Any]:
    """Return some of getblockstats' object, amounts in satoshis.

    Args:
        kernel: The chain.
        height: Of a block of it.
        subsidy: What that block may create: what it pays beyond are fees.
    """
    block = CBlock.deserialize(kernel.block_at(height))
    paid = sum(out.nValue for out in block.vtx[0].vout)
    return {
        "blockhash": kernel.hash_at(height)[::-1].hex(),
        "height": height,
        "subsidy": subsidy,
        "time": block.nTime,
        "totalfee": max(0, paid - subsidy),
        "txs": len(block.vtx),
    }


def transaction_view(tx: CTransaction) -> dict[str, Any]:
    """Return what getblock and decoderawtransaction say of a transaction."""
    raw = tx.serialize()
    weight = 3 * len(tx.serialize({"include_witness": False})) + len(raw)
    return {
        "txid": tx.GetTxid()[::-1].hex(),
        "hash": tx.GetHash()[::-1].hex(),
        "version": tx.nVersion,
        "size": len(raw),
        "vsize": (weight + 3) // 4,
        "weight": weight,
        "locktime": tx.nLockTime,
        "vin": [_input_view(spent) for spent in tx.vin],
        "vout": [_output_view(n, out) for n, out in enumerate(tx.vout)],
        "hex": raw.hex(),
    }


def _input_view(spent: CTxIn) -> dict[str, Any]:
    script = bytes(spent.scriptSig).hex()
    if spent.prevout.is_null():
        return {"coinbase": script, "sequence": spent.nSequence}
    return {
        "txid": spent.prevout.hash[::-1].hex(),
        "vout": spent.prevout.n,
        "scriptSig": {"hex": script},
        "sequence": spent.nSequence,
    }


def _output_view(n: int, out: CTxOut) -> dict[str, Any]:
    script = bytes(out.scriptPubKey)
    view = {"hex": script.hex()}
    if address := _segwit_address(script):
        view["address"] = address
    return {"value": out.nValue / _SATOSHIS, "n": n, "scriptPubKey": view}


def _segwit_address(script: bytes) -> str:
    program = _witness_program(script)
    if program is None:
        return ""
    return segwit_address(ADDRESS_FORMS[Network.REGTEST].hrp, *program)


def _witness_program(script: bytes) -> tuple[int, bytes] | None:
    """Return a script's version and program, None if it has none (BIP 141)."""
    if not _MIN_PROGRAM_SCRIPT <= len(script) <= _MAX_PROGRAM_SCRIPT:
        return None
    if script[1] != len(script) - 2 or not (
        script[0] == 0 or _OP_1 <= script[0] <= _OP_16
    ):
        return None
    return (script[0] - _OP_1 + 1 if script[0] else 0), script[2:]
