"""JSON-RPC 2.0: one request a line, read and answered as bytes."""

from collections.abc import Callable, Iterator, Mapping
from inspect import Parameter, signature
from typing import Any, get_type_hints

import msgspec
from attrs import frozen
from msgspec import Raw

from protocol.unreadable import UNREADABLE

PARSE_ERROR, INVALID_REQUEST, NO_METHOD, BAD_PARAMS = -32700, -32600, -32601, -32602
INTERNAL, REFUSED, OBSERVER = -32603, -32000, -32001

_MAX_NAME_CHARS = 64  # of what they sent, in what we say of it

_encode = msgspec.json.encode


class RpcError(Exception):
    """A request that is answered with an error.

    Attributes:
        code: As JSON-RPC 2.0, section 5.1, has it, or one of ours above -32100.
    """

    def __init__(self, code: int, text: str) -> None:
        super().__init__(text)
        self.code = code


class Request(msgspec.Struct):
    """A call; one without an id is a notification and gets no answer."""

    method: str
    id: Raw = Raw()
    params: dict[str, Any] = {}
    jsonrpc: str = "2.0"

    @property
    def wants_answer(self) -> bool:
        """It has an id."""
        return bool(bytes(self.id))


_decode = msgspec.json.Decoder(Request).decode


def read_request(line: bytes) -> Request:
    """Return the request in `line`.

    Raises:
        RpcError: It holds none, or a batch: send one request a line.
    """
    if line.lstrip()[:1] == b"[":
        raise RpcError(PARSE_ERROR, "batches are not taken: one request a line")
    try:
        request = _decode(line)
    except msgspec.ValidationError as error:
        raise RpcError(INVALID_REQUEST, f"not a request: {error}") from error
    except UNREADABLE as error:
        raise RpcError(PARSE_ERROR, f"not JSON: {error}") from error
    if request.jsonrpc != "2.0":
        raise RpcError(INVALID_REQUEST, "Expected jsonrpc 2.0")
    if bytes(request.id)[:1] in {b"{", b"[", b"t", b"f"}:
        raise RpcError(INVALID_REQUEST, "Expected an id that is a text or a number")
    return request


@frozen
class Method:
    """A function that may be called, and the parameters that its types allow."""

    function: Callable[..., Any]
    params: type[msgspec.Struct]

    @classmethod
    def of(cls, function: Callable[..., Any]) -> "Method":
        """Return `function` as a method; its annotations say what it takes."""
        fields = list(_fields(function))
        params = msgspec.defstruct("Params", fields, forbid_unknown_fields=True)
        return cls(function, params)

    def __call__(self, given: Mapping[str, Any]) -> Any:
        """Return what the function returns for `given`.

        Raises:
            RpcError: They are not the parameters that it takes.
        """
        return self.function(**self.checked(given))

    def checked(self, given: Mapping[str, Any]) -> dict[str, Any]:
        """Return all parameters by name, those with the function's defaults, too.

        Raises:
            RpcError: `given` is not what it takes.
        """
        try:
            params = msgspec.convert(given, self.params)
        except msgspec.ValidationError as error:
            raise RpcError(BAD_PARAMS, str(error)) from error
        return msgspec.structs.asdict(params)


def _fields(function: Callable[..., Any]) -> Iterator[tuple[Any, ...]]:
    hints = get_type_hints(function, include_extras=True)  # with their bounds
    for name, parameter in signature(function).parameters.items():
        if parameter.default is Parameter.empty:
            yield name, hints[name]
        else:
            yield name, hints[name], parameter.default


def no_method(name: str) -> RpcError:
    """Return the error for a method that is not there."""
    return RpcError(NO_METHOD, f"no method {name[:_MAX_NAME_CHARS]!r}")


def result_line(request: Request, result: Any) -> bytes:
    """Return the answer to `request`, newline included; empty if none is wanted."""
    if not request.wants_answer:
        return b""
    return b'{"jsonrpc":"2.0","id":%b,"result":%b}\n' % (
        bytes(request.id),
        _encode(result),
    )


def error_line(request: Request | None, error: RpcError) -> bytes:
    """Return the answer that `error` is; `request` None: it could not be read."""
    if request is not None and not request.wants_answer:
        return b""
    body = _encode({"code": error.code, "message": str(error)})
    message_id = b"null" if request is None else bytes(request.id)
    return b'{"jsonrpc":"2.0","id":%b,"error":%b}\n' % (message_id, body)


def notification_line(method: str, params: Any) -> bytes:
    """Return a message that wants no answer, newline included."""
    return b'{"jsonrpc":"2.0","method":%b,"params":%b}\n' % (
        _encode(method),
        _encode(params),
    )
