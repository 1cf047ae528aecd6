"""Measure what a Stratum V2 handshake costs the proxy, and how many it makes a second.

Each engine runs in a proxy of its own, without a pool. The miners connect from here,
CROWD at a time, read the answer and hang up. They do no cryptography: any 64 B are a
key of EllSwift. Prints one JSON object a line: the proxy's processor time, the rate,
and how much of the time secp256k1 takes.

    python -m tests.bench.handshakes --handshakes 20000
"""

import argparse
import json
import os
import socket
import sys
import time
from contextlib import ExitStack
from importlib.util import find_spec
from pathlib import Path
from subprocess import Popen
from tempfile import TemporaryDirectory
from typing import Any

from protocol.noise.ellswift import KeyPair
from protocol.noise.handshake import FIRST_BYTES, SECOND_BYTES
from proxy.bench.target import Target
from tests.support import free_port

CROWD = 64
PATIENCE = 20.0
CURVE_TURNS = 5000

CONFIG = """
[proxy]
engine = "{engine}"
[[pools]]
name = "nobody"
url = "stratum+tcp://127.0.0.1:{nobody}"
user = "site"
[[sites]]
name = "hall-a"
sources = ["nobody"]
[[sites.listeners]]
endpoint = "tcp:{port}:backlog=512:interface=127.0.0.1"
protocol = "sv2"
"""


def shake_hands(port: int, number: int) -> None:
    """Let `number` miners connect and be answered; OSError if one is not."""
    with ExitStack() as crowd:
        sockets = [
            crowd.enter_context(socket.create_connection(("127.0.0.1", port), PATIENCE))
            for _ in range(number)
        ]
        for one in sockets:
            one.sendall(os.urandom(FIRST_BYTES))
        for one in sockets:
            answer = one.recv(SECOND_BYTES, socket.MSG_WAITALL)
            if len(answer) != SECOND_BYTES:
                raise ConnectionError(f"{len(answer)} B, wanted {SECOND_BYTES}")


def await_server(port: int) -> None:
    for _ in range(200):
        try:
            return shake_hands(port, 1)
        except OSError:
            time.sleep(0.1)
    raise SystemExit("no handshake in 20 s")


def curve_us() -> float:
    """Return what secp256k1 takes of a handshake: a new key, and two secrets shared."""
    static = KeyPair.from_secret(b"\x03" * 32, bytes(32))
    begun = time.process_time()  # a measurement
    for _ in range(CURVE_TURNS):
        new = KeyPair.from_secret(os.urandom(32), os.urandom(32))
        theirs = os.urandom(FIRST_BYTES)
        for ours in (new, static):
            ours.shared(theirs, initiates=False)
    return 1e6 * (time.process_time() - begun) / CURVE_TURNS


def measure(engine: str, handshakes: int, folder: Path) -> dict[str, Any]:
    port, path = free_port(), folder / "c.toml"
    path.write_text(CONFIG.format(engine=engine, nobody=free_port(), port=port))
    command = [sys.executable, "-m", "proxy.cli", "run", "-c", str(path)]
    with (folder / "log").open("w") as log, Popen(command, stderr=log) as proxy:  # noqa: S603
        try:
            await_server(port)
            target = Target(engine, "127.0.0.1", port, proxy.pid)
            cpu, begun = target.cpu_s() or 0.0, time.perf_counter()
            for _ in range(handshakes // CROWD):
                shake_hands(port, CROWD)
            elapsed = time.perf_counter() - begun
            cpu = (target.cpu_s() or 0.0) - cpu
        finally:
            proxy.terminate()
    done, curve = handshakes // CROWD * CROWD, curve_us()
    return {
        "engine": engine,
        "cpu_us": round(1e6 * cpu / done),
        "per_cpu_second": round(done / cpu),
        "per_second": round(done / elapsed),  # with the miners on this machine, too
        "secp256k1_us": round(curve),
        "secp256k1_share": round(curve * done / cpu / 1e6, 2),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--handshakes", type=int, default=20_000)
    asked = parser.parse_args()
    is_built = find_spec("proxy.engine.engine") is not None
    for engine in ("native", "python") if is_built else ("python",):
        with TemporaryDirectory() as folder:
            found = measure(engine, asked.handshakes, Path(folder))
        sys.stdout.write(json.dumps(found) + "\n")


if __name__ == "__main__":
    main()
