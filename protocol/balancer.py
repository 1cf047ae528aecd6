"""Who is behind a balancer: the header that it puts before a connection's first byte.

Source: HAProxy, "The PROXY protocol", versions 1 and 2, sections 2.1 and 2.2.
"""

from ipaddress import ip_address

from attrs import define, field

from protocol.errors import RemoteError
from protocol.hosts import unmapped

SHORTEST_BYTES = 15
"""`PROXY UNKNOWN` and its line's end: no header of either version is shorter."""

MAX_V1_BYTES = 107
"""Section 2.1: the longest line that two addresses of IPv6 make, its end included."""

MAX_V2_BYTES = 536
"""Section 2.2: 16 B, 216 B for addresses of the largest family, and room for TLVs."""

SIGNATURE = b"\r\n\r\n\x00\r\nQUIT\n"
_HEAD_BYTES = len(SIGNATURE) + 4
_LOCAL, _PROXY = 0x20, 0x21
_TCP4, _TCP6 = 0x11, 0x21
_ADDRESS_BYTES = {_TCP4: 4, _TCP6: 16}
_PORTS_BYTES = 4
_V1_FIELDS = 6


@define
class BalancerHeader:
    """A header as it comes in. It never holds more than belongs to it.

    | version 1 | `PROXY TCP4|TCP6 source destination port port` CR LF, or `UNKNOWN` |
    | version 2 | 12 B signature, command, family, 2 B length (big-endian), the rest  |

    Attributes:
        address: Whose connection it is, once `wanted` is 0; None: the balancer's own.
    """

    address: str | None = field(default=None, init=False)
    _data: bytes = field(default=b"", init=False)

    @property
    def wanted(self) -> int:
        """How many bytes more belong to it at least; 0: it is whole."""
        data = self._data
        if len(data) < SHORTEST_BYTES:
            return SHORTEST_BYTES - len(data)
        if not data.startswith(SIGNATURE):
            return 0 if data.endswith(b"\r\n") else 1
        if len(data) < _HEAD_BYTES:
            return _HEAD_BYTES - len(data)
        return _HEAD_BYTES + int.from_bytes(data[14:16], "big") - len(data)

    def feed(self, data: bytes) -> bytes:
        """Take what belongs to it of `data`; return what follows it.

        Raises:
            RemoteError: It is no header.
        """
        while data and (wanted := self.wanted):
            self._data += data[:wanted]
            data = data[wanted:]
            self._check()
        if not self.wanted:
            self.address = self._read()
        return data

    def _check(self) -> None:
        begin = self._data
        if len(begin) < SHORTEST_BYTES:
            return
        if begin.startswith(SIGNATURE):
            if len(begin) + self.wanted > MAX_V2_BYTES:
                size = len(begin) + self.wanted
                raise RemoteError(f"PROXY header of {size} B > {MAX_V2_BYTES} B")
            return
        if not begin.startswith(b"PROXY "):
            raise RemoteError("no PROXY header before the first byte")
        if len(begin) + self.wanted > MAX_V1_BYTES:
            raise RemoteError(f"PROXY line of more than {MAX_V1_BYTES} B")

    def _read(self) -> str | None:
        if self._data.startswith(SIGNATURE):
            return self._read_v2()
        return self._read_v1()

    def _read_v1(self) -> str | None:
        fields = self._data[:-2].split(b" ")
        if fields[1] == b"UNKNOWN":
            return None
        if len(fields) != _V1_FIELDS or fields[1] not in {b"TCP4", b"TCP6"}:
            raise RemoteError("PROXY line without two addresses and two ports")
        return _address(fields[2], 4 if fields[1] == b"TCP4" else 6)

    def _read_v2(self) -> str | None:
        command, family = self._data[12], self._data[13]
        if command == _LOCAL:
            return None
        if command != _PROXY:
            raise RemoteError(f"PROXY header with command {command:#04x}")
        size = _ADDRESS_BYTES.get(family)
        if size is None:
            return None  # a family that says nothing of who it is
        if len(self._data) < _HEAD_BYTES + 2 * size + _PORTS_BYTES:
            raise RemoteError("PROXY header without two addresses and two ports")
        raw = self._data[_HEAD_BYTES : _HEAD_BYTES + size]
        return unmapped(str(ip_address(raw)))


def _address(text: bytes, version: int) -> str:
    try:
        found = ip_address(text.decode("ascii"))
    except ValueError as error:
        raise RemoteError("PROXY line with an address that is none") from error
    if found.version != version:
        raise RemoteError("PROXY line with an address of another family")
    return unmapped(str(found))
