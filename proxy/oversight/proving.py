"""Makes the proof of one row, from the files of a log alone."""

from functools import partial

from attrs import frozen
from msgspec import DecodeError, json

from protocol.tlog.checkpoint import checkpoint_of
from protocol.tlog.proof import LeafProof
from protocol.tlog.tile import WIDTH, tile_at
from protocol.tlog.tree import inclusion
from proxy.oversight.folder import LogFolder, LogFolderError


@frozen
class ProvenRow:
    """A row of the log, and the proof that it is in there.

    Attributes:
        leaf: Its bytes as they were hashed.
    """

    leaf: bytes
    proof: LeafProof


def prove(folder: LogFolder, number: int) -> ProvenRow:
    """Return the proof of the row with this id.

    Args:
        folder: Of the log.
        number: Of the row, as `power history` shows it.

    Raises:
        LogFolderError: It is not in the newest checkpoint, or a file is missing.
        MalformedMessageError: The files of the log do not fit together.
    """
    note = folder.checkpoint()
    if note is None:
        raise LogFolderError(f"{folder.path}: no checkpoint was signed yet")
    size = checkpoint_of(note.text).size
    # Rows are counted on, and the log begins after some row: that is in its first leaf.
    index = number - (_id_in(_leaf_at(folder, 0, size)) if size else 1)
    if not 0 <= index < size:
        raise LogFolderError(f"row {number} is not among the {size} that are signed")
    leaf = _leaf_at(folder, index, size)
    hashes = inclusion(index, size, partial(folder.hash_at, size))
    proof = LeafProof(index, tuple(hashes), note)
    proof.check(leaf)
    return ProvenRow(leaf, proof)


def _leaf_at(folder: LogFolder, index: int, size: int) -> bytes:
    return folder.bundle(tile_at(0, index // WIDTH, size))[index % WIDTH]


def _id_in(leaf: bytes) -> int:
    try:
        return int(json.decode(leaf.partition(b"\n")[0])[0])
    except (DecodeError, LookupError, TypeError, ValueError) as error:
        raise LogFolderError("the first leaf is no row of ours") from error
