"""Read how far SQLite's write-ahead log goes, without SQLite.

SQLite takes a log up to its first frame that does not fit and says nothing of what
comes after: of a damaged one it loses transactions silently. So it is read before.

Source: sqlite.org/fileformat2.html, 4 "The Write-Ahead Log", and
sqlite.org/walformat.html, 2 "The WAL-Index File Format".
"""

import struct
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import numpy.typing as npt
from attrs import field, frozen

_HEADER = struct.Struct(">8I")
"""Magic, version, page size, checkpoint number, two salts, two sums."""

_MAGIC = 0x377F0682
"""Its lowest bit: sums take words as big-endian; else as little-endian."""

_VERSION = 3007000
_PAGE_SIZES = frozenset(1 << n for n in range(9, 17))

_FRAME = struct.Struct(">2I8s2I")
"""Page, pages of the database if it ends a transaction, salts, two sums."""

_SUMMED = 8
"""Bytes of the frame's header that are in its sums; the page is, too."""

_AT_ONCE = 1024
"""Frames read at once: 4 MB of the usual page."""

_INDEX = struct.Struct("=12xB3xI12x8s8x")
"""Of the shared memory: is it set, frames, salts; twice, one behind the other."""

_COPIED = struct.Struct("=96xI")

_Sums = tuple[int, int]


@frozen
class Log:
    """A write-ahead log, as far as it goes.

    Attributes:
        frames: Up to the end of the last whole transaction.
        pages: Of the database as that transaction left it; 0: there is none.
        held: Numbers of the pages that are in those frames.
        is_cut: A frame that was begun, or damaged, is the next.
        salts: What tells this log from the one before it in the same file.
    """

    frames: int = 0
    pages: int = 0
    held: frozenset[int] = field(default=frozenset(), repr=False)
    is_cut: bool = False
    salts: bytes = b""


@frozen
class Index:
    """What the last process that wrote left in shared memory.

    Attributes:
        frames: Of the log, when the last transaction ended.
        copied: Of those, into the database itself.
        salts: Of that log.
    """

    frames: int
    copied: int
    salts: bytes


def read_log(path: Path) -> Log | None:
    """Return how far the log at `path` goes; None: its header is damaged.

    A file that is not there, or empty, is a log without frames.

    Raises:
        OSError: It cannot be read.
    """
    size = path.stat().st_size if path.exists() else 0
    if size == 0:
        return Log()
    data = np.memmap(path, np.uint8, "r")
    head = data[: _HEADER.size].tobytes()
    if len(head) < _HEADER.size:
        return None
    magic, version, page_size, _, _, _, *sums = _HEADER.unpack(head)
    if magic & ~1 != _MAGIC or version != _VERSION or page_size not in _PAGE_SIZES:
        return None
    # The header's own sums are over its first 24 bytes.
    summer = _Summer(">u4" if magic & 1 else "<u4", 24)
    (own,) = summer.of(data[None, :24])
    if list(own) != sums:
        return None
    length = _FRAME.size + page_size
    # Half a frame at the end is one that was begun: it was never part of a transaction.
    number = (size - _HEADER.size) // length
    frames = data[_HEADER.size :][: number * length].reshape(number, length)
    return _follow(frames, summer, own, head[16:24])


def read_index(path: Path) -> Index | None:
    """Return what the shared memory at `path` says; None: nothing to rely on.

    Raises:
        OSError: It cannot be read.
    """
    if not path.exists():
        return None
    with path.open("rb") as file:
        data = file.read(_COPIED.size)
    # SQLite writes the copies one after the other: where they differ a writer was cut
    # off between (WAL-index format, 2.1).
    one, other = data[: _INDEX.size], data[_INDEX.size : 2 * _INDEX.size]
    if len(data) < _COPIED.size or one != other:
        return None
    is_set, frames, salts = _INDEX.unpack(one)
    (copied,) = _COPIED.unpack(data)
    return Index(frames, copied, salts) if is_set else None


class _Summer:
    """The sums of a log: `s0 += w[j] + s1; s1 += w[j + 1] + s0` for each two words.

    Over n words that is F(n - 1 - j) of each word w[j] in s0 and F(n - j) in s1,
    modulo 2**32, where F are Fibonacci's numbers.
    """

    def __init__(self, words: str, size: int) -> None:
        self.words = words
        numbers = [0, 1]
        for _ in range(size // 4):
            numbers.append((numbers[-2] + numbers[-1]) % 2**32)
        self._last = numbers[-3:]
        falling = np.array(numbers[::-1], np.uint32)
        self._weights = np.stack((falling[2:], falling[1:-1]), axis=1)

    def of(self, rows: npt.NDArray[np.uint8]) -> list[_Sums]:
        """Return the sums of each row, from zero on."""
        # uint32 wraps around, which is the modulo of the sums.
        words = np.ascontiguousarray(rows).view(self.words).astype(np.uint32)
        return [(one, other) for one, other in (words @ self._weights).tolist()]

    def carry(self, sums: _Sums, own: _Sums) -> _Sums:
        """Return the sums of a row that begins where others have come to `sums`."""
        before, at, after = self._last
        return (
            (before * sums[0] + at * sums[1] + own[0]) % 2**32,
            (at * sums[0] + after * sums[1] + own[1]) % 2**32,
        )


def _follow(
    frames: npt.NDArray[np.uint8], header: _Summer, sums: _Sums, salts: bytes
) -> Log:
    """Return how far the chain of sums holds from frame to frame."""
    held: list[int] = []
    good = pages = 0
    is_cut = False
    summer = _Summer(header.words, _SUMMED + frames.shape[1] - _FRAME.size)
    for (page, size, salt, *found), own in _each(frames, summer):
        # A log that begins anew overwrites from its start: what follows is older.
        if salt != salts:
            break  # left over from the log before
        sums = summer.carry(sums, own)
        is_cut = list(sums) != found
        if is_cut:
            break
        held.append(page)
        # Only a frame that ends a transaction says how large the database is then.
        if size:
            good, pages = len(held), size
    return Log(good, pages, frozenset(held[:good]), is_cut, salts)


def _each(
    frames: npt.NDArray[np.uint8], summer: _Summer
) -> Iterator[tuple[tuple[int, int, bytes, int, int], _Sums]]:
    for start in range(0, len(frames), _AT_ONCE):
        part = frames[start : start + _AT_ONCE]
        summed = np.concatenate((part[:, :_SUMMED], part[:, _FRAME.size :]), axis=1)
        for frame, own in zip(part, summer.of(summed), strict=True):
            yield _FRAME.unpack(frame[: _FRAME.size].tobytes()), own
