"""What extensions add to the end of a message: type, length, value.

| extension_type | field_type | length | value |
| U16            | U8         | U16    |       |

Implementations disagree about the byte order of type and length: what the spec's
example shows big-endian is sent little-endian. So both are read, and little-endian
is written. Spec: SV2 03, Extensions; extension 0x0002, Worker Specific Hashrate
Tracking.
"""

import struct

from protocol.errors import LocalError
from protocol.sv2.common import WORKER_TRACKING

_USER_IDENTITY = 1
MAX_IDENTITY_BYTES = 32

_little, _big = struct.Struct("<HBH"), struct.Struct(">HBH")
_HEADER_BYTES = _little.size


def worker_tlv(worker: str) -> bytes:
    """Return what names `worker` in SubmitSharesExtended.

    Raises:
        LocalError: The name is longer than 32 B.
    """
    name = worker.encode()
    if len(name) > MAX_IDENTITY_BYTES:
        raise LocalError(f"worker name of {len(name)} B > {MAX_IDENTITY_BYTES} B")
    return _little.pack(WORKER_TRACKING, _USER_IDENTITY, len(name)) + name


def worker_of(trailing: bytes) -> str | None:
    """Return the worker that `trailing` names; None if it names none."""
    for fields in (_little, _big):
        found = _find(trailing, fields)
        if found is not None:
            return found
    return None


def _find(trailing: bytes, fields: struct.Struct) -> str | None:
    at = 0
    while at + _HEADER_BYTES <= len(trailing):
        extension, kind, length = fields.unpack_from(trailing, at)
        value = trailing[at + _HEADER_BYTES : at + _HEADER_BYTES + length]
        at += _HEADER_BYTES + length
        if at > len(trailing):
            return None
        if (extension, kind) == (WORKER_TRACKING, _USER_IDENTITY):
            return _name(value)
    return None


def _name(value: bytes) -> str | None:
    if len(value) > MAX_IDENTITY_BYTES:
        return None
    try:
        return value.decode()
    except UnicodeDecodeError:
        return None
