"""Frames under way: each header sealed by itself, each payload in chunks.

| sealed header | sealed chunk | ...                  |
| 6 + 16 B      | 65519 + 16 B | the last is shorter  |

A frame without payload is its header alone. Spec: SV2 04, Encrypted SV2 Frames.
"""

from collections.abc import Iterator

from attrs import define, field

from protocol.noise.cipher import MAC_BYTES
from protocol.noise.handshake import Ciphers
from protocol.sv2.frame import HEADER_BYTES, Frame, Header, frame_of, read_header

MAX_CHUNK_BYTES = 65535 - MAC_BYTES
_SEALED_HEADER_BYTES = HEADER_BYTES + MAC_BYTES
_SEALED_CHUNK_BYTES = MAX_CHUNK_BYTES + MAC_BYTES


@define
class Transport:
    """Seals our frames and opens theirs.

    Attributes:
        max_payload_bytes: Longest payload accepted, and so the most that is kept
            of a frame that has not come whole.
    """

    _ciphers: Ciphers
    max_payload_bytes: int
    _pending: bytearray = field(factory=bytearray, init=False, repr=False)
    _header: Header | None = field(default=None, init=False)

    def seal(self, frame: bytes) -> bytes:
        """Return what goes over the wire for a whole frame, in order.

        Raises:
            LocalError: The key is used up.
        """
        encrypt = self._ciphers.outgoing.encrypt
        parts = [encrypt(frame[:HEADER_BYTES])]
        for at in range(HEADER_BYTES, len(frame), MAX_CHUNK_BYTES):
            parts.append(encrypt(frame[at : at + MAX_CHUNK_BYTES]))  # noqa: PERF401  (in order: each takes the next nonce)
        return b"".join(parts)

    def receive(self, data: bytes) -> Iterator[Frame]:
        """Yield the frames that `data` completes.

        Raises:
            DecryptionError: It is not authentic; drop the peer.
            FrameTooLongError: A frame exceeds the limit; drop the peer.
        """
        self._pending += data
        while True:
            if self._header is None:
                sealed = self._take(_SEALED_HEADER_BYTES)
                if sealed is None:
                    return
                raw = self._ciphers.incoming.decrypt(sealed)
                self._header = read_header(raw, self.max_payload_bytes)
            sealed = self._take(_sealed_size(self._header.length))
            if sealed is None:
                return
            header, self._header = self._header, None
            yield frame_of(header, self._open(sealed))

    def _take(self, size: int) -> bytes | None:
        if len(self._pending) < size:
            return None
        taken = bytes(self._pending[:size])
        del self._pending[:size]
        return taken

    def _open(self, sealed: bytes) -> bytes:
        decrypt = self._ciphers.incoming.decrypt
        starts = range(0, len(sealed), _SEALED_CHUNK_BYTES)
        return b"".join(decrypt(sealed[at : at + _SEALED_CHUNK_BYTES]) for at in starts)


def _sealed_size(length: int) -> int:
    """Return the bytes that a payload of `length` takes when sealed."""
    return length + -(-length // MAX_CHUNK_BYTES) * MAC_BYTES
