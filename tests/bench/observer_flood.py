"""Measure what shares wait for while clients of an admin socket ask without end.

A miner submits at a steady pace. Then 200 clients, of which the proxy takes as many as
it may, call `status` as fast as it is read, and read every answer. Prints JSON: how
long the answers to shares took before and during that, the ratio, and the calls that
were answered each second.

    python -m tests.bench.observer_flood --engine native
"""

import argparse
import selectors
import socket
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from multiprocessing import Event, Process, Value
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from proxy.bench.arrangement import (
    POOL_DIFFICULTY,
    Setting,
    choose_cores,
    running_baseline,
    running_proxy,
)
from tests.bench.measured import report
from tests.bench.share_probe import ShareProbe

AHEAD = 16
"""Calls that one sends at once: of many more it would not read the answers in time."""


def flood(path: Path, clients: int, call: bytes, ends: Any, answered: Any) -> None:
    """Ask on each connection until `ends` is set; count the answers."""
    selector = selectors.DefaultSelector()
    for _ in range(clients):
        one = socket.socket(socket.AF_UNIX)
        with suppress(ConnectionError):
            one.connect(str(path))
            one.setblocking(False)
            one.send(call * AHEAD)
            selector.register(one, selectors.EVENT_READ)
    while not ends.is_set():
        for key, _ in selector.select(0.1):
            try:
                answered.value += ask_on(key.fileobj, call)
            except ConnectionError:
                selector.unregister(key.fileobj)


def ask_on(one: Any, call: bytes) -> int:
    """Read answers, and ask for as many more; return how many there were.

    Raises:
        ConnectionError: It was hung up on.
    """
    data = one.recv(1 << 20)
    if not data:
        raise ConnectionError("hung up on")
    count: int = data.count(b"\n")
    if count:
        one.send(call * count)
    return count


@contextmanager
def flooded(path: Path, clients: int, method: str) -> Iterator[Any]:
    call = b'{"jsonrpc":"2.0","id":1,"method":"%b"}\n' % method.encode()
    ends, answered = Event(), Value("q", 0, lock=False)
    process = Process(target=flood, args=(path, clients, call, ends, answered))
    process.start()
    try:
        yield answered
    finally:
        ends.set()
        process.join()


def measure(engine: Any, clients: int, method: str, seconds: float) -> None:
    cores, setting = choose_cores(), Setting(engine)
    with ExitStack() as stack:
        folder = Path(stack.enter_context(TemporaryDirectory()))
        pool = stack.enter_context(
            running_baseline(cores.load, POOL_DIFFICULTY, setting)
        )
        proxy = stack.enter_context(running_proxy(cores.server, folder, pool, setting))
        probe = ShareProbe(proxy.port)
        before = probe.run(seconds)
        answered = stack.enter_context(flooded(folder / "admin.sock", clients, method))
        probe.run(1.0)
        calls = answered.value
        during = probe.run(seconds)
        report(
            engine=engine,
            clients=clients,
            method=method,
            calls_per_s=(answered.value - calls) / seconds,
            p50_ms=1e3 * before.p50_s,
            p99_ms=1e3 * before.p99_s,
            flooded_p50_ms=1e3 * during.p50_s,
            flooded_p99_ms=1e3 * during.p99_s,
            flooded_max_ms=1e3 * during.longest_s,
            p50_ratio=during.p50_s / before.p50_s,
            skipped=during.skipped,
        )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--engine", choices=("native", "python"), default="native")
    parser.add_argument("--clients", type=int, default=200)
    parser.add_argument("--method", default="status")
    parser.add_argument("--seconds", type=float, default=5.0)
    options = parser.parse_args()
    measure(options.engine, options.clients, options.method, options.seconds)


if __name__ == "__main__":
    main()
