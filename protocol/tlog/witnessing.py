"""What a log asks a witness: `add-checkpoint`. Spec: c2sp.org/tlog-witness."""

from attrs import frozen

from protocol.errors import MalformedMessageError
from protocol.tlog.note import Note, note_of
from protocol.tlog.proof import hashes_in
from protocol.tlog.text import encode64, number_of

PATH = "add-checkpoint"

SIZE_TYPE = "text/x.tlog.size"
"""Type of the answer 409, whose body is the size that the witness knows."""


@frozen
class AddCheckpoint:
    """A request.

    Attributes:
        old: Size that the witness is thought to know.
        proof: Consistency proof from there.
        note: The checkpoint.
    """

    old: int
    proof: tuple[bytes, ...]
    note: Note

    @property
    def raw(self) -> bytes:
        """As it is sent."""
        lines = [f"old {self.old}", *map(encode64, self.proof), "", ""]
        return "\n".join(lines).encode() + self.note.raw


def request_of(raw: bytes) -> AddCheckpoint:
    """Read a request.

    Raises:
        MalformedMessageError: It is none.
    """
    head, found, rest = raw.partition(b"\n\n")
    try:
        lines = head.decode("ascii").split("\n")
    except UnicodeDecodeError as error:
        raise MalformedMessageError("a request that is not ASCII") from error
    if not found or not lines[0].startswith("old "):
        raise MalformedMessageError("a request that does not say the old size")
    old = number_of(lines[0].removeprefix("old "), "the old size")
    return AddCheckpoint(old, hashes_in(lines[1:]), note_of(rest))
