"""A node's HTTP side whose answers a test decides, over in-memory transports."""

import json
from collections.abc import Callable
from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.error import ConnectionLost
from twisted.internet.testing import MemoryReactorClock, StringTransport
from twisted.python.failure import Failure
from twisted.web.http import HTTPChannel, Request
from typing_extensions import override

Answer = Callable[[str, list[Any]], Any]


class Status(Exception):  # noqa: N818  (an answer, not an error)
    """Answer with this HTTP status and body instead of a result."""

    def __init__(self, status: int, body: bytes) -> None:
        super().__init__(status)
        self.status = status
        self.body = body


class RpcFault(Exception):  # noqa: N818
    """Answer with this JSON-RPC error."""

    def __init__(self, code: int, message: str) -> None:
        super().__init__(code, message)
        self.code = code
        self.message = message


class FakeNode:
    """Reads requests off a MemoryReactorClock's connections and answers them."""

    def __init__(self, reactor: MemoryReactorClock, answer: Answer) -> None:
        self.reactor = reactor
        self.answer = answer
        self.logins: list[bytes] = []
        self.calls: list[str] = []
        self._links: list[_Link] = []

    @property
    def connections(self) -> int:
        return len(self._links)

    def drop(self) -> None:
        """Cut every connection that is open."""
        for link in self._links:
            if not link.is_cut:
                link.is_cut = True
                link.client.connectionLost(Failure(ConnectionLost()))

    def pump(self) -> None:
        """Accept connections, then carry bytes until nobody has any left."""
        for _ in range(50):
            moved = [link.carry() for link in self._links]
            if not (self._accept() or any(moved)):
                return
        raise AssertionError("the conversation does not end")

    def _accept(self) -> bool:
        new = self.reactor.tcpClients[len(self._links) :]
        for _, _, factory, *_ in new:
            self._links.append(_Link(self, factory))
        return bool(new)


class _Link:
    def __init__(self, node: FakeNode, factory: Any) -> None:
        self.client = factory.buildProtocol(None)
        self.to_node = StringTransport()
        self.to_client = StringTransport()
        self.is_cut = False
        self.server = HTTPChannel()
        make: Any = lambda channel, *_: _FakeRequest(channel, node)  # noqa: E731
        self.server.requestFactory = make
        self.server.timeOut = None
        self.client.makeConnection(self.to_node)
        self.server.makeConnection(self.to_client)

    def carry(self) -> bool:
        if self.is_cut:
            return False
        up, down = self.to_node.value(), self.to_client.value()
        self.to_node.clear()
        self.to_client.clear()
        if up:
            self.server.dataReceived(up)
        if down:
            self.client.dataReceived(down)
        return bool(up or down)


class _FakeRequest(Request):
    def __init__(self, channel: HTTPChannel, node: FakeNode) -> None:
        super().__init__(channel)
        self._node = node

    @override
    def process(self) -> None:
        assert self.content is not None
        call = json.loads(self.content.read())
        self._node.logins.append(self.getHeader(b"authorization") or b"")
        self._node.calls.append(call["method"])
        try:
            result = self._node.answer(call["method"], call["params"])
        except Status as status:
            self._finish(status.status, status.body)
            return
        except RpcFault as fault:
            error = {"code": fault.code, "message": fault.message}
            self._finish(500, _envelope(None, error))
            return
        if isinstance(result, Deferred):
            _ = result.addCallback(self._answer)
            return
        self._answer(result)

    def _answer(self, result: Any) -> None:
        if isinstance(result, Status):
            self._finish(result.status, result.body)
        else:
            self._finish(200, _envelope(result, None))

    def _finish(self, status: int, body: bytes) -> None:
        self.setResponseCode(status)
        self.setHeader(b"content-length", str(len(body)).encode())
        self.write(body)
        self.finish()


def _envelope(result: Any, error: Any) -> bytes:
    return json.dumps({"result": result, "error": error, "id": 1}).encode()
