"""The calls of bitcoind that the embedded node answers, by their names there.

Source: Bitcoin Core, its RPC help texts.
"""

from collections.abc import Callable
from typing import Any

import msgspec
from attrs import frozen

from protocol.bitcoin.address import AddressError, script_of_address
from protocol.bitcoin.header import HEADER_BYTES
from protocol.bitcoin.network import Network
from protocol.bitcoin.target import difficulty_from_target, target_from_nbits
from proxy.regtest.chain import RegtestChain, subsidy
from proxy.regtest.kernel import DECODE_FAILED
from proxy.regtest.pace import NBITS, BlockPace
from proxy.regtest.rpc_arguments import (
    DESERIALIZATION_ERROR,
    INVALID_ADDRESS_OR_KEY,
    INVALID_PARAMETER,
    METHOD_NOT_FOUND,
    VERIFY_REJECTED,
    RpcError,
    converted,
    unhex,
)
from proxy.regtest.template import longpoll_id, template_reply
from proxy.regtest.transactions import TransactionRefusedError, decode_transaction
from proxy.regtest.views import (
    block_stats,
    block_view,
    header_view,
    script_view,
    transaction_view,
)

MAX_GENERATED = 1000
"""Blocks of one generatetoaddress: 0.3 s of work."""


class TemplateRequest(msgspec.Struct):
    """The argument of getblocktemplate (BIP 22, BIP 23)."""

    mode: str = "template"
    rules: list[str] = []
    longpollid: str = ""
    data: str = ""


@frozen
class RegtestCalls:
    """Each method in `_METHODS` is a call: its arguments are JSON, so is its answer.

    Attributes:
        chain: What the answers are about.
        pace: How hard a target the templates have.
        version: User agent of the node.
        zmq_url: Where it publishes `hashblock`.
    """

    chain: RegtestChain
    pace: BlockPace
    version: str
    zmq_url: str = ""

    @property
    def longpoll_id(self) -> str:
        """Names the template that would be served now."""
        return longpoll_id(self.chain, self.pace)

    def getbestblockhash(self) -> str:
        """Return the tip's hash."""
        return self.chain.kernel.tip[::-1].hex()

    def getblockcount(self) -> int:
        """Return the tip's height."""
        return self.chain.kernel.height

    def getblockhash(self, height: int) -> str:
        """Return the hash of the block at `height`."""
        if not 0 <= height <= self.chain.kernel.height:
            raise RpcError(INVALID_PARAMETER, "Block height out of range")
        return self.chain.kernel.hash_at(height)[::-1].hex()

    def getblock(self, blockhash: str, verbosity: int = 1) -> Any:
        """Return a block: as hex (0), with txids (1) or whole transactions (2)."""
        height = self._height(blockhash)
        if verbosity == 0:
            return self.chain.kernel.block_at(height).hex()
        return block_view(self.chain.kernel, height, whole=verbosity > 1)

    def getblockheader(self, blockhash: str, verbose: bool = True) -> Any:  # noqa: FBT001, FBT002
        """Return a header: as an object, or as hex."""
        height = self._height(blockhash)
        if not verbose:
            return self.chain.kernel.header_at(height).packed.hex()
        return header_view(self.chain.kernel, height)

    def getblockstats(self, height: int, stats: list[str] | None = None) -> Any:
        """Return of the block at `height` what is asked for, all of it if None."""
        if not 0 <= height <= self.chain.kernel.height:
            raise RpcError(INVALID_PARAMETER, f"Target block height {height} after tip")
        found = block_stats(self.chain.kernel, height, subsidy(height))
        for name in stats or ():
            if name not in found:
                raise RpcError(
                    INVALID_PARAMETER, f"Invalid selected statistic '{name}'"
                )
        return found if stats is None else {name: found[name] for name in stats}

    def getblockchaininfo(self) -> Any:
        """Return where the chain is."""
        kernel = self.chain.kernel
        return {
            "chain": Network.REGTEST,
            "blocks": kernel.height,
            "headers": kernel.height,
            "bestblockhash": self.getbestblockhash(),
            "bits": f"{NBITS:08x}",
            "target": f"{target_from_nbits(NBITS):064x}",
            "difficulty": difficulty_from_target(target_from_nbits(NBITS)),
            "time": kernel.header_at(kernel.height).ntime,
            "mediantime": kernel.median_time(),
            "verificationprogress": 1,
            "initialblockdownload": False,
            "pruned": False,
            "warnings": [],
        }

    def getmininginfo(self) -> Any:
        """Return what a miner asks about."""
        network = target_from_nbits(NBITS)
        return {
            "blocks": self.chain.kernel.height,
            "bits": f"{NBITS:08x}",
            "difficulty": difficulty_from_target(network),
            "target": f"{network:064x}",
            "networkhashps": float(self.pace.estimate()),
            "pooledtx": len(self.chain.pool.transactions),
            "chain": Network.REGTEST,
            "warnings": [],
        }

    def getnetworkinfo(self) -> Any:
        """Return who this is: nobody is connected."""
        return {
            "version": 310000,
            "subversion": f"/{self.version}/",
            "protocolversion": 70016,
            "connections": 0,
            "networkactive": False,
            "relayfee": 0.0,
            "warnings": [],
        }

    def getzmqnotifications(self) -> Any:
        """Return what is published, and where."""
        return [{"type": "pubhashblock", "address": self.zmq_url, "hwm": 1000}]

    def getrawmempool(self) -> list[str]:
        """Return the txids of the pool."""
        return [w.txid[::-1].hex() for w in self.chain.pool.transactions]

    def sendrawtransaction(self, hexstring: str) -> str:
        """Take a transaction into the pool; return its txid."""
        try:
            return self.chain.send(unhex(hexstring, "TX decode failed"))[::-1].hex()
        except TransactionRefusedError as error:
            raise RpcError(VERIFY_REJECTED, str(error)) from error

    def decoderawtransaction(self, hexstring: str) -> Any:
        """Return what a transaction says, without its bytes."""
        raw = unhex(hexstring, "TX decode failed")
        try:
            view = transaction_view(decode_transaction(raw))
        except TransactionRefusedError as error:
            raise RpcError(DESERIALIZATION_ERROR, str(error)) from error
        del view["hex"]
        return view

    def validateaddress(self, address: str) -> Any:
        """Return whether `address` is one of regtest, and its script."""
        try:
            script = script_of_address(address, Network.REGTEST)
        except AddressError as error:
            return {"isvalid": False, "error_locations": [], "error": str(error)}
        return {"isvalid": True, "address": address} | script_view(script)

    def generatetoaddress(self, nblocks: int, address: str) -> list[str]:
        """Mine blocks that pay to `address`; return their hashes."""
        if not 0 <= nblocks <= MAX_GENERATED:
            raise RpcError(INVALID_PARAMETER, f"nblocks not in 0..{MAX_GENERATED}")
        try:
            script = script_of_address(address, Network.REGTEST)
        except AddressError as error:
            raise RpcError(INVALID_ADDRESS_OR_KEY, "Error: Invalid address") from error
        return [h[::-1].hex() for h in self.chain.mine(script, nblocks)]

    def submitblock(self, hexdata: str) -> str | None:
        """Take a block in; None if it is valid, else why not."""
        verdict = self.chain.submit(unhex(hexdata, "Block decode failed"))
        if verdict == DECODE_FAILED:
            raise RpcError(DESERIALIZATION_ERROR, "Block decode failed")
        if verdict is None:
            self.pace.block_found(self.chain.now)
        return verdict

    def getblocktemplate(self, template_request: TemplateRequest) -> Any:
        """Return a template, or what is wrong with a proposed block."""
        if template_request.mode == "proposal":
            return self._proposal(template_request.data)
        if template_request.mode != "template":
            raise RpcError(INVALID_PARAMETER, "Invalid mode")
        if "segwit" not in template_request.rules:
            raise RpcError(
                INVALID_PARAMETER,
                "getblocktemplate must be called with the segwit rule set "
                '(call with {"rules": ["segwit"]})',
            )
        return template_reply(self.chain, self.pace)

    def _proposal(self, data: str) -> str | None:
        raw = unhex(data, "Block decode failed")
        if len(raw) < HEADER_BYTES:
            raise RpcError(DESERIALIZATION_ERROR, "Block decode failed")
        verdict = self.chain.propose(raw)
        if verdict == DECODE_FAILED:
            raise RpcError(DESERIALIZATION_ERROR, "Block decode failed")
        return verdict

    def _height(self, blockhash: str) -> int:
        block_hash = unhex(blockhash, "Block not found")[::-1]
        known = len(block_hash) == 32  # noqa: PLR2004
        height = self.chain.kernel.height_of(block_hash) if known else None
        if height is None:
            raise RpcError(INVALID_ADDRESS_OR_KEY, "Block not found")
        return height


