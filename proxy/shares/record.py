"""The one intake of judged shares: commit, then forward."""

from collections.abc import Callable, Mapping, Sequence

from attrs import define, field
from twisted.internet.interfaces import IReactorTime
from twisted.logger import Logger

from protocol.units import Seconds
from protocol.work.share import JudgedShare, Verdict
from proxy.runtime.pace import TokenBucket
from proxy.runtime.time_histogram import TimeHistogram
from proxy.shares.counted import CountedBatch
from proxy.shares.ports import Ledger, ShareSink
from proxy.shares.totals import ProxyTotals

MAX_BLOCKS_REMEMBERED = 10_000

BLOCKS_AT_ONCE = 60
BLOCKS_PER_SECOND = 1.0
"""Blocks that are sent ahead of their batch, logged and stored one by one.

A chain has one in ten minutes; a pool whose nbits make a block of every share would
otherwise have the site wait, and the ledger and the log grow, for each of them.
"""

COMMIT_EDGES = (0.0001, 0.0002, 0.0005, 0.001, 0.002, 0.005, 0.01, 0.05, 0.2, 1.0)
"""Seconds of a commit: without a sync, with one on a fast disk, on a slow card."""


def _nobody_asks(share: JudgedShare, verdict: str) -> None:
    """Take no notice."""


@define(eq=False, repr=False)
class Recorder:
    """Makes verdicts durable and sends on what a source pays for.

    Attributes:
        sinks: Sources by name.
        on_block: Told of each block: `found`, then its source's verdict.
        commit_times: How long each batch took to be durable.
    """

    _log = Logger()

    ledger: Ledger
    totals: ProxyTotals
    sinks: Mapping[str, ShareSink]
    clock: IReactorTime
    on_block: Callable[[JudgedShare, str], None] = field(
        default=_nobody_asks, init=False
    )
    commit_times: TimeHistogram = field(
        factory=lambda: TimeHistogram(COMMIT_EDGES), init=False
    )
    _pace: TokenBucket = field(
        factory=lambda: TokenBucket(BLOCKS_AT_ONCE, BLOCKS_PER_SECOND), init=False
    )
    _sent_blocks: dict[bytes, int] = field(factory=dict, init=False)
    _in_flight: dict[int, JudgedShare] = field(factory=dict, init=False)
    _unwritten: set[int] = field(factory=set, init=False)
    _settled_early: dict[int, tuple[str, str]] = field(factory=dict, init=False)
    # Blocks that have no row yet, and what their sources said of them meanwhile.
    _unlisted: dict[int, tuple[str, str] | None] = field(factory=dict, init=False)

    def record(self, batch: Sequence[JudgedShare]) -> None:
        """Commit `batch`; when this returns its miners may be answered.

        Shares that meet their source's target are sent on once they are durable.
        """
        # Tokens before the commit: the rows of `upstream` are in the same transaction.
        forwards = self._forwards(batch)
        began = self.clock.seconds()
        self.ledger.commit(batch, forwards)
        now = Seconds(self.clock.seconds())
        self.commit_times.add(Seconds(now - began))
        # After the commit: a verdict that was held back has its row now.
        self._committed(forwards)
        for share in batch:
            self.totals.sites[share.site].count(share, now)
        # Last: what the pool is sent is on disk, so a restart knows of each that may be
        # answered.
        self._send_on(forwards)

    def record_counted(self, batch: CountedBatch) -> None:
        """Do the same for verdicts that come counted."""
        forwards = self._forwards(batch.wanted)
        began = self.clock.seconds()
        self.ledger.commit_counted(batch, forwards)
        now = Seconds(self.clock.seconds())
        self.commit_times.add(Seconds(now - began))
        self._committed(forwards)
        self.totals.sites[batch.site].count_batch(batch, now)
        self._send_on(forwards)

    def _forwards(self, batch: Sequence[JudgedShare]) -> list[tuple[int, JudgedShare]]:
        return [
            (self._token_of(share), share) for share in batch if self._is_wanted(share)
        ]

    def _committed(self, forwards: list[tuple[int, JudgedShare]]) -> None:
        for token, _ in forwards:
            self._unwritten.discard(token)
            if token in self._settled_early:  # a block's answer overtook its row
                self.ledger.settle(token, *self._settled_early.pop(token))

    def _send_on(self, forwards: list[tuple[int, JudgedShare]]) -> None:
        for token, share in forwards:
            # A block went out ahead of its batch.
            if share.hash not in self._sent_blocks:
                self._send(token, share)

    def block_found(self, share: JudgedShare) -> bool:
        """Send a block to its source at once, ahead of the batch that it is in.

        Returns:
            False if it was sent before, or if there are too many: then it is counted
            and goes with its batch as any share does.
        """
        if share.hash in self._sent_blocks or share.job is None:
            return False
        self.totals.blocks_found += 1
        if not self._pace.take(Seconds(self.clock.seconds())):
            self.totals.blocks_unlisted += 1
            return False
        token = self.ledger.next_token()
        while len(self._sent_blocks) >= MAX_BLOCKS_REMEMBERED:
            del self._sent_blocks[next(iter(self._sent_blocks))]
        # Before it is sent: its source may answer at once.
        self._sent_blocks[share.hash] = token
        self._unwritten.add(token)
        self._unlisted[token] = None
        self._send(token, share)
        self.on_block(share, "found")
        self._log.info(
            "{site}: {worker} found block {hash} for {source}{more}",
            site=share.site,
            worker=share.worker,
            hash=share.hash[::-1].hex(),
            source=share.job.work.source,
            more=_and_others(self._pace.told()),
        )
        # In the next turn: the disk must not delay the bytes that were just written.
        self.clock.callLater(0, self._list_block, token, share)
        return True

    def _list_block(self, token: int, share: JudgedShare) -> None:
        self.ledger.record_block(share)
        early = self._unlisted.pop(token)
        if early is not None:
            self.settled(token, *early)

    def settled(self, token: int, verdict: str, reason: str) -> None:
        """Take note of a source's verdict: accepted, rejected or lost."""
        if token in self._unlisted:  # a block's answer overtook its row and its news
            self._unlisted[token] = verdict, reason
            return
        share = self._in_flight.pop(token, None)
        if share is None:
            return  # a pool that answers twice
        # Its row comes with the batch: until then there is nothing to update.
        if token in self._unwritten:
            self._settled_early[token] = verdict, reason
        else:
            self.ledger.settle(token, verdict, reason)
        if verdict == "lost":
            self.totals.sites[share.site].lost[reason] += 1
        self.totals.blocks_accepted += share.is_block and verdict == "accepted"
        if share.hash in self._sent_blocks:
            self.ledger.settle_block(share.hash[::-1].hex(), reason or verdict)
            self.on_block(share, reason or verdict)

    def _is_wanted(self, share: JudgedShare) -> bool:
        # None is never in it: a share that is no block passes on.
        if self._sent_blocks.get(share.hash) in self._unwritten:
            return True  # already sent: its row is still to be written
        if share.hash in self._sent_blocks:
            return False
        return share.meets_source and share.verdict is Verdict.ACCEPTED

    def _token_of(self, share: JudgedShare) -> int:
        return self._sent_blocks.get(share.hash) or self.ledger.next_token()

    def _send(self, token: int, share: JudgedShare) -> None:
        self._in_flight[token] = share  # bounded by the sinks' pending limits
        sink = self.sinks.get(share.job.work.source) if share.job else None
        if sink is None or not sink.forward(share, token):
            self.settled(token, "lost", "no_source")


def _and_others(number: int) -> str:
    return f"; {number} before it were counted and not listed" if number else ""
