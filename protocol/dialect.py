"""Which Stratum a miner speaks, by the first bytes that it sends."""

from enum import StrEnum

ENOUGH_BYTES = 32
"""So many bytes that all happen to be text come once in 10**13 handshakes."""

_TEXT = frozenset(b"\t\r\n") | frozenset(range(0x20, 0x7F))


class Dialect(StrEnum):
    """A protocol of miners."""

    SV1 = "sv1"
    SV2 = "sv2"


def tell_dialect(first: bytes) -> Dialect | None:
    """Return what a connection speaks that begins with `first`; None: wait for more.

    Stratum V1 begins with a line of text, V2 with 64 bytes that look random.
    """
    head = first[:ENOUGH_BYTES]
    if not _TEXT.issuperset(head):
        return Dialect.SV2
    has_line = b"\n" in head.lstrip()
    return Dialect.SV1 if has_line or len(head) == ENOUGH_BYTES else None
