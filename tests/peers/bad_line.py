"""A line between a peer and us that is cut without a word, or slow."""

import selectors
import socket
import threading
import time

SLOW = 1.0
"""Seconds for each byte."""


class BadLine:
    """Passes bytes on both ways; `is_cut`: none, and no FIN; `is_slow`: one a second.

    Whoever connects to `port` is passed on to `upstream`.
    """

    def __init__(self, upstream: int) -> None:
        self.is_cut = self.is_slow = False
        self._upstream = upstream
        self._server = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._server.getsockname()[1]
        self._is_open = True
        self._pairs: list[socket.socket] = []
        threading.Thread(target=self._accept, daemon=True).start()

    def close(self) -> None:
        self._is_open = False
        self._server.close()
        for end in self._pairs:
            end.close()

    def _accept(self) -> None:
        while self._is_open:
            try:
                near, _ = self._server.accept()
            except OSError:
                return
            try:
                far = socket.create_connection(("127.0.0.1", self._upstream))
            except OSError:
                near.close()
                continue
            self._pairs += [near, far]
            threading.Thread(target=self._pass, args=(near, far), daemon=True).start()

    def _pass(self, near: socket.socket, far: socket.socket) -> None:
        other = {near: far, far: near}
        with selectors.DefaultSelector() as ready:
            for end in other:
                ready.register(end, selectors.EVENT_READ)
            while self._is_open:
                for key, _ in ready.select(0.1):
                    end = next(e for e in other if e is key.fileobj)
                    if self.is_cut:
                        time.sleep(0.05)
                        continue
                    if not self._move(end, other[end]):
                        near.close()
                        far.close()
                        return

    def _move(self, end: socket.socket, other: socket.socket) -> bool:
        try:
            data = end.recv(1 if self.is_slow else 65_536)
            other.sendall(data)
        except OSError:
            return False
        if self.is_slow:
            time.sleep(SLOW)
        return bool(data)
