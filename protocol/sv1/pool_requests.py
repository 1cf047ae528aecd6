"""Lines that we write to a pool."""

import msgspec

from protocol.sv1.pool_lines import PoolLine, echoed_id

UNKNOWN_METHOD = b'[-3,"Method not found",null]'

_SUBMIT = b'{"id":%d,"method":"mining.submit","params":[%b,%b,"%b","%08x","%08x"%b]}\n'

_encode = msgspec.json.encode


class _Request(msgspec.Struct):
    id: int
    method: str
    params: list[object]


def request_line(message_id: int, method: str, params: list[object]) -> bytes:
    """Return a request; its answer will carry `message_id`."""
    return _encode(_Request(message_id, method, params)) + b"\n"


def configure_params(mask: int) -> list[object]:
    """Return the parameters of mining.configure that ask for `mask` (BIP 310)."""
    options = {
        "version-rolling.mask": f"{mask:08x}",
        "version-rolling.min-bit-count": 2,
    }
    return [["version-rolling", "subscribe-extranonce"], options]


def submit_line(  # noqa: PLR0913, PLR0917  (as many as the protocol has)
    message_id: int,
    worker_user: str,
    source_job: str,
    extranonce2: bytes,
    ntime: int,
    nonce: int,
    rolled: int | None,
) -> bytes:
    """Return mining.submit; `rolled` is BIP 310's sixth parameter, if any."""
    return _SUBMIT % (
        message_id,
        _encode(worker_user),
        _encode(source_job),
        extranonce2.hex().encode(),
        ntime,
        nonce,
        b"" if rolled is None else b',"%08x"' % rolled,
    )


def reply_line(line: PoolLine, result: bytes, error: bytes = b"null") -> bytes:
    """Return the answer to a pool's request; empty if it asks for none."""
    message_id = echoed_id(line.id)
    if message_id == b"null":
        return b""
    return b'{"id":%b,"result":%b,"error":%b}\n' % (message_id, result, error)


def text_reply(line: PoolLine, text: str) -> bytes:
    """Return `text` as the answer to a pool's request."""
    return reply_line(line, _encode(text))
