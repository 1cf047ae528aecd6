"""getblocktemplate's answer, from a regtest chain."""

from typing import Any

from proxy.regtest.chain import BLOCK_VERSION, RegtestChain
from proxy.regtest.pace import NBITS, BlockPace
from proxy.regtest.transactions import PooledTransaction

_MAX_WEIGHT = 4_000_000
_MAX_SIGOPS = 80_000


def longpoll_id(chain: RegtestChain, pace: BlockPace) -> str:
    """Return what a long poll waits to see changed."""
    return f"{chain.kernel.tip[::-1].hex()}{chain.changes}.{pace.level(chain.now)}"


def template_reply(chain: RegtestChain, pace: BlockPace) -> Any:
    """Return a template of the next block (BIP 22, BIP 23, BIP 145).

    Args:
        chain: What to build on, with its pool.
        pace: Sets its target.
    """
    return {
        "capabilities": ["proposal"],
        "version": BLOCK_VERSION,
        "rules": ["csv", "!segwit", "taproot"],
        "vbavailable": {},
        "vbrequired": 0,
        "previousblockhash": chain.kernel.tip[::-1].hex(),
        "transactions": [_entry(waiting) for waiting in chain.pool.transactions],
        "coinbaseaux": {},
        "coinbasevalue": chain.reward,
        "longpollid": longpoll_id(chain, pace),
        "target": f"{pace.target(chain.now):064x}",
        "mintime": chain.min_ntime,
        "mutable": ["time", "transactions", "prevblock"],
        "noncerange": "00000000ffffffff",
        "sigoplimit": _MAX_SIGOPS,
        "sizelimit": _MAX_WEIGHT,
        "weightlimit": _MAX_WEIGHT,
        "curtime": chain.ntime,
        "bits": f"{NBITS:08x}",
        "height": chain.kernel.height + 1,
        "default_witness_commitment": chain.commitment.hex(),
    }


def _entry(waiting: PooledTransaction) -> Any:
    stripped = len(waiting.transaction.serialize({"include_witness": False}))
    return {
        "data": waiting.raw.hex(),
        "txid": waiting.txid[::-1].hex(),
        "hash": waiting.wtxid[::-1].hex(),
        "depends": list(waiting.depends),
        "fee": waiting.fee,
        "sigops": 0,
        "weight": 3 * stripped + len(waiting.raw),
    }
