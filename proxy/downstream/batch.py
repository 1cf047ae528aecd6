"""Hold verdicts back until they are durable, a millisecond at the most."""

from typing import Protocol

from attrs import define, field
from twisted.internet.interfaces import IDelayedCall, IReactorTime

from protocol.work.share import JudgedShare
from proxy.runtime.contain import serve_each
from proxy.shares.record import Recorder

MAX_BATCH = 64
MAX_DELAY = 0.001


class ReplyPort(Protocol):
    """Whoever waits for a verdict."""

    def reply(self, data: bytes) -> None:
        """Send these answers."""

    def drop(self, why: str) -> None:
        """Hang up on it for a reason of ours."""


@define(eq=False, repr=False)
class Batch:
    """Verdicts that are judged but not yet committed, and their answers.

    64 of them, or 1 ms after the first, make one commit; then all are answered.
    """

    recorder: Recorder
    clock: IReactorTime
    _shares: list[JudgedShare] = field(factory=list, init=False)
    _replies: dict[ReplyPort, list[bytes]] = field(factory=dict, init=False)
    _due: IDelayedCall | None = field(default=None, init=False)
    _holds_block: bool = field(default=False, init=False)

    def add(self, share: JudgedShare, miner: ReplyPort, reply: bytes) -> None:
        """Take in a verdict; a block is sent ahead and commits in the next turn."""
        self._shares.append(share)
        self._replies.setdefault(miner, []).append(reply)
        # Before anything is written to disk: a block is worth more than an answer in
        # time.
        if share.is_block and self.recorder.block_found(share):
            self._holds_block = True
        if self._due is None:
            self._due = self.clock.callLater(MAX_DELAY, self._on_time)
        # Not in this turn: the bytes of the block leave when the reactor gets its turn
        # back.
        if len(self._shares) >= MAX_BATCH and not self._holds_block:
            self.flush()

    def flush(self) -> None:
        """Commit and answer what is here, now."""
        if self._due is not None and self._due.active():
            self._due.cancel()
        self._due = None
        if not self._shares:
            return
        # Taken out first: who is answered may send more, or leave, and so come here
        # again.
        shares, replies = self._shares, self._replies
        self._shares, self._replies, self._holds_block = [], {}, False
        # Returns when the shares are durable: only then may anybody hear of them (ADR
        # 4).
        self.recorder.record(shares)
        serve_each(
            replies, lambda miner: miner.reply(b"".join(replies[miner])), "answering"
        )

    def waits_for(self, miner: ReplyPort) -> bool:
        """Return whether an answer to `miner` is held back."""
        return miner in self._replies

    def _on_time(self) -> None:
        self._due = None
        self.flush()
