"""`/metrics`: the numbers of `status` for Prometheus, in base units.

Their number is the configuration's: no label names a worker, an address or a job.
"""

from collections.abc import Iterator

from attrs import field, frozen
from prometheus_client import CollectorRegistry
from prometheus_client.core import InfoMetricFamily
from prometheus_client.exposition import choose_encoder
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector
from typing_extensions import override

from protocol.units import Seconds
from proxy.admin.operations import Operations
from proxy.admin.running import Running
from proxy.admin.source_views import PoolView
from proxy.admin.views import SiteView, StatusView
from proxy.power.control.safety import SafetyState
from proxy.supervisor.questions import AskRefusedError
from proxy.web.answers import Answer
from proxy.web.asked import Asked
from proxy.web.cluster_metrics import of_cluster
from proxy.web.families import counters, gauge, gauges
from proxy.web.health import Health
from proxy.web.inner_metrics import InnerFigures, SiteLeases, decode_leases
from proxy.web.routes import Handler
from proxy.web.stream import Streams

SITE_STATES = tuple(state.value for state in SafetyState)
WINDOWS = (("1m", "m1"), ("5m", "m5"), ("1h", "h1"), ("24h", "h24"))

Rows = list[tuple[list[str], float]]

LEASES_WITHIN = Seconds(1.0)
"""What a controller may take to tell of leases: a scrape waits for it."""


@frozen(eq=False)
class Figures(Collector):
    """Tells prometheus_client all there is at this moment."""

    running: Running
    operations: Operations
    health: Health
    streams: Streams
    inner: InnerFigures
    leases: list[SiteLeases] = field(factory=list)

    @override
    def collect(self) -> Iterator[Metric]:
        """Yield every family."""
        status = self.operations.status()
        info = {"version": status.version, "engine": status.engine}
        yield InfoMetricFamily("baseload_build", "Which program runs.", value=info)
        yield gauge("ledger_degraded", "1: shares are not kept.", status.ledger != "ok")
        yield gauge("web_viewers", "Streams that are open.", len(self.streams))
        late = self.health.lateness
        yield gauge("reactor_late_seconds", "How late the last second was.", late)
        has_link = self.running.power is not None
        heard = bool(self.running.power and self.running.power.figures)
        if has_link:
            yield gauge("controller_up", "1: the site controller speaks.", heard)
        yield from _of_sites(status.sites)
        yield from _of_pools(status.pools)
        yield from _of_work(status)
        yield from of_cluster(status.cluster or {})
        yield from self.inner.families(self.leases)

    async def ask(self) -> None:
        """Ask the controller for what it alone knows."""
        found: list[SiteLeases] = []
        if self.running.power is not None:
            try:
                asked = await self.running.power.ask("power.show", {}, LEASES_WITHIN)
                found = decode_leases(asked)
            except AskRefusedError:  # it is on its way, or hangs
                pass
        self.leases[:] = found


def metrics_of(figures: Figures) -> Handler:
    """Return what answers `/metrics`."""
    registry = CollectorRegistry(auto_describe=False)
    registry.register(figures)

    async def answer(asked: Asked) -> Answer:
        await figures.ask()
        encode, kind = choose_encoder(asked.headers.get("accept", ""))
        body: bytes = encode(registry)
        return Answer(body, kind, headers={"cache-control": "no-store"})

    return answer


def _of_sites(sites: list[SiteView]) -> Iterator[Metric]:
    yield from _of_power([site for site in sites if site.state is not None])
    yield from _of_hash(sites)


def _of_power(held: list[SiteView]) -> Iterator[Metric]:
    yield gauges(
        "site_power_watts",
        "Watts drawn, and whose word that is.",
        ("site", "source"),
        [
            ([s.name, s.power_source or ""], s.power_w)
            for s in held
            if s.power_w is not None
        ],
    )
    yield gauges(
        "site_budget_watts",
        "Watts that may be drawn.",
        ("site",),
        [([s.name], s.budget_w) for s in held if s.budget_w is not None],
    )
    yield gauges(
        "site_cap_hashes_per_second",
        "Hashrate that the budget allows.",
        ("site",),
        [([s.name], s.cap_hs) for s in held if s.cap_hs is not None],
    )
    yield gauges(
        "site_state",
        "1: the site's power is in this state.",
        ("site", "state"),
        [([s.name, one], s.state == one) for s in held for one in SITE_STATES],
    )
    yield gauges(
        "site_alarms",
        "Alarms of the site's power that stand.",
        ("site",),
        [([s.name], len(s.alarms or ())) for s in held],
    )


def _of_hash(sites: list[SiteView]) -> Iterator[Metric]:
    yield gauges(
        "site_hashrate_hashes_per_second",
        "Hashrate that accepted shares prove.",
        ("site", "window"),
        [
            ([s.name, name], getattr(s.hashrate_hs, key))
            for s in sites
            for name, key in WINDOWS
        ],
    )
    yield gauges(
        "site_miners",
        "Miners; connected ones are active, parked or neither.",
        ("site", "state"),
        [
            ([s.name, one], getattr(s.miners, one))
            for s in sites
            for one in ("connected", "active", "parked")
        ],
    )
    yield gauges(
        "site_has_work",
        "1: a source has work for it.",
        ("site",),
        [([s.name], s.source is not None) for s in sites],
    )


def _of_pools(pools: list[PoolView]) -> Iterator[Metric]:
    yield gauges(
        "pool_up",
        "1: the pool has work for us.",
        ("pool",),
        [([p.name], p.state == "ready") for p in pools],
    )
    yield gauges(
        "pool_connections",
        "Connections to the pool.",
        ("pool",),
        [([p.name], p.connections) for p in pools],
    )
    yield gauges(
        "pool_job_age_seconds",
        "Since its last job.",
        ("pool",),
        [([p.name], p.last_job_age_s) for p in pools if p.last_job_age_s is not None],
    )
    rows: Rows = [([p.name, "accepted"], p.accepted) for p in pools]
    rows += [([p.name, "rejected"], p.rejected) for p in pools]
    yield counters("pool_shares", "Its verdicts on shares.", ("pool", "verdict"), rows)


def _of_work(status: StatusView) -> Iterator[Metric]:
    rows: Rows = [([s.name, "accepted"], s.shares.accepted) for s in status.sites]
    rows += [
        ([s.name, why], n) for s in status.sites for why, n in s.shares.rejected.items()
    ]
    yield counters("shares", "Shares by our verdict.", ("site", "verdict"), rows)
    yield counters(
        "parked_rejected_shares",
        "Rejected ones of parked miners: they work on an old job until they stop.",
        ("site",),
        [([s.name], sum(s.shares.parked_rejected.values())) for s in status.sites],
    )
    rows = [
        ([s.name, why], n) for s in status.sites for why, n in s.shares.lost.items()
    ]
    yield counters(
        "lost_shares", "Accepted, and no pool was told.", ("site", "reason"), rows
    )
    blocks = status.blocks
    yield counters(
        "blocks",
        "Blocks.",
        ("result",),
        [(["found"], blocks.found), (["accepted"], blocks.accepted)],
    )
    yield gauges(
        "node_height",
        "Height of the node's tip.",
        ("node",),
        [([n.name], n.height) for n in status.nodes if n.height is not None],
    )
    yield gauges(
        "node_up",
        "1: the node answers.",
        ("node",),
        [([n.name], n.state == "up") for n in status.nodes],
    )
