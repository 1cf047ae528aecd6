"""Rows of the ledger that wait for the disk."""

from collections.abc import Collection, Iterator

from attrs import define, field

from proxy.shares import rows

MAX_UNWRITTEN = 100_000
"""Rows of a kind that are held; more go unrecorded."""

MAX_PIECE = 1_000
"""Rows of a kind in one transaction, once the disk has failed: some ms of the reactor,
and 0.3 MB of a disk that is nearly full."""

Statement = tuple[str, tuple[object, ...]]
Settlement = tuple[str, str, float, int]
"""Verdict, reason, when, token: the values of `rows.SETTLE`."""


@define(eq=False, repr=False)
class Backlog:
    """What is to be written, each kind in order.

    Attributes:
        shares: Their cells; those that are dropped for want of room are the newest.
        upstream: Shares that were sent on.
        settled: What became of them; after their rows.
        blocks: Statements about blocks; dropped oldest first.
    """

    shares: rows.Cells = field(factory=list)
    upstream: list[rows.UpstreamRow] = field(factory=list)
    settled: list[Settlement] = field(factory=list)
    blocks: list[Statement] = field(factory=list)

    @property
    def is_empty(self) -> bool:
        """Tell whether nothing waits."""
        return not (self.shares or self.upstream or self.settled or self.blocks)

    @property
    def share_rows(self) -> int:
        """How many shares wait."""
        return len(self.shares) // rows.CELLS

    @property
    def size(self) -> int:
        """How many rows of all kinds wait."""
        rest = len(self.upstream) + len(self.settled) + len(self.blocks)
        return self.share_rows + rest

    def bound(self) -> int:
        """Drop what is too much, and return how many rows that were."""
        before, most = self.size, MAX_UNWRITTEN
        # The newest go, so that rows that wait keep the ids after the last one: a
        # minute's sums say by id which shares are in them.
        del self.shares[most * rows.CELLS :]
        del self.upstream[most:]
        del self.settled[most:]
        del self.blocks[: max(0, len(self.blocks) - most)]
        return before - self.size

    def piece(self, early: Collection[int]) -> "Backlog":
        """Return what one transaction may take; no verdict before its share.

        Args:
            early: Tokens of shares whose rows are yet to come.
        """
        upstream = self.upstream[:MAX_PIECE]
        settled: list[Settlement] = []
        # A verdict is an UPDATE: before its row it would find nothing and be lost.
        if len(upstream) == len(self.upstream):
            settled = [s for s in self.settled[:MAX_PIECE] if s[3] not in early]
        return Backlog(
            self.shares[: MAX_PIECE * rows.CELLS],
            upstream,
            settled,
            self.blocks[:MAX_PIECE],
        )

    def all_due(self, early: Collection[int]) -> "Backlog":
        """Return all that can be written."""
        if not early:
            return self
        settled = [s for s in self.settled if s[3] not in early]
        return Backlog(self.shares, self.upstream, settled, self.blocks)

    def drop(self, written: "Backlog") -> None:
        """Forget what was written: `all_due` or a `piece` of it."""
        done = {settlement[3] for settlement in written.settled}
        if done:
            self.settled = [s for s in self.settled if s[3] not in done]
        del self.shares[: len(written.shares)]
        del self.upstream[: len(written.upstream)]
        del self.blocks[: len(written.blocks)]


def statements(piece: Backlog) -> Iterator[Statement]:
    """Yield what the rows after the shares are written with, one by one."""
    for forwarded in piece.upstream:
        yield rows.INSERT_UPSTREAM, forwarded
    for settlement in piece.settled:
        yield rows.SETTLE, settlement
    yield from piece.blocks
