"""`/metrics`: the numbers of `status` for Prometheus, in base units.

Their number is the configuration's: no label names a worker, an address or a job.
"""

from collections.abc import Callable, Iterator
from typing import Any

from attrs import frozen
from prometheus_client import CollectorRegistry
from prometheus_client.core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    InfoMetricFamily,
)
from prometheus_client.exposition import choose_encoder
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector
from typing_extensions import override

from proxy.admin.operations import Operations
from proxy.admin.running import Running
from proxy.admin.views import PoolView, SiteView, StatusView
from proxy.power.control.safety import SafetyState
from proxy.web.answers import Answer
from proxy.web.asked import Asked
from proxy.web.health import Health
from proxy.web.stream import Streams

SITE_STATES = tuple(state.value for state in SafetyState)
WINDOWS = (("1m", "m1"), ("5m", "m5"), ("1h", "h1"), ("24h", "h24"))

Rows = list[tuple[list[str], float]]


@frozen(eq=False)
class Figures(Collector):
    """Tells prometheus_client all there is at this moment."""

    running: Running
    operations: Operations
    health: Health
    streams: Streams

    @override
    def collect(self) -> Iterator[Metric]:
        """Yield every family."""
        status = self.operations.status()
        info = {"version": status.version, "engine": status.engine}
        yield InfoMetricFamily("baseload_build", "Which program runs.", value=info)
        yield _gauge(
            "ledger_degraded", "1: shares are not kept.", status.ledger != "ok"
        )
        yield _gauge("web_viewers", "Streams that are open.", len(self.streams))
        late = self.health.lateness
        yield _gauge("reactor_late_seconds", "How late the last second was.", late)
        has_link = self.running.power is not None
        heard = bool(self.running.power and self.running.power.figures)
        if has_link:
            yield _gauge("controller_up", "1: the site controller speaks.", heard)
        yield from _of_sites(status.sites)
        yield from _of_pools(status.pools)
        yield from _of_work(status)


def metrics_of(figures: Figures) -> Callable[[Asked], Answer]:
    """Return what answers `/metrics`."""
    registry = CollectorRegistry(auto_describe=False)
    registry.register(figures)

    def answer(asked: Asked) -> Answer:
        encode, kind = choose_encoder(asked.headers.get("accept", ""))
        body: bytes = encode(registry)
        return Answer(body, kind, headers={"cache-control": "no-store"})

    return answer


def _of_sites(sites: list[SiteView]) -> Iterator[Metric]:
    yield from _of_power([site for site in sites if site.state is not None])
    yield from _of_hash(sites)


def _of_power(held: list[SiteView]) -> Iterator[Metric]:
    yield _rows(
        "site_power_watts",
        "Watts drawn, and whose word that is.",
        ("site", "source"),
        [([s.name, s.power_source], s.power_w) for s in held if s.power_w is not None],
    )
    yield _rows(
        "site_budget_watts",
        "Watts that may be drawn.",
        ("site",),
        [([s.name], s.budget_w) for s in held if s.budget_w is not None],
    )
    yield _rows(
        "site_cap_hashes_per_second",
        "Hashrate that the budget allows.",
        ("site",),
        [([s.name], s.cap_hs) for s in held if s.cap_hs is not None],
    )
    yield _rows(
        "site_state",
        "1: the site's power is in this state.",
        ("site", "state"),
        [([s.name, one], s.state == one) for s in held for one in SITE_STATES],
    )
    yield _rows(
        "site_alarms",
        "Alarms of the site's power that stand.",
        ("site",),
        [([s.name], len(s.alarms or ())) for s in held],
    )


def _of_hash(sites: list[SiteView]) -> Iterator[Metric]:
    yield _rows(
        "site_hashrate_hashes_per_second",
        "Hashrate that accepted shares prove.",
        ("site", "window"),
        [
            ([s.name, name], getattr(s.hashrate_hs, key))
            for s in sites
            for name, key in WINDOWS
        ],
    )
    yield _rows(
        "site_miners",
        "Miners; connected ones are active, parked or neither.",
        ("site", "state"),
        [
            ([s.name, one], getattr(s.miners, one))
            for s in sites
            for one in ("connected", "active", "parked")
        ],
    )
    yield _rows(
        "site_has_work",
        "1: a source has work for it.",
        ("site",),
        [([s.name], s.source is not None) for s in sites],
    )


def _of_pools(pools: list[PoolView]) -> Iterator[Metric]:
    yield _rows(
        "pool_up",
        "1: the pool has work for us.",
        ("pool",),
        [([p.name], p.state == "ready") for p in pools],
    )
    yield _rows(
        "pool_connections",
        "Connections to the pool.",
        ("pool",),
        [([p.name], p.connections) for p in pools],
    )
    yield _rows(
        "pool_job_age_seconds",
        "Since its last job.",
        ("pool",),
        [([p.name], p.last_job_age_s) for p in pools if p.last_job_age_s is not None],
    )
    rows: Rows = [([p.name, "accepted"], p.accepted) for p in pools]
    rows += [([p.name, "rejected"], p.rejected) for p in pools]
    yield _counts("pool_shares", "Its verdicts on shares.", ("pool", "verdict"), rows)


def _of_work(status: StatusView) -> Iterator[Metric]:
    rows: Rows = [([s.name, "accepted"], s.shares.accepted) for s in status.sites]
    rows += [
        ([s.name, why], n) for s in status.sites for why, n in s.shares.rejected.items()
    ]
    yield _counts("shares", "Shares by our verdict.", ("site", "verdict"), rows)
    rows = [
        ([s.name, why], n) for s in status.sites for why, n in s.shares.lost.items()
    ]
    yield _counts(
        "lost_shares", "Accepted, and no pool was told.", ("site", "reason"), rows
    )
    blocks = status.blocks
    yield _counts(
        "blocks",
        "Blocks.",
        ("result",),
        [(["found"], blocks.found), (["accepted"], blocks.accepted)],
    )
    yield _rows(
        "node_height",
        "Height of the node's tip.",
        ("node",),
        [([n.name], n.height) for n in status.nodes if n.height is not None],
    )
    yield _rows(
        "node_up",
        "1: the node answers.",
        ("node",),
        [([n.name], n.state == "up") for n in status.nodes],
    )


def _gauge(name: str, text: str, value: float) -> Metric:
    return GaugeMetricFamily(f"baseload_{name}", text, value=float(value))


def _rows(name: str, text: str, labels: tuple[str, ...], rows: Any) -> Metric:
    family = GaugeMetricFamily(f"baseload_{name}", text, labels=labels)
    for values, value in rows:
        family.add_metric(values, float(value))
    return family


def _counts(name: str, text: str, labels: tuple[str, ...], rows: Rows) -> Metric:
    family = CounterMetricFamily(f"baseload_{name}", text, labels=labels)
    for values, value in rows:
        family.add_metric(values, float(value))
    return family
