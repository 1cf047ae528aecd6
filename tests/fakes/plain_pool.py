"""A pool in threads, for tests that need no reactor: it gives work and takes shares.

Its difficulty is real and changes by hand; what it is sent it believes.
"""

import json
import socket
import threading
from contextlib import suppress
from itertools import count
from typing import Any

from tests.fakes.judging_pool import INPUT, OUTPUT

_SCRIPT_BYTES = 4 + 8 + 12  # a height, what we say, and both extranonces


class PlainPool:
    """A Stratum V1 pool on a port of its own."""

    def __init__(self, difficulty: float) -> None:
        self.difficulty = difficulty
        self._numbers = count(1)
        self._open: list[socket.socket] = []
        self._lock = threading.Lock()
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def set_difficulty(self, difficulty: float) -> None:
        """Go on at another difficulty, from the next job on, which is now."""
        with self._lock:
            self.difficulty = difficulty
            for peer in self._open:
                self._give_work(peer)

    def close(self) -> None:
        """Hang up on everybody."""
        self._listener.close()
        with self._lock:
            for peer in self._open:
                peer.close()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                peer, _ = self._listener.accept()
                threading.Thread(target=self._serve, args=(peer,), daemon=True).start()

    def _serve(self, peer: socket.socket) -> None:
        with suppress(OSError), peer.makefile("rb") as lines:
            for line in lines:
                with self._lock:
                    self._answer(peer, json.loads(line))

    def _answer(self, peer: socket.socket, request: dict[str, Any]) -> None:
        method = request["method"]
        result: Any = True
        if method == "mining.configure":
            mask = {"version-rolling.mask": "1fffe000"}
            result = {"version-rolling": True, **mask}
        elif method == "mining.subscribe":
            result = [[["mining.notify", "a"]], f"{next(self._numbers):08x}", 8]
        self._send(peer, id=request["id"], result=result, error=None)
        if method == "mining.authorize":
            self._open.append(peer)
            self._give_work(peer)

    def _give_work(self, peer: socket.socket) -> None:
        job = [
            f"{next(self._numbers):x}", "11" * 32,
            (INPUT + bytes([_SCRIPT_BYTES]) + bytes(12)).hex(), OUTPUT.hex(),
            ["22" * 32], "20000000", "17034219", "6553f100", True,
        ]  # fmt: skip
        self._say(peer, "mining.set_difficulty", [self.difficulty])
        self._say(peer, "mining.notify", job)

    def _say(self, peer: socket.socket, method: str, params: list[Any]) -> None:
        self._send(peer, id=None, method=method, params=params)

    @staticmethod
    def _send(peer: socket.socket, **message: Any) -> None:
        peer.sendall(json.dumps(message).encode() + b"\n")
