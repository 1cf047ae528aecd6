"""How long shares wait with viewers and without, in turns, in one run.

A crowd of miners submits at a steady pace, another miner's answers are timed. In every
second turn so many viewers hold a stream open and read all of it: numbers and map, each
second. Prints JSON: p50 and p99 of each kind of turn, all of them, and the ratio of
their medians; then what else a machine did is in both.

    python -m tests.bench.viewers --miners 20000 --viewers 20
"""

import argparse
import selectors
import socket
import statistics
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from multiprocessing import Event, Process, Value
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from proxy.bench.arrangement import (
    POOL_DIFFICULTY,
    Setting,
    choose_cores,
    on_core,
    running_baseline,
    running_proxy,
)
from proxy.bench.native.generator import Load
from proxy.bench.shares import await_work
from proxy.bench.target import BenchError, Target
from tests.bench.measured import report
from tests.bench.share_probe import Answers, ShareProbe
from tests.support import free_port

SHARES_A_SECOND = 20 / 60
"""Of a miner: the default of `shares_per_minute`."""

WINDOW = 64
RAMP_S = 120.0
SETTLES_S = 3.0
"""Before a turn is timed: viewers come, the map of all machines is made."""

ASK = b"GET /api/v1/stream HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n"


def crowd(target: Target, miners: int, core: int, ready: Any, ends: Any) -> None:
    """Have so many miners at work until `ends` is set."""
    with on_core(core):
        load = Load(target.address, target.port, miners)
        load.open(miners)
        await_work(load, target, miners)
        load.submit(WINDOW, miners * SHARES_A_SECOND)
        ready.set()
        while not ends.is_set():
            load.run(0.2)


@contextmanager
def crowded(target: Target, miners: int, core: int) -> Iterator[None]:
    ready, ends = Event(), Event()
    process = Process(target=crowd, args=(target, miners, core, ready, ends))
    process.start()
    try:
        if not ready.wait(RAMP_S):
            raise BenchError(f"{miners} miners are not at work after {RAMP_S:g} s")
        yield
    finally:
        ends.set()
        process.join()


def watch(port: int, viewers: int, core: int, ends: Any, heard: Any) -> None:
    """Read so many streams until `ends` is set; count the bytes."""
    selector = selectors.DefaultSelector()
    with on_core(core):
        for _ in range(viewers):
            one = socket.create_connection(("127.0.0.1", port))
            one.sendall(ASK)
            one.setblocking(False)
            selector.register(one, selectors.EVENT_READ)
        while not ends.is_set():
            for key, _ in selector.select(0.1):
                data = key.fileobj.recv(1 << 16)  # type: ignore[union-attr]
                heard.value += len(data)
                if not data:
                    selector.unregister(key.fileobj)


@contextmanager
def watched(port: int, viewers: int, core: int) -> Iterator[Any]:
    ends, heard = Event(), Value("q", 0, lock=False)
    process = Process(target=watch, args=(port, viewers, core, ends, heard))
    process.start()
    try:
        yield heard
    finally:
        ends.set()
        process.join()


def turn(probe: ShareProbe, seconds: float) -> Answers:
    probe.run(SETTLES_S)
    return probe.run(seconds)


def measure(miners: int, viewers: int, rounds: int, seconds: float) -> None:
    cores, web = choose_cores(), free_port()
    setting = Setting("native", web=f"tcp:{web}:interface=127.0.0.1")
    alone: list[Answers] = []
    beside: list[Answers] = []
    rate = 0.0
    with ExitStack() as stack:
        folder = Path(stack.enter_context(TemporaryDirectory()))
        pool = stack.enter_context(
            running_baseline(cores.load, POOL_DIFFICULTY, setting)
        )
        proxy = stack.enter_context(running_proxy(cores.server, folder, pool, setting))
        stack.enter_context(crowded(proxy, miners, cores.load))
        probe = ShareProbe(proxy.port)
        for number in range(rounds):
            for is_watched in (number % 2 == 1, number % 2 == 0):
                if not is_watched:
                    alone.append(turn(probe, seconds))
                    continue
                with watched(web, viewers, cores.load) as heard:
                    begun, before = time.perf_counter(), heard.value
                    beside.append(turn(probe, seconds))
                    rate = (heard.value - before) / (time.perf_counter() - begun)
    figures = {
        name: (
            [1e3 * one.p50_s for one in those],
            [1e3 * one.p99_s for one in those],
        )
        for name, those in (("alone", alone), ("watched", beside))
    }
    report(
        miners=miners,
        viewers=viewers,
        bytes_per_viewer_s=round(rate / viewers),
        accepted=sum(one.accepted for one in alone + beside),
        skipped=sum(one.skipped for one in alone + beside),
        **{
            f"{name}_{which}_ms": statistics.median(values)
            for name, both in figures.items()
            for which, values in zip(("p50", "p99"), both, strict=True)
        },
        p50_ratio=statistics.median(figures["watched"][0])
        / statistics.median(figures["alone"][0]),
        p99_ratio=statistics.median(figures["watched"][1])
        / statistics.median(figures["alone"][1]),
        alone_p99s=[round(one, 2) for one in figures["alone"][1]],
        watched_p99s=[round(one, 2) for one in figures["watched"][1]],
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--miners", type=int, default=20_000)
    parser.add_argument("--viewers", type=int, default=20)
    parser.add_argument("--rounds", type=int, default=6)
    parser.add_argument("--seconds", type=float, default=8.0)
    options = parser.parse_args()
    measure(options.miners, options.viewers, options.rounds, options.seconds)


if __name__ == "__main__":
    main()
