"""How long an order waits for its row: the log off, on, and on with every witness hung.

`python -m tests.bench.order_with_log [SECONDS [EVERY]]`: turns of each kind, one after
the other, in one run; so that whatever else the machine does is in all of them. An
order is five rows in one commit, as `power set` writes them.
"""

import socket
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from twisted.internet import reactor  # noqa: TID251
from twisted.internet.defer import Deferred
from twisted.internet.task import deferLater, react
from twisted.internet.threads import deferToThread

from protocol.tlog.note import KeyKind
from protocol.tlog.trust import trust_of
from protocol.units import Seconds
from proxy.oversight.http import WitnessHttp
from proxy.oversight.publisher import Around, Begun, LogPublisher
from proxy.oversight.signing import ed25519
from proxy.oversight.witnesses import AskedWitness
from proxy.runtime.one_thread import OneThread
from proxy.runtime.periodic import PeriodicService
from tests.oversight_logs import AT, SIGNER, Plant

ROUNDS = 8
EVERY = Seconds(1.0)
"""Between two states, if nothing else is said: ten times as often as by default."""

PAUSE = 0.02


def hung_witness() -> tuple[socket.socket, str]:
    """Return a witness that takes connections and never says a word, and its policy."""
    listening = socket.create_server(("127.0.0.1", 0), backlog=64)
    key = ed25519("hung.example", KeyKind.COSIGNATURE, bytes(32)).key.text
    url = f"http://127.0.0.1:{listening.getsockname()[1]}/"
    return listening, f"witness w {key} {url}\nquorum w\n"


def publisher_of(plant: Plant, policy: str) -> LogPublisher:
    trust = trust_of(policy.encode())
    http = WitnessHttp(reactor)
    return LogPublisher(
        lambda: Begun(plant.writer(), [SIGNER]),
        trust,
        [AskedWitness(one, http) for one in trust.witnesses],
        plant.store.publish,
        Around(OneThread(deferToThread).run, reactor, lambda: AT),
        Seconds(300.0),
        http.close,
    )


async def orders(plant: Plant, seconds: float) -> list[float]:
    """Return how long each order took, in seconds."""
    took: list[float] = []
    end = time.monotonic() + seconds  # noqa: TID251
    while (begun := time.monotonic()) < end:  # noqa: TID251
        plant.write(5)
        took.append(time.monotonic() - begun)  # noqa: TID251
        await deferLater(reactor, PAUSE)
    return took


async def measure(seconds: float, every: Seconds) -> dict[str, list[float]]:
    listening, hung = hung_witness()
    kinds: dict[str, str | None] = {"off": None, "on": "quorum none\n", "hung": hung}
    found: dict[str, list[float]] = {kind: [] for kind in kinds}
    with tempfile.TemporaryDirectory() as state:
        plants = {kind: _plant(Path(state) / kind) for kind in kinds}
        publishers = {
            kind: publisher_of(plants[kind], policy)
            for kind, policy in kinds.items()
            if policy is not None
        }
        for _ in range(ROUNDS):
            for kind, plant in plants.items():
                found[kind] += await _turn(plant, publishers.get(kind), seconds, every)
        for publisher in publishers.values():
            await publisher.stop()
        for plant in plants.values():
            plant.close()
    listening.close()
    return found


def _plant(state: Path) -> Plant:
    state.mkdir()
    return Plant(state)


async def _turn(
    plant: Plant, publisher: LogPublisher | None, seconds: float, every: Seconds
) -> list[float]:
    if publisher is None:
        return await orders(plant, seconds)
    ticks = PeriodicService(every, publisher.publish, reactor, cancels=True)
    ticks.startService()
    took = await orders(plant, seconds)
    await ticks.stopService()
    return took


def figures(took: list[float]) -> tuple[float, float]:
    """Return the median and the 95th percentile, ms."""
    return statistics.median(took) * 1e3, statistics.quantiles(took, n=20)[-1] * 1e3


async def main(_: object, seconds: float, every: Seconds) -> None:
    found = await measure(seconds, every)
    base = figures(found["off"])[0]
    for kind, took in found.items():
        p50, p95 = figures(took)
        said = f"p50 {p50:.2f} ms, p95 {p95:.2f} ms, median {p50 / base:.2f} of off"
        print(f"{kind:5} {len(took)} orders, {said}")  # noqa: T201


def run(argv: list[str]) -> None:
    seconds = float(argv[0]) if argv else 4.0
    every = Seconds(float(argv[1])) if len(argv) > 1 else EVERY
    work: Callable[..., Deferred[None]] = lambda r: Deferred.fromCoroutine(  # noqa: E731
        main(r, seconds, every)
    )
    react(work)


if __name__ == "__main__":
    run(sys.argv[1:])
