"""Figures that `status` does not show: times, leases, what was decided how often."""

from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import msgspec
from attrs import define, field, frozen
from prometheus_client.metrics_core import Metric

from proxy.admin.running import Running
from proxy.admin.topics import Subscriber, Topics
from proxy.runtime.database_file import beside
from proxy.web.families import counters, gauge, gauges, histogram
from proxy.web.lateness import Lateness

RESULTS = {"order": "accepted", "refused": "refused", "withdraw": "withdrawn"}
"""Kinds of events, and what became of an order by them."""

MAX_SIGNALS = 256
"""Whose leases are shown: 64 sites with four each."""


class SignalLease(msgspec.Struct, frozen=True):
    """A signal of `power.show`."""

    name: str
    lease_left_s: float | None = None


class SiteLeases(msgspec.Struct, frozen=True):
    """A site of `power.show`."""

    site: str
    signals: list[SignalLease] = []


class _Event(msgspec.Struct):
    site: str
    kind: str


class _Notice(msgspec.Struct):
    params: _Event


decode_leases = msgspec.json.Decoder(list[SiteLeases]).decode
_decode_event = msgspec.json.Decoder(_Notice).decode


@define(eq=False, repr=False)
class OrderCounts:
    """Counts orders by site and what became of them, as the event log tells them."""

    topics: Topics
    counts: Counter[tuple[str, str]] = field(factory=Counter, init=False)
    _subscriber: Subscriber = field(init=False)

    def __attrs_post_init__(self) -> None:
        self._subscriber = Subscriber(self._hear)
        self.topics.subscribe(self._subscriber, ("power",))

    def _hear(self, line: bytes) -> None:
        try:
            event = _decode_event(line).params
        except msgspec.ValidationError:
            return  # so many lines were missed
        if result := RESULTS.get(event.kind):
            self.counts[event.site, result] += 1


@frozen(eq=False)
class InnerFigures:
    """Where they are.

    Attributes:
        ledger: The ledger's file.
    """

    running: Running
    orders: OrderCounts
    lateness: Lateness
    ledger: Path

    def families(self, leases: list[SiteLeases]) -> Iterator[Metric]:
        """Yield each family; `leases` as the controller just told them."""
        yield from self._of_times()
        yield from self._of_pools()
        yield from self._of_sites()
        yield from self._of_power(leases)

    def _of_times(self) -> Iterator[Metric]:
        yield histogram(
            "turn_seconds",
            "How late the reactor came to what was due, looked at ten times a second.",
            (),
            [((), self.lateness.times)],
        )
        yield histogram(
            "ledger_commit_seconds",
            "How long a batch of shares took to be on disk.",
            (),
            [((), self.running.recorder.commit_times)],
        )
        yield gauge(
            "wal_bytes", "Size of the ledger's write-ahead log.", _size(self.ledger)
        )

    def _of_pools(self) -> Iterator[Metric]:
        pools = self.running.pools
        yield histogram(
            "pool_latency_seconds",
            "From a share that the pool was sent to its answer.",
            ("pool",),
            [((n,), p.answer_times.histogram) for n, p in pools.items()],
        )
        now = self.running.wall_clock()
        yield gauges(
            "pool_certificate_seconds",
            "Until the TLS certificate ends that the pool showed last.",
            ("pool",),
            [
                ((name,), pool.certificate_until - now)
                for name, pool in pools.items()
                if pool.certificate_until is not None
            ],
        )

    def _of_sites(self) -> Iterator[Metric]:
        sites = self.running.factories
        yield counters(
            "source_switches",
            "How often a site came to mine on a source; none: on no source.",
            ("site", "to"),
            [
                ((site, to or "none"), count)
                for site, one in sites.items()
                for to, count in one.context.board.source_choice.switches.items()
            ],
        )
        totals = self.running.recorder.totals.sites
        tallies = {site: one.context.parking.tally for site, one in sites.items()}
        rows = [((site, "accepted"), totals[site].work) for site in sites]
        rows += [((s, "parked"), tally.parked_work) for s, tally in tallies.items()]
        rows += [((s, "unauthorised"), t.unauthorised_work) for s, t in tallies.items()]
        yield counters(
            "work",
            "Difficulty of shares; parked: the part of accepted that came within 135 s"
            " of parking; unauthorised: of those refused because they came later.",
            ("site", "verdict"),
            rows,
        )

    def _of_power(self, leases: list[SiteLeases]) -> Iterator[Metric]:
        yield counters(
            "orders",
            "Orders, by what became of them.",
            ("site", "result"),
            [(key, count) for key, count in self.orders.counts.items()],
        )
        rows = [
            ((one.site, signal.name), signal.lease_left_s)
            for one in leases
            for signal in one.signals
            if signal.lease_left_s is not None
        ]
        yield gauges(
            "lease_remaining_seconds",
            "Until a signal that says nothing more has lapsed.",
            ("site", "signal"),
            rows[:MAX_SIGNALS],
        )
        yield gauges(
            "alarm_active",
            "1: an alarm of this kind stands.",
            ("site", "kind"),
            [
                ((alarm.site, alarm.kind), 1)
                for alarm in self.running.alerts.standing.all
            ],
        )


def _size(ledger: Path) -> int:
    try:
        return beside(ledger, "-wal").stat().st_size
    except OSError:  # there is none
        return 0
