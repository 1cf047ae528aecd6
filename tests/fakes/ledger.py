"""A ledger in memory and a sink that remembers."""

from collections.abc import Callable, Sequence

from protocol.units import Difficulty, UnixTime, WorkerName
from protocol.work.share import JudgedShare, Verdict
from proxy.shares.counted import CountedBatch
from proxy.shares.rows import ShareRow, rows_of


def share_of(row: ShareRow) -> JudgedShare:
    """Return a share as far as its row tells of it."""
    at, site, worker, job, difficulty, verdict, display = row
    return JudgedShare(
        UnixTime(at),
        site,
        WorkerName(worker),
        job,
        Difficulty(difficulty),
        Verdict(verdict),
        hash=bytes.fromhex(display)[::-1],
    )


class MemoryLedger:
    """Keeps what it is given, in order."""

    state = "ok"

    def __init__(self) -> None:
        self.shares: list[JudgedShare] = []
        self.forwards: list[int] = []
        self.settled: list[tuple[int, str, str]] = []
        self.blocks: list[JudgedShare] = []
        self.on_commit: Callable[[], None] = lambda: None
        self._token = 0

    def next_token(self) -> int:
        self._token += 1
        return self._token

    def commit(
        self, batch: Sequence[JudgedShare], forwards: Sequence[tuple[int, JudgedShare]]
    ) -> None:
        self.shares += batch
        self.forwards += [token for token, _ in forwards]
        self.on_commit()

    def commit_counted(
        self, batch: CountedBatch, forwards: Sequence[tuple[int, JudgedShare]]
    ) -> None:
        self.commit([share_of(row) for row in rows_of(batch.cells)], forwards)

    def settle(self, token: int, verdict: str, reason: str) -> None:
        self.settled.append((token, verdict, reason))

    def record_block(self, share: JudgedShare) -> None:
        self.blocks.append(share)

    def settle_block(self, block_hash: str, verdict: str) -> None:
        pass


class RecordingSink:
    """A source as shares reach it."""

    def __init__(self) -> None:
        self.sent: list[tuple[JudgedShare, int]] = []
        self.is_open = True
        self.on_send: Callable[[], None] = lambda: None

    def forward(self, share: JudgedShare, token: int) -> bool:
        if self.is_open:
            self.on_send()
            self.sent.append((share, token))
        return self.is_open
