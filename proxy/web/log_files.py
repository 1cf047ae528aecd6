"""`/log/...`: the files of the event log for others, as they stand in `state_dir/log`.

Whoever verifies fetches them with any HTTP client (c2sp.org/tlog-tiles). They are sent
piece by piece, as fast as they are taken: a bundle of entries may have 16 MiB.
"""

import re
from pathlib import Path
from typing import IO

from attrs import define, field
from twisted.protocols.basic import FileSender
from twisted.web.server import Request

from proxy.regular_file import open_regular
from proxy.web.answers import Answer, ProblemError

PREFIX = "/log/"
FOLDER = "log"
"""In `state_dir`."""

MAX_AT_ONCE = 16
"""Files that are sent at once: each has a descriptor open."""

MAX_FILE_BYTES = 256 * 65_537
"""The largest bundle: 256 entries of 65,535 B and their lengths (tlog-tiles)."""

AT_ONCE_BYTES = 65_536
"""Smaller files are sent whole: all tiles of hashes are (8 KiB)."""

_INDEX = r"(?:x[0-9]{3}/){0,6}[0-9]{3}(?:\.p/[0-9]{1,3})?"
_PATH = re.compile(
    rf"checkpoint|tile/(?:entries|[0-9]|[1-5][0-9]|6[0-3])/{_INDEX}", re.ASCII
)
_FULL = re.compile(r"tile/.*/[0-9]{3}", re.ASCII)

BINARY = "application/octet-stream"
TEXT = "text/plain; charset=utf-8"


@define(eq=False, repr=False)
class LogFiles:
    """Serves one log's folder.

    Attributes:
        folder: Need not be there.
    """

    folder: Path
    _sending: int = field(default=0, init=False)

    def answer(self, path: str, request: Request) -> Answer | None:
        """Return a file; None: it is being sent, and the request will be finished.

        Raises:
            ProblemError: It is no file of a log, or not there; or too many large ones
                are being sent.
        """
        file = self._open(path)
        length = file.seek(0, 2)
        file.seek(0)
        if length <= AT_ONCE_BYTES:
            with file:
                return Answer(file.read(), _kind(path), headers=_headers(path))
        if length > MAX_FILE_BYTES or self._sending >= MAX_AT_ONCE:
            file.close()
            why = f"{MAX_AT_ONCE} large files of the log are being sent"
            raise ProblemError(503, why, {"retry-after": "1"})
        self._sending += 1
        _ = request.notifyFinish().addBoth(self._sent, file)
        for name, value in _headers(path).items():
            request.setHeader(name, value)
        request.setHeader("content-type", _kind(path))
        request.setHeader("content-length", str(length))
        if request.method == b"HEAD":
            request.finish()
        else:
            sent = FileSender().beginFileTransfer(file, request)
            # Who hangs up ends it: that is noted above.
            _ = sent.addCallbacks(lambda _: request.finish(), lambda _: None)
        return None

    def _open(self, path: str) -> IO[bytes]:
        name = path.removeprefix(PREFIX)
        # The pattern has no dots but one: nothing of it leads out of the folder.
        if _PATH.fullmatch(name) is None:
            raise ProblemError(404, "no file of a log: checkpoint, tile/...")
        try:
            return open_regular(self.folder / name)
        except OSError as error:
            raise ProblemError(404, "not there, or not yet") from error

    def _sent(self, _: object, file: IO[bytes]) -> None:
        self._sending -= 1
        file.close()


def _headers(path: str) -> dict[str, str]:
    # A full tile never changes; the others are replaced by longer ones.
    is_full = _FULL.fullmatch(path.removeprefix(PREFIX)) is not None
    keep = "public, max-age=31536000, immutable" if is_full else "no-cache"
    return {"cache-control": keep}


def _kind(path: str) -> str:
    return TEXT if path.endswith("/checkpoint") else BINARY
