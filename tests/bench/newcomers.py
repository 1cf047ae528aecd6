"""Measure what the engine in C and all behind it spend on a miner that comes.

From the connection that the kernel holds to the first job, over loopback, without the
client's part. In the process's own CPU time, best of some batches.

    python -m tests.bench.newcomers --miners 6000
"""

import argparse
import json
import socket

from protocol.work.extranonce import Layout
from proxy.config import LimitsConfig
from proxy.runtime.descriptors import raise_limit
from proxy.runtime.tcp import bound_connections
from tests.bench.measured import calibration_ms, cpu_ms, report
from tests.fakes.hall import Hall

BATCH = 500

HELLO = b"".join(
    json.dumps(message).encode() + b"\n"
    for message in (
        {"id": 1, "method": "mining.subscribe", "params": ["bench/1"]},
        {"id": 2, "method": "mining.authorize", "params": ["w", "x"]},
    )
)


class NativeHall(Hall):
    """A site of the engine in C, with a port."""

    engine = "native"

    def __init__(self, miners: int) -> None:
        super().__init__(Layout(4, 4))
        self.connections.roster.limits = LimitsConfig(connections=miners)
        self.sources[0].post()
        self.listening = socket.create_server(("127.0.0.1", 0), backlog=4096)
        self.listening.setblocking(False)
        bound_connections(self.listening)
        self.port.engine.rest()
        self.port.open(self.listening.fileno(), self.connections)
        self.clients: list[socket.socket] = []

    def come(self) -> None:
        """Let a batch of miners connect, and say who they are."""
        for _ in range(BATCH):
            client = socket.create_connection(self.listening.getsockname())
            client.sendall(HELLO)
            self.clients.append(client)

    def serve(self) -> None:
        """Do turns until all have been answered."""
        miners = self.connections.roster.miners
        while self.port.is_busy or len(miners) < len(self.clients):
            self.port.doRead()

    def check(self) -> None:
        for client in self.clients[-BATCH:]:
            if b"mining.notify" not in client.recv(1 << 16):
                raise SystemExit("a miner had no job")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--miners", type=int, default=6000)
    options = parser.parse_args()
    raise_limit()
    hall, each_us = NativeHall(options.miners), []
    for _ in range(options.miners // BATCH):
        hall.come()
        each_us.append(1000 * cpu_ms(hall.serve) / BATCH)
        hall.check()
    report(
        miners=options.miners,
        us_of_each=min(each_us),
        median_us=sorted(each_us)[len(each_us) // 2],
        calibration_ms=calibration_ms(),
    )


if __name__ == "__main__":
    main()
