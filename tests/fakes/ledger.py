"""A ledger in memory and a sink that remembers."""

from collections.abc import Callable, Sequence

from protocol.work.share import JudgedShare


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
