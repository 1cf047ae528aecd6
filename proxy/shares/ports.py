"""What the shares side needs from those who speak to sources and miners."""

from collections.abc import Sequence
from typing import Protocol

from protocol.work.share import JudgedShare
from proxy.shares.counted import CountedBatch


class ShareSink(Protocol):
    """A source, as shares reach it."""

    def forward(self, share: JudgedShare, token: int) -> bool:
        """Send `share`; False if the connection it was hashed for is gone.

        The verdict comes later, under `token`.
        """


class Ledger(Protocol):
    """Where shares are kept."""

    @property
    def state(self) -> str:
        """`ok` or `degraded`."""

    def next_token(self) -> int:
        """Return a number that no forwarded share has had."""

    def commit(
        self, batch: Sequence[JudgedShare], forwards: Sequence[tuple[int, JudgedShare]]
    ) -> None:
        """Make `batch` durable, and that `forwards` are about to be sent."""

    def commit_counted(
        self, batch: CountedBatch, forwards: Sequence[tuple[int, JudgedShare]]
    ) -> None:
        """Do the same for verdicts that come counted."""

    def settle(self, token: int, verdict: str, reason: str) -> None:
        """Note what became of a forwarded share; durable with the next batch."""

    def record_block(self, share: JudgedShare) -> None:
        """Note a block found."""

    def settle_block(self, block_hash: str, verdict: str) -> None:
        """Note what became of a block."""
