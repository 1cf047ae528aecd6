"""Block templates of a node, and the work that they become."""

from typing import Annotated

import msgspec
from attrs import frozen

from protocol.bitcoin.coinbase import Payout, split_coinbase
from protocol.bitcoin.merkle import branch_of_coinbase
from protocol.bitcoin.target import (
    MAX_TARGET,
    difficulty_from_target,
    target_from_difficulty,
    target_from_nbits,
)
from protocol.errors import MalformedMessageError, RemoteError
from protocol.units import Difficulty
from protocol.unreadable import UNREADABLE
from protocol.work.job import Work
from protocol.work.version_rolling import OFFERED_MASK

UNDERSTOOD_RULES = frozenset({"csv", "segwit", "taproot"})
"""Rules that bind a miner and that this builder obeys (BIP 9)."""

MAX_TRANSACTIONS = 66_000
"""More do not fit into 4 MWU (60 B each at least)."""

MAX_FUTURE_SECONDS = 7200
"""How far a block's time may be ahead of the node's clock."""

UNBOUND_DIFFICULTY = Difficulty(2.0**64)
"""Stands for "no ceiling" where the network's difficulty does not bind."""

EXTRANONCE2_BYTES = 12
"""What a template leaves to the site: padding, slot and extranonce2.

It takes the largest layout, 4+8, and what a proxy below us may want: its group's number
(2 B), its slot (2 B) and 8 B to roll.
"""

_HASH_BYTES = 32

_Hex = Annotated[str, msgspec.Meta(pattern="^([0-9a-fA-F]{2})*$")]
_Hash = Annotated[str, msgspec.Meta(pattern="^[0-9a-fA-F]{64}$")]
_NBits = Annotated[str, msgspec.Meta(pattern="^[0-9a-fA-F]{8}$")]
_U32 = Annotated[int, msgspec.Meta(ge=0, le=0xFFFFFFFF)]
# Core prints the header's field as a signed number.
_Version = Annotated[int, msgspec.Meta(ge=-(1 << 31), le=0xFFFFFFFF)]
_Height = Annotated[int, msgspec.Meta(ge=1, le=0x7FFFFFFF)]
# MAX_MONEY of Bitcoin Core, in satoshis.
_Amount = Annotated[int, msgspec.Meta(ge=0, le=21_000_000 * 100_000_000)]


class UnknownRuleError(RemoteError):
    """The template demands a rule that we do not know: mining it would be blind."""


class _TransactionReply(msgspec.Struct):
    data: str  # as its hex is read below: a pattern would cost 20 ms a template
    txid: str


class _TemplateReply(msgspec.Struct):
    version: _Version
    previousblockhash: _Hash
    transactions: Annotated[
        list[_TransactionReply], msgspec.Meta(max_length=MAX_TRANSACTIONS)
    ]
    coinbasevalue: _Amount
    target: _Hash
    mintime: _U32
    curtime: _U32
    bits: _NBits
    height: _Height
    rules: list[str] = []
    longpollid: Annotated[str, msgspec.Meta(max_length=200)] = ""
    default_witness_commitment: _Hex | None = None


_decoder = msgspec.json.Decoder(_TemplateReply)


@frozen
class Template:
    """What a node would put into the next block.

    Attributes:
        version: As the header's unsigned field.
        prev_hash: 32 B, internal order: the tip it builds on.
        txids: 32 B each, internal order, without the coinbase's.
        transactions: The same transactions whole.
        coinbase_value: Satoshis that the coinbase may spend.
        target: The node takes blocks not above it; never easier than `nbits`.
        min_ntime: First ntime that is valid, Unix seconds.
        curtime: The node's time when it made the template.
        nbits: The header's field.
        height: Of the block.
        longpoll_id: What to ask a newer template with; empty: no long poll.
        witness_commitment: scriptPubKey of the last output; None without segwit.
    """

    version: int
    prev_hash: bytes
    txids: tuple[bytes, ...]
    transactions: tuple[bytes, ...]
    coinbase_value: int
    target: int
    min_ntime: int
    curtime: int
    nbits: int
    height: int
    longpoll_id: str
    witness_commitment: bytes | None

    @property
    def tip(self) -> str:
        """Hash of the block it builds on, as displayed."""
        return self.prev_hash[::-1].hex()

    @property
    def ntime(self) -> int:
        """The time to start from: never before the first valid one."""
        return max(self.curtime, self.min_ntime)


