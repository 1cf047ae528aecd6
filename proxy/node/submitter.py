"""Blocks that we found go to every node at once, before anything else happens."""

from collections import OrderedDict
from collections.abc import Callable, Sequence
from enum import StrEnum

import msgspec
from attrs import define, evolve, field, frozen
from twisted.internet.interfaces import IReactorTime
from twisted.internet.task import deferLater
from twisted.logger import Logger

from protocol.errors import MalformedMessageError, RemoteError
from protocol.units import Seconds
from protocol.unreadable import UNREADABLE
from proxy.node.block_files import BlockFiles, FoundBlock
from proxy.node.errors import NodeRefusalError
from proxy.node.rpc import RpcClient
from proxy.runtime.pace import TokenBucket
from proxy.runtime.tasks import Tasks
from proxy.shares.record import BLOCKS_AT_ONCE, BLOCKS_PER_SECOND

SUBMIT_TIMEOUT = Seconds(60.0)
FIRST_PAUSE = Seconds(0.25)
LONGEST_PAUSE = Seconds(5.0)
RETRY_SECONDS = Seconds(3600.0)
"""After so long the chain has grown by some six blocks: this one cannot win."""

STOP_SECONDS = Seconds(2.0)
"""How long the end of the process waits for a node that is being told of a block."""

REMEMBERED_HASHES = 4096

MAX_UNDER_WAY = 256
"""Blocks that a node is still being told of; more are not taken on."""

_STOP_STEP = Seconds(0.02)


class BlockVerdict(StrEnum):
    """What a node made of a block; the text is the one in the ledger."""

    ACCEPTED = "accepted"
    DUPLICATE = "duplicate"
    INCONCLUSIVE = "inconclusive"
    STALE = "stale"
    REJECTED = "rejected"
    LOST = "lost"

    @property
    def is_good(self) -> bool:
        """The node has the block and holds it for valid."""
        return self in {BlockVerdict.ACCEPTED, BlockVerdict.DUPLICATE}


@frozen
class BlockAnswer:
    """What one node said to a block.

    Attributes:
        block: Its hash, as displayed.
        node: The node's name.
        verdict: What it means.
        reason: The node's own words, or why it was not reached.
        is_last: Every other node has answered before.
    """

    block: str
    node: str
    verdict: BlockVerdict
    reason: str
    is_last: bool = False


@frozen
class SubmitTarget:
    """A node that takes blocks.

    Attributes:
        name: As in the configuration.
        rpc: How to call it.
        height: Returns its tip's height; None while not known.
    """

    name: str
    rpc: RpcClient
    height: Callable[[], int | None]


@define
class _UnderWay:
    """A block that nodes are being told of.

    Attributes:
        left: Nodes that have not answered yet.
        is_listed: It has a file, and lines in the log.
        is_closed: Nothing more is to be done for it.
    """

    left: int
    is_listed: bool
    is_closed: bool = False


def verdict_of(answer: str | None) -> BlockVerdict:
    """Return what a submitblock result means.

    Source: Bitcoin Core, rpc/mining.cpp, submitblock and BIP22ValidationResult.
    """
    if answer is None:
        return BlockVerdict.ACCEPTED
    if answer == "duplicate":
        return BlockVerdict.DUPLICATE
    if answer in {"inconclusive", "duplicate-inconclusive"}:
        return BlockVerdict.INCONCLUSIVE
    # The first two are BIP 22's words; the third is Core's to a proposal.
    if answer in {"stale-prevblk", "stale-work", "inconclusive-not-best-prevblk"}:
        return BlockVerdict.STALE
    return BlockVerdict.REJECTED


