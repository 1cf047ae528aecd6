"""Who is at the other end of a Unix socket, as the kernel says."""

import socket
import struct
from typing import Any

from attrs import frozen
from typing_extensions import override

_UCRED = struct.Struct("iII")
"""Process, user, group. Spec: unix(7), SO_PEERCRED."""


@frozen
class Caller:
    """Who asked; None: it is not known.

    Attributes:
        uid: The user that the other process had when it connected.
        pid: That process.
        address: Of a browser that showed the token; empty: it was no browser.
        user: Who that is, by the word of a proxy that authenticates.
    """

    uid: int | None = None
    pid: int | None = None
    address: str = ""
    user: str = ""

    @override
    def __str__(self) -> str:
        if self.address:
            return f"{self.user or 'the token'} at {self.address}"
        return "somebody" if self.uid is None else f"uid {self.uid} (pid {self.pid})"


NOBODY_KNOWN = Caller()


def caller_of(transport: Any) -> Caller:
    """Return who is at the other end of `transport`."""
    end = getattr(transport, "socket", None)
    if not isinstance(end, socket.socket) or end.family != socket.AF_UNIX:
        return NOBODY_KNOWN
    found = end.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _UCRED.size)
    pid, uid, _ = _UCRED.unpack(found)
    return Caller(uid, pid)
