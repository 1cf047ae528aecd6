"""Split a byte stream into newline-terminated lines."""

from collections.abc import Iterator

from attrs import define, field

from protocol.errors import LineTooLongError


@define
class LineFramer:
    r"""Cut a byte stream into lines.

    Attributes:
        max_line_bytes: Longest line accepted, without its newline. A peer that
            sends more is broken or hostile: SV1 messages stay below 4 KiB.
    """

    max_line_bytes: int
    _pending: bytes = field(default=b"", init=False)

    def feed(self, data: bytes) -> Iterator[bytes]:
        r"""Yield each line that `data` completes, without ``\n`` or ``\r\n``.

        Raises:
            LineTooLongError: The stream cannot be trusted any more; drop the peer.
        """
        *lines, self._pending = (self._pending + data).split(b"\n")
        for line in lines:
            self._check(len(line))
            yield line.removesuffix(b"\r")
        self._check(len(self._pending))

    def _check(self, length: int) -> None:
        if length > self.max_line_bytes:
            raise LineTooLongError(f"line of {length} B > {self.max_line_bytes} B")
