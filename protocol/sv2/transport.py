"""Frames under way: each header sealed by itself, each payload in chunks.

| sealed header | sealed chunk | ...                  |
| 6 + 16 B      | 65519 + 16 B | the last is shorter  |

A frame without payload is its header alone. Spec: SV2 04, Encrypted SV2 Frames.
"""

from collections.abc import Iterator
from typing import Protocol

from attrs import define, field
from typing_extensions import override

from protocol.noise.cipher import MAC_BYTES
from protocol.noise.handshake import Ciphers
from protocol.sv2.frame import HEADER_BYTES, Frame, FrameHeader, frame_of, read_header

# A Noise message has 65,535 B at most, its MAC included (Noise revision 34, section 3).
MAX_CHUNK_BYTES = 65535 - MAC_BYTES
_SEALED_HEADER_BYTES = HEADER_BYTES + MAC_BYTES
_SEALED_CHUNK_BYTES = MAX_CHUNK_BYTES + MAC_BYTES


class FrameTransport(Protocol):
    """What frames pass through on their way, once the handshake is done."""

    def seal(self, frame: bytes) -> bytes:
        """Return what is to be sent for a whole frame, in order."""

    def receive(self, data: bytes) -> Iterator[Frame]:
        """Yield the frames that `data` completes."""


@define
class OpenTransport(FrameTransport):
    """Takes whole frames that somebody else opened, and will seal.

    Attributes:
        max_payload_bytes: Longest payload accepted.
    """

    max_payload_bytes: int

    @override
    def seal(self, frame: bytes) -> bytes:
        return frame

    @override
    def receive(self, data: bytes) -> Iterator[Frame]:
        if data:
            header = read_header(data[:HEADER_BYTES], self.max_payload_bytes)
            yield frame_of(header, data[HEADER_BYTES:])


@define
class Transport(FrameTransport):
    """Seals our frames and opens theirs.

    Attributes:
        max_payload_bytes: Longest payload accepted, and so the most that is kept
            of a frame that has not come whole.
    """

    _ciphers: Ciphers
    max_payload_bytes: int
    _pending: bytes = field(default=b"", init=False, repr=False)
    _header: FrameHeader | None = field(default=None, init=False)

    @override
    def seal(self, frame: bytes) -> bytes:
        """Return what goes over the wire for a whole frame, in order.

        Raises:
            LocalError: The key is used up.
        """
        encrypt = self._ciphers.outgoing.encrypt
        # Nearly every frame is one chunk.
        if HEADER_BYTES < len(frame) <= HEADER_BYTES + MAX_CHUNK_BYTES:
            return encrypt(frame[:HEADER_BYTES]) + encrypt(frame[HEADER_BYTES:])
        parts = [encrypt(frame[:HEADER_BYTES])]
        for at in range(HEADER_BYTES, len(frame), MAX_CHUNK_BYTES):
            parts.append(encrypt(frame[at : at + MAX_CHUNK_BYTES]))  # noqa: PERF401  (in order: each takes the next nonce)
        return b"".join(parts)

    @override
    def receive(self, data: bytes) -> Iterator[Frame]:
        """Yield the frames that `data` completes.

        Raises:
            DecryptionError: It is not authentic; drop the peer.
            FrameTooLongError: A frame exceeds the limit; drop the peer.
        """
        if self._pending:
            data = self._pending + data
        at = 0
        while True:
            # Kept between calls: opening it has used up its nonce, so it cannot be
            # opened again.
            header = self._header
            if header is None:
                end = at + _SEALED_HEADER_BYTES
                if end > len(data):
                    break
                raw = self._ciphers.incoming.decrypt(data[at:end])
                header = self._header = read_header(raw, self.max_payload_bytes)
                at = end
            end = at + _sealed_size(header.length)
            if end > len(data):
                break
            # Before the frame is given out: whoever takes it may never come back for
            # the next.
            self._header = None
            yield frame_of(header, self._open(data[at:end]))
            at = end
        self._pending = data[at:]

    def _open(self, sealed: bytes) -> bytes:
        decrypt = self._ciphers.incoming.decrypt
        if 0 < len(sealed) <= _SEALED_CHUNK_BYTES:
            return decrypt(sealed)
        starts = range(0, len(sealed), _SEALED_CHUNK_BYTES)
        return b"".join(decrypt(sealed[at : at + _SEALED_CHUNK_BYTES]) for at in starts)


def _sealed_size(length: int) -> int:
    """Return the bytes that a payload of `length` takes when sealed."""
    return length + -(-length // MAX_CHUNK_BYTES) * MAC_BYTES