def parse_template(result: bytes | msgspec.Raw) -> Template:
    """Return the template in a getblocktemplate result.

    Source: BIP 22, BIP 23, BIP 145.

    Raises:
        MalformedMessageError: It is not one, or contradicts itself.
        UnknownRuleError: It demands a rule that we do not know.
    """
    try:
        reply = _decoder.decode(result)
        nbits = int(reply.bits, 16)
        # A node may ask for more than the network does (BIP 22's target): on regtest
        # that keeps a chain from running away.
        hardest = min(int(reply.target, 16), target_from_nbits(nbits))
        txids = tuple(_txid(t.txid) for t in reply.transactions)
        transactions = tuple(bytes.fromhex(t.data) for t in reply.transactions)
    except (*UNREADABLE, ValueError) as error:
        raise MalformedMessageError(f"block template: {error}") from error
    _check_rules(reply.rules)
    # It commits to all transactions of the template, and we drop none of them.
    commitment = reply.default_witness_commitment
    return Template(
        version=reply.version & 0xFFFFFFFF,
        prev_hash=bytes.fromhex(reply.previousblockhash)[::-1],
        txids=txids,
        transactions=transactions,
        coinbase_value=reply.coinbasevalue,
        target=hardest,
        min_ntime=reply.mintime,
        curtime=reply.curtime,
        nbits=nbits,
        height=reply.height,
        longpoll_id=reply.longpollid,
        witness_commitment=bytes.fromhex(commitment) if commitment else None,
    )


def work_from_template(  # noqa: PLR0913  (each is a choice of its own)
    template: Template,
    payout: Payout,
    *,
    source: str,
    source_job: str,
    clean: bool,
    difficulty_binds: bool = True,
    min_block_difficulty: Difficulty = Difficulty(0.0),  # noqa: B008  (a float)
    extranonce2_bytes: int = EXTRANONCE2_BYTES,
    session: int = 0,
) -> Work:
    """Return `template` as work for miners.

    Args:
        template: What to mine.
        payout: Whom its coinbase pays.
        source: Name of the node.
        source_job: A name for this work, unique on this node.
        clean: Older work is of no use: the tip is another.
        difficulty_binds: Miners may not be asked for more than the network asks.
            False on regtest, where every other hash is a block.
        min_block_difficulty: Regtest only: call a share a block from here on.
        extranonce2_bytes: Room in the coinbase for padding, slot and extranonce2.
        session: Which life of the node's feed it belongs to.

    Raises:
        ValueError: The payout does not fit: its tag or amounts are too big.
    """
    # A miner that is asked for more than the network's difficulty would not send a hash
    # that is a block.
    target, difficulty = MAX_TARGET, UNBOUND_DIFFICULTY
    if difficulty_binds:
        target = target_from_nbits(template.nbits)
        difficulty = difficulty_from_target(target)
    coinb1, coinb2 = _coinbase(template, payout, extranonce2_bytes)
    return Work(
        source=source,
        source_job=source_job,
        prev_hash=template.prev_hash,
        coinb1=coinb1,
        extranonce1=b"",
        extranonce2_size=extranonce2_bytes,
        coinb2=coinb2,
        merkle_branch=branch_of_coinbase(template.txids),
        version=template.version,
        nbits=template.nbits,
        ntime=template.ntime,
        # A node takes any version's bits.
        version_mask=OFFERED_MASK,
        target=target,
        difficulty=difficulty,
        block_target=_block_target(template, min_block_difficulty),
        clean=clean,
        max_ntime=template.ntime + MAX_FUTURE_SECONDS,
        session=session,
    )


def _coinbase(
    template: Template, payout: Payout, extranonce_bytes: int
) -> tuple[bytes, bytes]:
    """Return the coinbase before and after the extranonce."""
    return split_coinbase(
        template.height,
        payout.outputs(template.coinbase_value),
        commitment=template.witness_commitment,
        tag=payout.tag,
        extranonce_bytes=extranonce_bytes,
    )


def _block_target(template: Template, least: Difficulty) -> int:
    """Return what a block must meet: `least`, too, if that is above 0."""
    if least <= 0:
        return template.target
    return min(template.target, target_from_difficulty(least))


def _txid(text: str) -> bytes:
    """Return a displayed hash in internal order."""
    txid = bytes.fromhex(text)[::-1]
    if len(txid) != _HASH_BYTES:
        raise ValueError(f"txid of {len(txid)} B, not {_HASH_BYTES}")
    return txid


def _check_rules(rules: list[str]) -> None:
    for rule in rules:
        if rule.startswith("!") and rule[1:] not in UNDERSTOOD_RULES:
            raise UnknownRuleError(f"block template demands the rule {rule!r}")
