"""`/metrics/workers`: some figures of each worker, where that is asked for.

prometheus_client takes 0.4 s of the reactor for 20,000 workers: their lines are joined
here, on a thread, and at most once in `EVERY`.
"""

from collections.abc import Awaitable, Callable, Mapping

from attrs import define, field
from twisted.internet.defer import DeferredLock

from protocol.units import Seconds
from proxy.admin.miner_pages import parts
from proxy.admin.running import Running
from proxy.config.web import WebConfig
from proxy.downstream.miner import Miner
from proxy.web.answers import Answer, ProblemError
from proxy.web.archive import OnThread
from proxy.web.asked import Asked

EVERY = Seconds(15.0)
"""Prometheus asks every 15 s to a minute; who asks more often hears the same again."""

MAX_WORKERS = 50_000
"""Of all sites: 12 MB of text. Those beyond are counted."""

AT_ONCE = 250
"""Miners in one turn of the reactor: 1.5 ms."""

PLAIN = "text/plain; version=0.0.4; charset=utf-8"
OPEN = "application/openmetrics-text; version=1.0.0; charset=utf-8"

_ESCAPES = str.maketrans({"\\": r"\\", '"': r"\"", "\n": r"\n"})


@define(eq=False, repr=False)
class WorkerSums:
    """All connections of one worker at one site."""

    hashrate: float = 0.0
    accepted: int = 0
    rejected: int = 0
    connections: int = 0


Sums = dict[tuple[str, str], WorkerSums]
"""By site and worker."""


@define(eq=False, repr=False)
class WorkerMetrics:
    """Makes the text.

    Attributes:
        settings: `[proxy.web]` as it is in force.
        seconds: The clock.
        turn: Lets everything else have its turn.
        run: Runs a function where it may take its time.
    """

    running: Running
    settings: Callable[[], WebConfig]
    seconds: Callable[[], float]
    turn: Callable[[], Awaitable[object]]
    run: OnThread
    _made_at: float | None = field(default=None, init=False)
    _texts: Mapping[str, bytes] = field(factory=dict, init=False)
    _lock: DeferredLock = field(factory=DeferredLock, init=False)

    async def answer(self, asked: Asked) -> Answer:
        """Return every worker's figures, of the last 15 seconds.

        Raises:
            ProblemError: They are not asked for.
        """
        if not self.settings().worker_metrics:
            why = "it is off: [proxy.web] worker_metrics = true turns it on"
            raise ProblemError(404, why)
        await self._lock.acquire()  # who comes meanwhile hears what is being made
        try:
            if self._made_at is None or self.seconds() - self._made_at >= EVERY:
                sums, more = await self._gather()
                self._texts = await self.run(lambda: texts_of(sums, more))
                self._made_at = self.seconds()
        finally:
            self._lock.release()
        is_open = "application/openmetrics-text" in asked.headers.get("accept", "")
        kind = OPEN if is_open else PLAIN
        return Answer(self._texts[kind], kind, headers={"cache-control": "no-store"})

    async def _gather(self) -> tuple[Sums, int]:
        """Return sums of workers, and how many miners are of those left out."""
        found: Sums = {}
        more = 0
        for site, factory in self.running.factories.items():
            for some in parts(list(factory.roster.miners.values()), AT_ONCE):
                more += _add(found, site, some, Seconds(self.seconds()))
                await self.turn()
        return found, more


def _add(found: Sums, site: str, miners: list[Miner], now: Seconds) -> int:
    """Add miners to their workers' sums; return how many are left out."""
    more = 0
    for miner in miners:
        key = site, next(iter(miner.workers), "")
        if key not in found and len(found) >= MAX_WORKERS:
            more += 1
            continue
        sums = found.setdefault(key, WorkerSums())
        sums.hashrate += miner.meter.rate(now)
        sums.accepted += miner.accepted
        sums.rejected += sum(miner.rejected.values())
        sums.connections += 1
    return more


def texts_of(sums: Sums, more: int) -> dict[str, bytes]:
    """Return the text in both formats.

    Spec: Prometheus text format 0.0.4; OpenMetrics 1.0.
    """
    rows = [(_labels(*key), one) for key, one in sums.items()]
    hashrate = [
        "# HELP baseload_worker_hashrate_hashes_per_second Over five minutes.",
        "# TYPE baseload_worker_hashrate_hashes_per_second gauge",
        *(
            f"baseload_worker_hashrate_hashes_per_second{{{labels}}} {one.hashrate!r}"
            for labels, one in rows
        ),
    ]
    connections = [
        "# HELP baseload_worker_connections Connections of the worker.",
        "# TYPE baseload_worker_connections gauge",
        *(
            f"baseload_worker_connections{{{labels}}} {one.connections}"
            for labels, one in rows
        ),
        "# HELP baseload_workers_left_out Miners of workers that are too many.",
        "# TYPE baseload_workers_left_out gauge",
        f"baseload_workers_left_out {more}",
    ]
    counts = [
        f'baseload_worker_shares_total{{{labels},verdict="{verdict}"}} {count}'
        for labels, one in rows
        for verdict, count in (("accepted", one.accepted), ("rejected", one.rejected))
    ]
    why = "Shares, since its connections began."
    texts = {}
    for kind, suffix, end in ((PLAIN, "_total", []), (OPEN, "", ["# EOF"])):
        name = f"baseload_worker_shares{suffix}"
        head = [f"# HELP {name} {why}", f"# TYPE {name} counter"]
        lines = [*hashrate, *connections, *head, *counts, *end, ""]
        texts[kind] = "\n".join(lines).encode()
    return texts


def _labels(site: str, worker: str) -> str:
    return f'site="{site.translate(_ESCAPES)}",worker="{worker.translate(_ESCAPES)}"'
