"""Pools that answer a probe as faulty ones do, each on a thread of its own."""

import socket
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from threading import Thread
from typing import Any

import msgspec

from protocol.noise.handshake import Identity
from protocol.sv2.codec import Message, common, decode, encode, mining
from protocol.sv2.line import ServerLine
from tests.noise_peers import NOW, a_pair, an_identity

Answer = Callable[[dict[str, Any]], list[dict[str, Any]]]


def answers(
    *,
    room: int = 8,
    takes: bool = True,
    has_job: bool = True,
    age_s: float = 0.0,
    prev_hash: str = "00" * 32,
) -> Answer:
    """Return what a pool says to each request; a sound one by default."""

    def answer(request: dict[str, Any]) -> list[dict[str, Any]]:
        number = request["id"]
        if request["method"] == "mining.subscribe":
            return [{"id": number, "result": [[], "00aa", room], "error": None}]
        if not takes:
            return [{"id": number, "result": False, "error": [24, "unknown", None]}]
        said: list[dict[str, Any]] = [{"id": number, "result": True, "error": None}]
        if has_job:
            ntime = f"{int(time.time() - age_s):08x}"  # noqa: TID251  (a pool's clock)
            job = ["1", prev_hash, "01", "02", [], "20000000", "1d00ffff", ntime, True]
            said.append({"method": "mining.set_difficulty", "params": [512]})
            said.append({"method": "mining.notify", "params": job})
        return said

    return answer


@contextmanager
def a_pool(answer: Answer | bytes) -> Iterator[int]:
    """Yield the port of a pool; bytes: all that it says to anything."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        Thread(target=_serve, args=(server, answer), daemon=True).start()
        yield server.getsockname()[1]
        server.shutdown(socket.SHUT_RDWR)  # or `accept` holds the port


def _serve(server: socket.socket, answer: Answer | bytes) -> None:
    while True:
        try:
            connection, _ = server.accept()
        except OSError:
            return
        Thread(target=_speak, args=(connection, answer), daemon=True).start()


def _speak(connection: socket.socket, answer: Answer | bytes) -> None:
    # a probe hangs up when it has seen enough
    with suppress(OSError), connection, connection.makefile("rb") as lines:
        for line in lines:
            if isinstance(answer, bytes):
                connection.sendall(answer)
                continue
            said = answer(msgspec.json.decode(line))
            connection.sendall(b"".join(msgspec.json.encode(m) + b"\n" for m in said))


V2Answer = Callable[[Message], list[Message]]


def v2_answers(
    *,
    refuses: str = "",
    has_job: bool = True,
    room: int = 8,
    ntime: int = int(NOW),
    prev_hash: bytes = bytes(32),
) -> V2Answer:
    """Return what a pool of Stratum V2 says to each message; a sound one by default.

    Args:
        refuses: `setup` or `channel`.
    """

    def answer(message: Message) -> list[Message]:
        if isinstance(message, common.SetupConnection):
            if refuses == "setup":
                return [common.SetupConnectionError(0, "unsupported-protocol")]
            return [common.SetupConnectionSuccess(2, 0)]
        if refuses == "channel":
            return [mining.OpenMiningChannelError(1, "unknown-user")]
        target = (1 << 224) - 1
        said: list[Message] = [
            mining.OpenExtendedMiningChannelSuccess(1, 2, target, room, b"\0" * 4, 1)
        ]
        if has_job:
            job = mining.NewExtendedMiningJob(2, 1, None, 1 << 29, True, (), b"1", b"2")
            tip = mining.SetNewPrevHash(2, 1, prev_hash, ntime, 0x1D00FFFF)
            said += [job, tip]
        return said

    return answer


@contextmanager
def a_v2_pool(answer: V2Answer, identity: Identity | None = None) -> Iterator[int]:
    """Yield the port of a pool of Stratum V2, its clock at `NOW`."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        shown = identity or an_identity()
        Thread(target=_serve_v2, args=(server, answer, shown), daemon=True).start()
        yield server.getsockname()[1]
        server.shutdown(socket.SHUT_RDWR)


def _serve_v2(server: socket.socket, answer: V2Answer, identity: Identity) -> None:
    with suppress(OSError):
        connection, _ = server.accept()
        line = ServerLine(1 << 20, identity, a_pair(2))
        with connection:
            while data := connection.recv(65536):
                for frame in line.receive(data):
                    message = decode(frame)
                    assert message is not None
                    line.send(map(encode, answer(message)))
                connection.sendall(line.outgoing())