@define
class BlockSubmitter:
    """Submits each block once to each node, until it answers or it is too late.

    Attributes:
        targets: The nodes, all of them; the one whose template it was last.
        files: Where each block is kept until it is answered.
        on_answer: Hears of every node's answer, and of `lost` when one gave none.
        clock: For pauses.
    """

    _log = Logger()

    targets: Sequence[SubmitTarget]
    files: BlockFiles
    on_answer: Callable[[BlockAnswer], None]
    clock: IReactorTime
    _tasks: Tasks = field(factory=Tasks, init=False)
    _submitted: OrderedDict[str, None] = field(factory=OrderedDict, init=False)
    _under_way: dict[str, _UnderWay] = field(factory=dict, init=False)
    _pace: TokenBucket = field(
        factory=lambda: TokenBucket(BLOCKS_AT_ONCE, BLOCKS_PER_SECOND), init=False
    )
    _calls: int = field(default=0, init=False)

    def resume(self) -> None:
        """Submit what an earlier process wrote down and nobody has answered."""
        for block in self.files.unanswered():
            self._start(block, is_listed=True)

    def submit(self, block: FoundBlock) -> bool:
        """Send `block` to every node now; return False if it is not taken on.

        It was sent before, or too many are under way. The calls are under way when
        this returns.
        """
        if block.hash in self._submitted or len(self._under_way) >= MAX_UNDER_WAY:
            return False
        is_listed = self._pace.take(Seconds(self.clock.seconds()))
        self._start(block, is_listed=is_listed)
        return True

    def _start(self, block: FoundBlock, *, is_listed: bool) -> None:
        # Before the calls: a replay in the same turn finds it.
        self._submitted[block.hash] = None
        if len(self._submitted) > REMEMBERED_HASHES:
            self._submitted.popitem(last=False)
        # Once for all nodes and the file: a full block is 8 MB of hex.
        text = block.raw.hex()
        # Without nodes nobody would take it out again.
        if self.targets:
            self._under_way[block.hash] = _UnderWay(len(self.targets), is_listed)
        for target in self.targets:
            what = f"block {block.hash} to {target.name}"
            self._tasks.start(what, self._deliver(block, text, target))
        if is_listed:
            self.files.keep(block, text)  # nobody waits for a disk
            unlisted = self._pace.told()
            self._log.info(
                "submitting block {hash} at height {height}{more}",
                hash=block.hash,
                height=block.height,
                more=f"; {unlisted} before it are not listed" if unlisted else "",
            )

    async def stop(self) -> None:
        """Let calls under way be answered, for a moment, and give up the rest.

        What was not answered is taken up by `resume` of the next process.
        """
        until = self.clock.seconds() + STOP_SECONDS
        while self._is_busy and self.clock.seconds() < until:
            await deferLater(self.clock, _STOP_STEP)
        await self._tasks.cancel_all()

    @property
    def _is_busy(self) -> bool:
        return bool(self._calls) or self.files.is_busy

    def _note_answer(self, block: FoundBlock, *, is_good: bool) -> None:
        """Close the block's file once one node has it, or all have answered."""
        one = self._under_way[block.hash]
        one.left -= 1
        if not one.left:
            del self._under_way[block.hash]
        # After the last bad answer, too: there is nothing more to be tried.
        if one.is_closed or (one.left and not is_good):
            return
        one.is_closed = True
        if one.is_listed:
            self.files.note_answer(block)

    async def _deliver(
        self, block: FoundBlock, text: str, target: SubmitTarget
    ) -> None:
        answer = await self._answer(block, text, target)
        if self._under_way[block.hash].is_listed:
            self._log.info(
                "block {hash}: {node} says {verdict} {reason}",
                hash=answer.block,
                node=answer.node,
                verdict=answer.verdict,
                reason=answer.reason,
            )
        self._note_answer(block, is_good=answer.verdict.is_good)
        is_last = block.hash not in self._under_way
        self.on_answer(evolve(answer, is_last=is_last))

    async def _answer(
        self, block: FoundBlock, text: str, target: SubmitTarget
    ) -> BlockAnswer:
        began, pause = self.clock.seconds(), FIRST_PAUSE
        while True:
            try:
                verdict, reason = await self._call(text, target)
            except RemoteError as error:
                verdict, reason = BlockVerdict.LOST, str(error)
            is_over = self.clock.seconds() - began >= RETRY_SECONDS
            is_over = is_over or self._is_beaten(block, target)
            if verdict is not BlockVerdict.LOST or is_over:
                return BlockAnswer(block.hash, target.name, verdict, reason)
            await deferLater(self.clock, pause)
            pause = Seconds(min(pause * 2, LONGEST_PAUSE))

    def _is_beaten(self, block: FoundBlock, target: SubmitTarget) -> bool:
        """Return whether the chain has gone past the block: it cannot win.

        A node that is dead says nothing of the chain; the block's own does for it.
        The others do not: they may be of another network.
        """
        heights = (target.height(), self.targets[-1].height())
        return any(height is not None and height > block.height for height in heights)

    async def _call(self, text: str, target: SubmitTarget) -> tuple[BlockVerdict, str]:
        """Return the node's answer.

        Raises:
            RemoteError: It gave none: to be tried again.
        """
        self._calls += 1
        try:
            result = await target.rpc.call("submitblock", text, deadline=SUBMIT_TIMEOUT)
        except NodeRefusalError as refusal:
            # Not its last word: it takes the block once it has caught up.
            if refusal.is_syncing:
                raise
            return BlockVerdict.REJECTED, str(refusal)
        finally:
            self._calls -= 1
        answer = _decoded(result)
        return verdict_of(answer), answer or ""


def _decoded(result: msgspec.Raw) -> str | None:
    try:
        return msgspec.json.decode(result, type=str | None)
    except UNREADABLE as error:
        raise MalformedMessageError(f"submitblock: {error}") from error