_Method = Callable[..., Any]

_ARGUMENTS: dict[_Method, tuple[Any, ...]] = {
    RegtestCalls.getbestblockhash: (),
    RegtestCalls.getblockcount: (),
    RegtestCalls.getblockhash: (int,),
    RegtestCalls.getblock: (str, int),
    RegtestCalls.getblockheader: (str, bool),
    RegtestCalls.getblockstats: (int, list[str] | None),
    RegtestCalls.getblockchaininfo: (),
    RegtestCalls.getmininginfo: (),
    RegtestCalls.getnetworkinfo: (),
    RegtestCalls.getzmqnotifications: (),
    RegtestCalls.getrawmempool: (),
    RegtestCalls.sendrawtransaction: (str,),
    RegtestCalls.decoderawtransaction: (str,),
    RegtestCalls.validateaddress: (str,),
    RegtestCalls.generatetoaddress: (int, str),
    RegtestCalls.submitblock: (str,),
    RegtestCalls.getblocktemplate: (TemplateRequest,),
}
_METHODS = {method.__name__: method for method in _ARGUMENTS}


def answer(calls: RegtestCalls, name: str, params: list[Any]) -> Any:
    """Return the result of the call `name`.

    Raises:
        RpcError: It fails, is not known, or its arguments are not the right ones.
    """
    method = _METHODS.get(name)
    if method is None:
        raise RpcError(METHOD_NOT_FOUND, "Method not found")
    return method(calls, *_arguments(method, params))


def template_request(params: list[Any]) -> TemplateRequest:
    """Return the argument of a getblocktemplate call.

    Raises:
        RpcError: It is none.
    """
    request: TemplateRequest
    (request,) = _arguments(RegtestCalls.getblocktemplate, params or [{}])
    return request


def _arguments(method: _Method, params: list[Any]) -> list[Any]:
    optional = len(method.__defaults__ or ())
    return converted(method.__name__, params, _ARGUMENTS[method], optional)
