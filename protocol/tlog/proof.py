"""Proofs for those who are offline: a leaf's path to a signed checkpoint.

Spec: c2sp.org/tlog-proof.
"""

from attrs import frozen

from protocol.errors import MalformedMessageError
from protocol.tlog.checkpoint import checkpoint_of
from protocol.tlog.note import Note, note_of
from protocol.tlog.text import decode64, encode64, number_of
from protocol.tlog.tree import HASH_BYTES, MAX_PROOF, check_inclusion, leaf_hash

_HEAD = "c2sp.org/tlog-proof@v1"


@frozen
class LeafProof:
    """That one leaf is in a log.

    Attributes:
        index: Of the leaf, from 0.
        hashes: Inclusion proof.
        note: The checkpoint, signed and cosigned.
    """

    index: int
    hashes: tuple[bytes, ...]
    note: Note

    @property
    def raw(self) -> bytes:
        """As it lies in a file."""
        lines = [_HEAD, f"index {self.index}", *map(encode64, self.hashes), "", ""]
        return "\n".join(lines).encode() + self.note.raw

    def check(self, leaf: bytes) -> None:
        """Check that `leaf` is where it says; the note's signatures are not looked at.

        Raises:
            MalformedMessageError: It is not.
        """
        point = checkpoint_of(self.note.text)
        check_inclusion(
            self.index, point.size, leaf_hash(leaf), self.hashes, point.root
        )


def proof_of(raw: bytes) -> LeafProof:
    """Read a proof; an `extra` line is passed over, nobody vouches for it.

    Raises:
        MalformedMessageError: It is none.
    """
    head, found, rest = raw.partition(b"\n\n")
    try:
        lines = head.decode().split("\n")
    except UnicodeDecodeError as error:
        raise MalformedMessageError("a proof that is not UTF-8") from error
    if not found or lines.pop(0) != _HEAD:
        raise MalformedMessageError(f"no proof: it does not begin with {_HEAD}")
    if lines and lines[0].startswith("extra "):
        lines.pop(0)
    if not lines or not lines[0].startswith("index "):
        raise MalformedMessageError("a proof without its index")
    index = number_of(lines.pop(0).removeprefix("index "), "the index of a proof")
    return LeafProof(index, hashes_in(lines), note_of(rest))


def hashes_in(lines: list[str]) -> tuple[bytes, ...]:
    """Read a proof's hashes, one a line.

    Raises:
        MalformedMessageError: One is none, or there are too many.
    """
    if len(lines) > MAX_PROOF:
        raise MalformedMessageError(f"a proof of {len(lines)} hashes")
    hashes = tuple(decode64(line, "a hash of a proof") for line in lines)
    if any(len(one) != HASH_BYTES for one in hashes):
        raise MalformedMessageError("a proof with a hash that is not 32 B")
    return hashes
