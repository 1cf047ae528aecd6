"""The admin socket: JSON-RPC 2.0, one message a line, on a Unix socket."""

from collections.abc import Callable
from typing import Any

import msgspec
from msgspec import Raw
from twisted.internet.interfaces import IAddress
from twisted.internet.protocol import Factory, Protocol
from twisted.logger import Logger
from typing_extensions import override

from protocol.errors import RemoteError
from protocol.framing import LineFramer
from proxy.admin.operations import Operations, Refused

MAX_REQUEST_BYTES = 65536
MAX_CONNECTIONS = 64

PARSE_ERROR, INVALID_REQUEST, NO_METHOD, BAD_PARAMS = -32700, -32600, -32601, -32602
REFUSED, OBSERVER = -32000, -32001

READING = ("status", "sites", "miners", "pools", "nodes")
STEERING = ("kick", "ban", "unban", "drain")


class _Request(msgspec.Struct):
    method: str
    id: Raw = Raw(b"null")
    params: dict[str, Any] = {}
    jsonrpc: str = "2.0"


_decode = msgspec.json.Decoder(_Request).decode
_encode = msgspec.json.encode


class AdminConnection(Protocol):
    """One client of the admin socket."""

    _log = Logger()

    def __init__(self, factory: "AdminFactory") -> None:
        self._factory = factory
        self._framer = LineFramer(MAX_REQUEST_BYTES)

    @override
    def connectionMade(self) -> None:
        self._factory.connections += 1

    @override
    def connectionLost(self, reason: object = None) -> None:
        self._factory.connections -= 1

    @override
    def dataReceived(self, data: bytes) -> None:
        transport: Any = self.transport
        try:
            for line in self._framer.feed(data):
                if line:
                    transport.write(self._factory.answer(line))
        except RemoteError as error:
            self._log.info("admin: hanging up: {error}", error=error)
            transport.loseConnection()


class AdminFactory(Factory):
    """Answers for one socket: the full one, or the observer's."""

    noisy = False

    def __init__(self, operations: Operations, *, may_steer: bool) -> None:
        self.connections = 0
        self._methods = {name: self._bound(operations, name) for name in READING}
        self._steering = may_steer
        if may_steer:
            self._methods |= {n: getattr(operations, n) for n in STEERING}

    @override
    def buildProtocol(self, addr: IAddress | None) -> AdminConnection | None:
        return AdminConnection(self) if self.connections < MAX_CONNECTIONS else None

    def answer(self, line: bytes) -> bytes:
        """Return the answer to a request, newline included."""
        try:
            request = _decode(line)
        except (msgspec.DecodeError, RecursionError) as error:
            return _error(b"null", PARSE_ERROR, f"not a request: {error}")
        method = self._methods.get(request.method)
        if method is None:
            return self._unknown(request)
        try:
            result = method(**request.params)
        except Refused as error:
            return _error(request.id, REFUSED, str(error))
        except TypeError as error:
            return _error(request.id, BAD_PARAMS, f"{request.method}: {error}")
        return b'{"jsonrpc":"2.0","id":%b,"result":%b}\n' % (
            bytes(request.id),
            _encode(result),
        )

    def _unknown(self, request: _Request) -> bytes:
        if request.method in STEERING and not self._steering:
            text = f"{request.method}: this is the observer's socket, it only reads"
            return _error(request.id, OBSERVER, text)
        return _error(request.id, NO_METHOD, f"no method {request.method[:64]!r}")

    def _bound(self, operations: Operations, name: str) -> Callable[..., object]:
        if name == "nodes":
            return lambda: operations.status().nodes
        bound: Callable[..., object] = getattr(operations, name)
        return bound


def _error(message_id: bytes | Raw, code: int, text: str) -> bytes:
    error = _encode({"code": code, "message": text})
    return b'{"jsonrpc":"2.0","id":%b,"error":%b}\n' % (bytes(message_id), error)
