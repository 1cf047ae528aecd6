"""Measure how long a new block takes from ZMQ `hashblock` to the last of many miners.

The proxy runs alone on one core; the node, the miners and the stopwatch share another.
BITCOIND names a bitcoind to measure behind; without it, the embedded node is used.

    python -m tests.bench.tip_spread --miners 1000 --blocks 60
"""

import argparse
import json
import os
import selectors
import socket
import subprocess
import sys
import time
from base64 import b64encode
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import zmq

from tests.support import free_port

ADDRESS = "bcrt1qw508d6qejxtdg4y5r3zarvary0c5xw7kygt080"
BITCOIND = os.environ.get("BITCOIND", "")
ROUND_SECONDS = 10.0
QUIET_SECONDS = 0.3  # between blocks: what one leaves to do is done

CONFIG = """
[proxy]
state_dir = "{folder}/state"
admin = "unix:{folder}/admin.sock"
engine = "{engine}"
[[nodes]]
name = "core"
rpc = "{rpc}"
cookie_file = "{cookie}"
zmq_hashblock = "{zmq}"
payout_address = "{address}"
[[sites]]
name = "hall-a"
listen = ["tcp:{port}:interface=127.0.0.1"]
sources = ["core"]
[sites.difficulty]
start = 1024
shares_per_minute = 0
"""

HELLO = b"".join(
    json.dumps(message).encode() + b"\n"
    for message in (
        {"id": 1, "method": "mining.subscribe", "params": ["bench/1"]},
        {"id": 2, "method": "mining.authorize", "params": ["w", "x"]},
    )
)


class Node:
    """A regtest node in a process of its own, called over one open connection."""

    def __init__(self, folder: Path) -> None:
        rpc, self.zmq = free_port(), f"tcp://127.0.0.1:{free_port()}"
        self.url = f"http://127.0.0.1:{rpc}"
        home = folder / "node"
        home.mkdir()
        if BITCOIND:
            self.cookie = home / "regtest" / ".cookie"
            publish = f"-zmqpubhashblock={self.zmq}"
            command = [BITCOIND, "-regtest", f"-datadir={home}", f"-rpcport={rpc}"]
            command += [publish, "-listen=0", "-printtoconsole=0"]
        else:
            self.cookie = home / ".cookie"
            ports = ["--rpc-port", str(rpc), "--zmq-port", self.zmq.split(":")[-1]]
            command = [sys.executable, "-m", "proxy.cli", "regtest", *ports]
            command += ["--state-dir", str(home)]
        self.process = subprocess.Popen(command, stdout=subprocess.DEVNULL)  # noqa: S603
        self._socket = _connected(rpc)
        while not self.cookie.exists():
            time.sleep(0.05)
        self._login = b64encode(self.cookie.read_bytes()).decode()
        while b'"result"' not in self.call("getblockcount"):
            time.sleep(0.1)

    def send(self, method: str, *params: object) -> None:
        body = json.dumps({"id": 1, "method": method, "params": params})
        head = f"POST / HTTP/1.1\r\nHost: x\r\nAuthorization: Basic {self._login}"
        size = f"Content-Length: {len(body)}"
        self._socket.sendall(f"{head}\r\n{size}\r\n\r\n{body}".encode())

    def reply(self) -> bytes:
        data = b""
        while b"}\n" not in data and b"Unauthorized" not in data:
            data += self._socket.recv(65536)
        return data

    def call(self, method: str, *params: object) -> bytes:
        self.send(method, *params)
        return self.reply()


