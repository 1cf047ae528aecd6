"""Strings and integers as SSH writes them: a 32-bit big-endian length, then bytes.

Spec: RFC 4251, section 5.
"""

from attrs import define, field

_LENGTH = 4


class SshWireError(ValueError):
    """Bytes that end early, go on too long, or hold what was not wanted."""


def ssh_string(data: bytes) -> bytes:
    """Return `data` as a string."""
    return len(data).to_bytes(_LENGTH, "big") + data


@define(eq=False, repr=False)
class SshReader:
    """Reads one value after the other."""

    _data: bytes
    _at: int = field(default=0, init=False)

    def take(self, count: int) -> bytes:
        """Return the next `count` bytes.

        Raises:
            SshWireError: There are fewer.
        """
        found = self._data[self._at : self._at + count]
        if len(found) != count:
            raise SshWireError(f"{len(found)} B where {count} B were announced")
        self._at += count
        return found

    def number(self) -> int:
        """Return the next 32-bit integer.

        Raises:
            SshWireError: As of `take`.
        """
        return int.from_bytes(self.take(_LENGTH), "big")

    def string(self) -> bytes:
        """Return the next string.

        Raises:
            SshWireError: As of `take`.
        """
        return self.take(self.number())

    def sized(self, what: str, size: int) -> bytes:
        """Return the next string, which has `size` bytes.

        Raises:
            SshWireError: It has not.
        """
        found = self.string()
        if len(found) != size:
            raise SshWireError(f"{what} of {len(found)} B, wanted {size} B")
        return found

    def natural(self) -> int:
        """Return the next multiple precision integer, which is above 0.

        Raises:
            SshWireError: It is not, or has more bytes than it needs.
        """
        found = self.string()
        value = int.from_bytes(found, "big", signed=True)
        # A sign bit needs a byte of its own; any other leading zero is a second
        # spelling of one number.
        if value <= 0 or len(found) != value.bit_length() // 8 + 1:
            raise SshWireError("an integer that is not above 0 in its one spelling")
        return value

    def expect(self, what: str, wanted: bytes) -> None:
        """Pass over the next string, which is `wanted`.

        Raises:
            SshWireError: It is not.
        """
        found = self.string()
        if found != wanted:
            raise SshWireError(f"{what} {found[:64]!r}, wanted {wanted[:64]!r}")

    def end(self) -> None:
        """Check that all has been read.

        Raises:
            SshWireError: Bytes are left.
        """
        left = len(self._data) - self._at
        if left:
            raise SshWireError(f"{left} B after the end")
