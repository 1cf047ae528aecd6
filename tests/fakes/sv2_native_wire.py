"""A miner's end of an encrypted connection that the engine in C has, a real socket."""

import socket
from contextlib import suppress
from typing import Any

from typing_extensions import override

from proxy.config import ListenerConfig
from proxy.downstream.fast.acceptor import Acceptor
from proxy.downstream.listener_policy import ListenerPolicy
from proxy.engine.engine import Wire
from tests.fakes.sv2_wire import Sv2Wire

READ_AT_ONCE = 65536
"""Bytes that the engine reads in one turn of one connection."""


class NativeSv2Wire(Sv2Wire):
    """The same as a wire in memory, over a socket pair."""

    @override
    def _connect(self, protocol: str, address: str) -> None:
        self._socket, theirs = socket.socketpair()
        self._socket.setblocking(False)
        self._unread, self._is_dropped = b"", False
        hall, port = self.door.connections, self.door.hall.port
        listener: Any = ListenerConfig(endpoint="tcp:1", protocol=protocol)  # type: ignore[arg-type]
        entrance = Acceptor(hall, ListenerPolicy(hall, hall.context, listener))
        entrance.accept(Wire(port.engine, theirs.detach()), address)

    @property
    @override
    def is_dropped(self) -> bool:
        self._unread = self.received()
        return self._is_dropped

    @override
    def send(self, data: bytes) -> None:
        with suppress(BrokenPipeError, ConnectionResetError):  # it has been dropped
            self._socket.sendall(data)
        for _ in range(0, len(data) + 1, READ_AT_ONCE):
            self._turn()

    @override
    def received(self) -> bytes:
        data, self._unread = self._unread, b""
        try:
            while more := self._socket.recv(1 << 20):
                data += more
        except BlockingIOError:
            return data
        except ConnectionResetError:
            pass
        self._is_dropped = True
        return data

    @override
    def hang_up(self) -> None:
        self._socket.close()
        self._turn()

    def _turn(self) -> None:
        """Let the engine do all that there is to do."""
        port, turns = self.door.hall.port, self.door.hall.turns
        port.doRead()
        while port.is_busy or turns.getDelayedCalls():
            turns.advance(0.001)
            port.doRead()
        port.settle()

    def __del__(self) -> None:
        self._socket.close()