class Miners:
    """Connections that only read; each notes when it had the newest job."""

    def __init__(self, port: int, count: int) -> None:
        self.selector = selectors.EpollSelector()
        self.count = count
        for _ in range(count):
            miner = _connected(port)
            miner.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            miner.sendall(HELLO)
            miner.setblocking(False)
            self.selector.register(miner, selectors.EVENT_READ, "miner")

    def wait_for(self, tip: bytes) -> list[float]:
        """Return when each had a job on the tip named by `tip`, in mining.notify's
        order of words; time.perf_counter()."""
        times: list[float] = []
        seen: set[int] = set()
        end = time.perf_counter() + ROUND_SECONDS
        while len(seen) < self.count and time.perf_counter() < end:
            for key, _ in self.selector.select(0.5):
                miner: Any = key.fileobj
                if tip in miner.recv(65536) and key.fd not in seen:
                    seen.add(key.fd)
                    times.append(time.perf_counter())
        return times

    def drain(self, seconds: float) -> None:
        end = time.perf_counter() + seconds
        while time.perf_counter() < end:
            for key, _ in self.selector.select(0.05):
                miner: Any = key.fileobj
                miner.recv(65536)


def _connected(port: int) -> socket.socket:
    for _ in range(400):
        try:
            return socket.create_connection(("127.0.0.1", port), 5)
        except OSError:
            time.sleep(0.05)
    raise SystemExit(f"nobody listens on {port}")


def _words(display: bytes) -> bytes:
    """Return a displayed hash as mining.notify writes it: 4 B words, each turned."""
    internal = display[::-1]
    words = (internal[i : i + 4][::-1] for i in range(0, 32, 4))
    return b"".join(words).hex().encode()


def measure(node: Node, miners: Miners, blocks: int) -> list[list[float]]:
    """Return for each block the seconds from `hashblock` to each miner's job."""
    context = zmq.Context()
    listener = context.socket(zmq.SUB)
    listener.setsockopt(zmq.SUBSCRIBE, b"hashblock")
    listener.connect(node.zmq)
    time.sleep(0.5)  # the subscription is on its way
    rounds = []
    for _ in range(blocks):
        miners.drain(QUIET_SECONDS)
        node.send("generatetoaddress", 1, ADDRESS)
        tip = listener.recv_multipart()[1]
        heard = time.perf_counter()
        times = miners.wait_for(_words(tip))
        if len(times) < miners.count:
            raise SystemExit(f"{miners.count - len(times)} miners had no new job")
        rounds.append([at - heard for at in times])
        node.reply()
    context.destroy(linger=0)
    return rounds


def report(rounds: list[list[float]], miners: int) -> dict[str, float | int]:
    """Return the percentiles, milliseconds."""
    firsts = sorted(1000 * times[0] for times in rounds)
    lasts = sorted(1000 * times[-1] for times in rounds)

    def at(values: list[float], share: float) -> float:
        return round(values[min(int(share * len(values)), len(values) - 1)], 2)

    return {
        "blocks": len(rounds),
        "miners": miners,
        "first_p50_ms": at(firsts, 0.5),
        "last_p50_ms": at(lasts, 0.5),
        "last_p99_ms": at(lasts, 0.99),
        "last_max_ms": round(lasts[-1], 2),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--miners", type=int, default=1000)
    parser.add_argument("--blocks", type=int, default=60)
    parser.add_argument("--engine", choices=["auto", "native", "python"])
    options = parser.parse_args()
    os.sched_setaffinity(0, {1})
    with TemporaryDirectory() as name:
        folder, port = Path(name), free_port()
        node = Node(folder)
        node.call("generatetoaddress", 1, ADDRESS)
        path = folder / "c.toml"
        path.write_text(
            CONFIG.format(
                folder=folder,
                engine=options.engine or "auto",
                rpc=node.url,
                cookie=node.cookie,
                zmq=node.zmq,
                address=ADDRESS,
                port=port,
            )
        )
        command = ["taskset", "-c", "0", sys.executable, "-m", "proxy.cli", "run"]
        proxy = subprocess.Popen(  # noqa: S603
            [*command, "-c", str(path)], stderr=subprocess.DEVNULL
        )
        try:
            miners = Miners(port, options.miners)
            miners.drain(3.0)
            rounds = measure(node, miners, options.blocks)
            sys.stdout.write(json.dumps(report(rounds, options.miners)) + "\n")
        finally:
            for process in (proxy, node.process):
                process.terminate()
                process.wait(30)


if __name__ == "__main__":
    main()
