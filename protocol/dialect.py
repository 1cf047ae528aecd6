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

    Stratum V1 begins with a line of text, an object of JSON; V2 with 64 bytes that look
    random. However they are cut, the answer is the same: a short line counts if it is
    an object, whatever follows it, as 64 random bytes begin once in 10**7.
    """
    head = first[:ENOUGH_BYTES]
    line, end, _ = head.lstrip(b" \t\r\n").partition(b"\n")
    is_object = line.startswith(b"{") and line.rstrip().endswith(b"}")
    if end and is_object and _TEXT.issuperset(line):
        return Dialect.SV1
    if not _TEXT.issuperset(head):
        return Dialect.SV2
    return Dialect.SV1 if len(head) == ENOUGH_BYTES else None
