"""What a node knows, held against what a pool asks us to hash."""

from enum import StrEnum

from attrs import frozen

from protocol.bitcoin.coinbase import height_in_coinbase
from protocol.bitcoin.network import GENESIS_NBITS, Network
from protocol.bitcoin.target import target_from_nbits
from protocol.units import Seconds, UnixTime
from protocol.work.job import Work
from protocol.work.template import MAX_FUTURE_SECONDS, Template

TIP_GRACE = Seconds(10.0)
"""A pool may be ahead of the node, or behind it, for so long: blocks travel."""

EMPTY_GRACE = Seconds(30.0)
"""A pool may mine an empty block for so long after a new tip."""


class MismatchKind(StrEnum):
    """What is wrong with a pool's work."""

    OTHER_NETWORK = "other_network"
    STALE_TIP = "stale_tip"
    UNKNOWN_TIP = "unknown_tip"
    WRONG_HEIGHT = "wrong_height"
    WRONG_NBITS = "wrong_nbits"
    NTIME_TOO_OLD = "ntime_too_old"
    NTIME_TOO_NEW = "ntime_too_new"
    EMPTY_BLOCK = "empty_block"


@frozen
class Mismatch:
    """A pool's work that the node contradicts.

    Attributes:
        kind: What is wrong.
        text: What was found and what was expected.
    """

    kind: MismatchKind
    text: str


@frozen
class ChainView:
    """What a node says of the chain at one moment.

    Attributes:
        network: The chain's name.
        template: Its newest template.
        tip_since: When we heard of its tip.
        previous_tip: The tip before, internal order; empty if not known.
    """

    network: Network
    template: Template
    tip_since: Seconds
    previous_tip: bytes


def is_other_network(work: Work, view: ChainView) -> bool:
    """Return whether `work` is of a network that the node is not on.

    Told by its nbits: easier than the node's network allows, or of regtest's kind.
    One warning and no check is what such a pool gets.
    """
    try:
        target = target_from_nbits(work.nbits)
    except ValueError:
        return False  # no network has it: a wrong nbits
    # This is the easiest target that the network allows.
    if target > target_from_nbits(GENESIS_NBITS[view.network]):
        return True
    regtest = GENESIS_NBITS[Network.REGTEST]
    # Regtest never retargets: any other nbits is of another chain.
    return view.network is Network.REGTEST and work.nbits != regtest


def mismatch(
    work: Work, view: ChainView, *, work_since: Seconds, now: Seconds, wall: UnixTime
) -> Mismatch | None:
    """Return what is wrong with a pool's `work`; None while nothing is.

    A pool on the node's previous tip is stale once the node's tip is older than
    `TIP_GRACE`. One on a tip that the node does not have may be ahead of it: its
    child, as the height tells, for `TIP_GRACE` from when the work came.

    Args:
        work: The pool's.
        view: The node's.
        work_since: When the pool first sent work on its prev_hash.
        now: On the same clock as `work_since` and the view's `tip_since`.
        wall: Wall time.
    """
    if is_other_network(work, view):
        text = f"nbits {work.nbits:08x} is not of {view.network}"
        return Mismatch(MismatchKind.OTHER_NETWORK, text)
    if work.prev_hash != view.template.prev_hash:
        return _off_tip(work, view, work_since=work_since, now=now)
    return _on_tip(work, view, now=now, wall=wall)


def _off_tip(
    work: Work, view: ChainView, *, work_since: Seconds, now: Seconds
) -> Mismatch | None:
    tip, pools = view.template.tip, work.prev_hash[::-1].hex()
    if work.prev_hash == view.previous_tip:
        if now - view.tip_since <= TIP_GRACE:
            return None
        return Mismatch(MismatchKind.STALE_TIP, f"on {pools}, the node's tip is {tip}")
    # BIP 34: all that a job tells of a tip that the node has not seen.
    height = height_in_coinbase(work.coinb1)
    if height is not None and height < view.template.height:
        text = f"height {height} on {pools}, the node is at {view.template.height}"
        kind = MismatchKind.STALE_TIP
        is_over = now - view.tip_since > TIP_GRACE
    else:
        text = f"on {pools}, which the node does not have; its tip is {tip}"
        kind = MismatchKind.UNKNOWN_TIP
        is_over = now - work_since > TIP_GRACE
    # A pool may know a child of the node's tip: one ahead. Two ahead is no delay of
    # seconds.
    if height is not None and height > view.template.height + 1:
        text = f"height {height}, the node is at {view.template.height}"
        return Mismatch(MismatchKind.WRONG_HEIGHT, text)
    return Mismatch(kind, text) if is_over else None


def _on_tip(
    work: Work, view: ChainView, *, now: Seconds, wall: UnixTime
) -> Mismatch | None:
    template = view.template
    height = height_in_coinbase(work.coinb1)
    if height != template.height:
        text = f"height {height}, {template.height} expected"
        return Mismatch(MismatchKind.WRONG_HEIGHT, text)
    if work.nbits != template.nbits:
        text = f"nbits {work.nbits:08x}, {template.nbits:08x} expected"
        return Mismatch(MismatchKind.WRONG_NBITS, text)
    if work.ntime < template.min_ntime:
        text = f"ntime {work.ntime} < {template.min_ntime}"
        return Mismatch(MismatchKind.NTIME_TOO_OLD, text)
    if work.ntime > wall + MAX_FUTURE_SECONDS:
        text = f"ntime {work.ntime} is {work.ntime - wall:.0f} s ahead"
        return Mismatch(MismatchKind.NTIME_TOO_NEW, text)
    # Pools begin with an empty block until they know which transactions the new one
    # took.
    is_late = now - view.tip_since > EMPTY_GRACE
    if template.txids and not work.merkle_branch and is_late:
        text = f"no transactions, the node has {len(template.txids)}"
        return Mismatch(MismatchKind.EMPTY_BLOCK, text)
    return None
