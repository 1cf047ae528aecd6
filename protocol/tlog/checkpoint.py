"""Checkpoints: what a log signs of itself. Spec: c2sp.org/tlog-checkpoint."""

from attrs import frozen

from protocol.errors import MalformedMessageError
from protocol.tlog.text import decode64, encode64, number_of
from protocol.tlog.tree import HASH_BYTES

_LINES = 3


@frozen
class Checkpoint:
    """The state of a log.

    Attributes:
        origin: Its name; also the name of its key.
        size: Leaves.
        root: 32 B.
    """

    origin: str
    size: int
    root: bytes

    @property
    def text(self) -> bytes:
        """As it is signed. No extension lines: monitors could not audit them."""
        return f"{self.origin}\n{self.size}\n{encode64(self.root)}\n".encode()


def checkpoint_of(text: bytes) -> Checkpoint:
    """Read the text of a note; extension lines are passed over.

    Raises:
        MalformedMessageError: It is no checkpoint.
    """
    try:
        lines = text.decode().split("\n")
    except UnicodeDecodeError as error:
        raise MalformedMessageError("a checkpoint that is not UTF-8") from error
    if lines.pop() or len(lines) < _LINES or not all(lines):
        raise MalformedMessageError("a checkpoint without its three lines")
    root = decode64(lines[2], "the root of a checkpoint")
    if len(root) != HASH_BYTES:
        raise MalformedMessageError(f"a checkpoint with a root of {len(root)} B")
    size = number_of(lines[1], "the size of a checkpoint")
    return Checkpoint(lines[0], size, root)
