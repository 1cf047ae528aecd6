"""Blocks on disk, for the next process: written beside their way to the nodes."""

from collections import deque
from collections.abc import Awaitable, Callable, Iterable
from contextlib import suppress
from functools import partial
from pathlib import Path

from attrs import define, field, frozen
from twisted.logger import Logger

from protocol.bitcoin.hashes import sha256d
from protocol.bitcoin.header import HEADER_BYTES
from proxy.runtime.tasks import Tasks
from proxy.runtime.whole_file import write_whole

KEPT_FILES = 256
MAX_JOBS = 1024
"""Files to be written or renamed that may wait for a slow disk: 4 MB a block."""

_ANSWERED = ".answered.hex"

RunInThread = Callable[[Callable[[], None]], Awaitable[None]]
"""Does work that may block somewhere else, and comes back when it is done."""


@frozen
class FoundBlock:
    """A block to submit.

    Attributes:
        hash: As displayed.
        height: Of the block.
        raw: All of it.
    """

    hash: str
    height: int
    raw: bytes = field(repr=False)


@define(eq=False, repr=False)
class BlockFiles:
    """The folder of blocks. A disk that hangs holds up nothing but itself.

    Attributes:
        directory: Each block is a file of hex, which has its name once it is whole. It
            is renamed to `.answered.hex` when nothing more is to be done for it.
        run: Does one job at a time: they are done in order.
    """

    _log = Logger()

    directory: Path
    run: RunInThread
    _jobs: deque[Callable[[], None]] = field(factory=deque, init=False)
    _tasks: Tasks = field(factory=Tasks, init=False)
    is_busy: bool = field(default=False, init=False)

    def unanswered(self) -> Iterable[FoundBlock]:
        """Yield the blocks that an earlier process wrote down and nobody answered."""
        # The height stands first in the name, with zeros: the oldest block comes first.
        for path in sorted(self.directory.glob("*.hex")):
            if path.name.endswith(_ANSWERED):
                continue
            block = _read(path)
            if block is None:
                self._log.error("{path} is no whole block", path=path)
                # Named as done, so that it is not looked at in each start.
                self._put(partial(_mark_answered, path))
            else:
                yield block

    def keep(self, block: FoundBlock, text: str) -> None:
        """Write `block`, whose hex is `text`, soon; the newest files are kept."""
        self._put(partial(_write, self._path_of(block), text))

    def note_answer(self, block: FoundBlock) -> None:
        """Note that nothing more is to be done for `block`."""
        self._put(partial(_mark_answered, self._path_of(block)))

    async def stop(self) -> None:
        """Give up what is not written yet."""
        self._jobs.clear()
        await self._tasks.cancel_all()

    def _path_of(self, block: FoundBlock) -> Path:
        return self.directory / f"{block.height:010d}-{block.hash}.hex"

    def _put(self, job: Callable[[], None]) -> None:
        if len(self._jobs) >= MAX_JOBS:
            folder = self.directory
            self._log.error("{folder}: too slow to keep a block", folder=folder)
            return
        self._jobs.append(job)
        # One worker: a file must be written before it is renamed.
        if not self.is_busy:
            self.is_busy = True
            self._tasks.start("write blocks", self._work())

    async def _work(self) -> None:
        try:
            while self._jobs:
                await self._do(self._jobs.popleft())
        finally:
            self.is_busy = False

    async def _do(self, job: Callable[[], None]) -> None:
        try:
            await self.run(job)
        except OSError as error:  # a full disk must not cost the block
            self._log.error("blocks: {error}", error=error)


def _write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    write_whole(path, text.encode("ascii"))
    by_age = sorted(path.parent.glob("*.hex"), key=lambda p: p.stat().st_mtime_ns)
    for old in by_age[:-KEPT_FILES]:
        old.unlink()


def _mark_answered(path: Path) -> None:
    with suppress(FileNotFoundError):  # it could not be written, or is an old one
        path.rename(path.with_suffix(_ANSWERED))


def _read(path: Path) -> FoundBlock | None:
    """Return the block in a file; None if it is none."""
    height, _, name = path.stem.partition("-")
    try:
        raw = bytes.fromhex(path.read_text())
        # The name is the header's hash.
        header_hash = sha256d(raw[:HEADER_BYTES])[::-1].hex()
        block = FoundBlock(name, int(height), raw)
    except (OSError, ValueError):
        return None
    return block if header_hash == name else None
