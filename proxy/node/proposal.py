"""Ask a node what it would say to a block of ours, before any is found (BIP 23)."""

import msgspec

from protocol.bitcoin.block import assemble_block
from protocol.bitcoin.hashes import sha256d
from protocol.bitcoin.header import Header
from protocol.bitcoin.merkle import root_from_branch
from protocol.errors import MalformedMessageError
from protocol.unreadable import UNREADABLE
from protocol.work.job import Work
from protocol.work.template import Template
from proxy.node.rpc import RpcClient

NOT_BEST_TIP = "inconclusive-not-best-prevblk"
"""The answer to a proposal that builds on a tip which is none any more."""

_texts: "msgspec.json.Decoder[str | None]" = msgspec.json.Decoder(str | None)


def trial_block(template: Template, work: Work) -> bytes:
    """Return the block that `work` of `template` leads to, without proof of work."""
    rolled = bytes(work.extranonce2_size)
    coinbase = b"".join((work.coinb1, work.extranonce1, rolled, work.coinb2))
    root = root_from_branch(sha256d(coinbase), work.merkle_branch)
    # Nonce 0: a proposal is checked for all but its proof of work (BIP 23).
    header = Header(work.version, work.prev_hash, root, work.ntime, work.nbits, 0)
    return assemble_block(
        header.packed,
        coinbase,
        template.transactions,
        has_witness=template.witness_commitment is not None,
    )


async def propose(rpc: RpcClient, block: bytes) -> str | None:
    """Return what is wrong with `block` but for its proof of work; None: nothing.

    Raises:
        RemoteError: The node could not be asked.
    """
    request = {"mode": "proposal", "data": block.hex(), "rules": ["segwit"]}
    result = await rpc.call("getblocktemplate", request)
    try:
        return _texts.decode(result)
    except UNREADABLE as error:
        raise MalformedMessageError(f"proposal: {error}") from error
