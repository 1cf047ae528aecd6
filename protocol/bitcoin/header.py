"""The 80 bytes that are hashed."""

import struct

from attrs import frozen

from protocol.bitcoin.hashes import sha256d
from protocol.errors import MalformedMessageError

HEADER_BYTES = 80

_LAYOUT = struct.Struct("<I32s32sIII")
_U32 = 0xFFFFFFFF


@frozen
class Header:
    """A block header; hashes are 32 B in internal order, numbers unsigned."""

    version: int
    prev_hash: bytes
    root: bytes
    ntime: int
    nbits: int
    nonce: int

    @property
    def packed(self) -> bytes:
        """The 80 B that are hashed."""
        return pack_header(
            self.version, self.prev_hash, self.root, self.ntime, self.nbits, self.nonce
        )

    @property
    def hash(self) -> bytes:
        """The block's hash: 32 B in internal order."""
        return sha256d(self.packed)


def pack_header(  # noqa: PLR0913, PLR0917  (a header is these six)
    version: int, prev_hash: bytes, root: bytes, ntime: int, nbits: int, nonce: int
) -> bytes:
    """Return the 80 B of a header, every number little-endian.

    Args:
        version: Taken modulo 2**32: Core prints the field as a signed number.
        prev_hash: 32 B, internal order.
        root: 32 B, internal order.
        ntime: Unix seconds.
        nbits: The target in compact form.
        nonce: An unsigned 32-bit number.

    Raises:
        struct.error: A number other than `version` is outside 0..2**32 - 1.
    """
    return _LAYOUT.pack(version & _U32, prev_hash, root, ntime, nbits, nonce)


def parse_header(data: bytes) -> Header:
    """Return the header that the first 80 B of `data` hold.

    Raises:
        MalformedMessageError: There are fewer than 80 B.
    """
    if len(data) < HEADER_BYTES:
        raise MalformedMessageError(f"header of {len(data)} B < {HEADER_BYTES} B")
    return Header(*_LAYOUT.unpack_from(data))
