"""Frames of Stratum V2: what carries a message.

| extension_type | msg_type | msg_length | payload |
| U16            | U8       | U24        |         |  little-endian

Bit 15 of extension_type: the message concerns one channel, whose id the payload
starts with. Spec: SV2 03, Framing.
"""

import struct

import msgspec

from protocol.errors import LocalError, RemoteError

HEADER_BYTES = 6
MAX_PAYLOAD_BYTES = 0xFFFFFF
MAX_TEXT_BYTES = 255  # of UTF-8, in a STR0_255

_CHANNEL_BIT = 0x8000
_header = struct.Struct("<HBHB")  # the U24 in two; construct takes 2.1 us for it


class FrameTooLongError(RemoteError):
    """A frame exceeds the limit of its reader."""


class FrameHeader(msgspec.Struct, frozen=True):
    """What comes before a payload.

    Attributes:
        extension: Without the channel bit.
        length: Bytes of the payload.
    """

    extension: int
    is_channel: bool
    type: int
    length: int


class Frame(msgspec.Struct, frozen=True):
    """A message that has not been looked into yet."""

    extension: int
    is_channel: bool
    type: int
    payload: bytes


def build_frame(
    extension: int, number: int, payload: bytes, *, is_channel: bool
) -> bytes:
    """Return header and payload.

    Raises:
        LocalError: The payload is longer than a frame can carry.
    """
    length = len(payload)
    if length > MAX_PAYLOAD_BYTES:
        raise LocalError(f"payload of {length} B > {MAX_PAYLOAD_BYTES} B")
    kind = extension | _CHANNEL_BIT if is_channel else extension
    return _header.pack(kind, number, length & 0xFFFF, length >> 16) + payload


def read_header(raw: bytes, max_payload_bytes: int) -> FrameHeader:
    """Return what `raw`, of 6 B, announces.

    Raises:
        FrameTooLongError: The payload would exceed `max_payload_bytes`.
    """
    kind, number, low, high = _header.unpack(raw)
    length = low | high << 16
    if length > max_payload_bytes:
        raise FrameTooLongError(
            f"frame of type {number:#04x} with {length} B > {max_payload_bytes} B"
        )
    return FrameHeader(kind & ~_CHANNEL_BIT, bool(kind & _CHANNEL_BIT), number, length)


def frame_of(header: FrameHeader, payload: bytes) -> Frame:
    """Return the frame that `header` announced."""
    return Frame(header.extension, header.is_channel, header.type, payload)
