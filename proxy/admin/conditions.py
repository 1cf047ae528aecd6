"""What an operator must know, read from what `status` shows.

Each kind has one severity, and a time for which it must hold; both are chosen so that
a switch of pools, a restart of a node or a step of the budget is no alarm.
"""

from collections import deque
from collections.abc import Callable, Iterator
from typing import Any

from attrs import define, field, frozen

from protocol.units import Seconds
from proxy.admin.views import SiteView, StatusView
from proxy.alerts.alarm import Condition, Severity

WINDOW = Seconds(300.0)
"""Over which rates and losses are looked at: 90 shares of a miner at the default."""

OVER_BUDGET_AFTER = Seconds(30.0)
"""A step down is carried out within 30 s (ramps and machines' own time)."""

OVER_MODEL_AFTER = Seconds(165.0)
"""Likewise where no meter says what is drawn: who can only be parked counts at full
power for 135 s, the longest that a machine goes on without work."""

UNHEARD_FOR = Seconds(60.0)
"""After a start, until those who must speak are missed: they speak within their lease,
which is 30 s if not said otherwise."""

CLUSTER_DOWN_AFTER = Seconds(30.0)
"""Halls are at their floors after 10 s; a failover of PostgreSQL takes 20 to 30 s."""

SHIP_LATE_AFTER = Seconds(900.0)
"""Sums of an hour are whole 5 min after it; a restart of the database is no alarm."""

NO_WORK_AFTER = Seconds(15.0)  # a failover takes seconds
SOURCE_DOWN_AFTER = Seconds(60.0)  # a restart of a pool's server or of a node

HIGH_REJECTS = 0.05
"""Of all shares; a well-kept site has less than 1 % (stale ones at a block)."""

LEAST_SHARES = 100
"""Below so many a part of them says nothing."""

MANY_LOST = 0.1
"""Of the connected miners, within the window: a switch or a breaker, not a machine."""

LEAST_LOST = 3
"""Of a small site one machine is more than a tenth."""


@frozen
class _Look:
    """A site's sums at a moment.

    Attributes:
        rejected: But of those who were parked: that their job is over is our doing.
    """

    at: Seconds
    accepted: int
    rejected: int
    lost: int
    connected: int


def _cluster(cluster: dict[str, Any]) -> Iterator[Condition]:
    """Yield what is wrong with our part in a cluster."""
    after = CLUSTER_DOWN_AFTER
    if why := cluster.get("fault"):
        yield Condition("cluster_refused", "", Severity.CRITICAL, str(why))
    if (cluster.get("answered_s") or 0.0) >= after:
        text = "the cluster's database does not answer: halls are at their floors"
        yield Condition("cluster_away", "", Severity.CRITICAL, text)
    if (cluster.get("ship_lag_s") or 0.0) >= SHIP_LATE_AFTER or cluster.get(
        "ship_fault"
    ):
        text = f"the ledger is not copied upward: {cluster.get('ship_fault') or 'late'}"
        yield Condition("ship_late", "", Severity.WARNING, text, (), SHIP_LATE_AFTER)
    if gaps := cluster.get("ship_gaps"):
        text = f"rows were lost before they were copied: {gaps[-1]}"
        yield Condition("ship_gap", "", Severity.CRITICAL, text)


@define(eq=False, repr=False)
class Conditions:
    """Compares what `status` shows with what it showed five minutes ago.

    Attributes:
        status: Returns it.
    """

    status: Callable[[], StatusView]
    now: Callable[[], Seconds]
    _looks: dict[str, deque[_Look]] = field(factory=dict, init=False)
    _blocks: int | None = field(default=None, init=False)
    _unrecorded: int = field(default=0, init=False)

    def look(self) -> Iterator[Condition]:
        """Yield all that holds now; call each second."""
        status = self.status()
        yield from self._process(status)
        for site in status.sites:
            yield from _power(site, Seconds(status.uptime_s))
            if not site.draining:
                yield from self._shares(site)
        self._looks = {
            site.name: self._looks[site.name]
            for site in status.sites
            if site.name in self._looks
        }

    def _process(self, status: StatusView) -> Iterator[Condition]:
        if status.ledger != "ok":
            text = f"the ledger is {status.ledger}: {status.ledger_reason}"
            yield Condition("ledger_degraded", "", Severity.CRITICAL, text)
        if status.unrecorded > self._unrecorded:
            text = f"{status.unrecorded} rows could not be kept by the ledger"
            yield Condition("ledger_lost_rows", "", Severity.CRITICAL, text)
        self._unrecorded = status.unrecorded
        full = tuple(limit.name for limit in status.limits if limit.reached)
        if full:
            text = "a limit is reached, no more are let in"
            yield Condition("limit_reached", "", Severity.WARNING, text, full)
        yield from self._sources(status)
        yield from _cluster(status.cluster or {})
        if self._blocks is not None and status.blocks.found > self._blocks:
            yield Condition("block_found", "", Severity.INFO, "a block was found")
        self._blocks = status.blocks.found

    def _sources(self, status: StatusView) -> Iterator[Condition]:
        pools = tuple(
            pool.name
            for pool in status.pools
            if pool.state in {"connecting", "refused", "left"}
        )
        nodes = tuple(node.name for node in status.nodes if node.state != "up")
        silent = tuple(p.name for p in status.pools if p.unanswered_s is not None)
        if silent:
            text = "a pool is silent, and shares wait for its answers"
            yield Condition("pool_silent", "", Severity.WARNING, text, silent)
        for kind, what, names in (
            ("pool_down", "a pool gives no work that can be used", pools),
            ("node_down", "a node is not up", nodes),
        ):
            if names:
                yield Condition(
                    kind, "", Severity.WARNING, what, names, SOURCE_DOWN_AFTER
                )

    def _shares(self, site: SiteView) -> Iterator[Condition]:
        then, now = self._then_and_now(site)
        if site.source is None and site.miners.connected:
            text = "no source has work: machines hash for nothing, or rest"
            yield Condition(
                "no_work", site.name, Severity.CRITICAL, text, (), NO_WORK_AFTER
            )
        accepted = now.accepted - then.accepted
        rejected = now.rejected - then.rejected
        total = accepted + rejected
        if total >= LEAST_SHARES and rejected > HIGH_REJECTS * total:
            text = f"{rejected / total:.1%} of the shares of 5 minutes are rejected"
            yield Condition("rejects_high", site.name, Severity.WARNING, text)
        if now.lost > then.lost:
            text = f"{now.lost - then.lost} shares of 5 minutes reached no pool"
            yield Condition("shares_lost", site.name, Severity.WARNING, text)
        at_work = site.miners.connected - site.miners.parked
        if not accepted and at_work and now.at - then.at >= WINDOW:
            text = f"no share accepted in 5 minutes, {at_work} miners have work"
            yield Condition("no_shares", site.name, Severity.CRITICAL, text)
        gone = then.connected - now.connected
        if gone >= LEAST_LOST and gone > MANY_LOST * then.connected:
            text = f"{gone} of {then.connected} miners left within 5 minutes"
            yield Condition("miners_lost", site.name, Severity.WARNING, text)

    def _then_and_now(self, site: SiteView) -> tuple[_Look, _Look]:
        shares, now = site.shares, self.now()
        look = _Look(
            now,
            shares.accepted,
            sum(shares.rejected.values()) - sum(shares.parked_rejected.values()),
            sum(shares.lost.values()),
            site.miners.connected,
        )
        looks = self._looks.setdefault(site.name, deque())
        looks.append(look)
        while now - looks[1].at >= WINDOW if len(looks) > 1 else False:
            looks.popleft()
        return looks[0], look


def _power(site: SiteView, uptime: Seconds) -> Iterator[Condition]:
    """Yield what stands of a site's power, as its controller has it."""
    if site.state == "trip":
        text = f"trip: {site.ruled_by}"
        yield Condition("trip", site.name, Severity.CRITICAL, text)
    if site.state == "failsafe":
        # At a start nobody has spoken yet: that is no failure.
        after = UNHEARD_FOR if uptime < UNHEARD_FOR else Seconds(0.0)
        text = site.ruled_by or "fail-safe"
        yield Condition("failsafe", site.name, Severity.CRITICAL, text, (), after)
    if site.state == "hold":
        text = f"somebody who must speak is silent: {site.ruled_by}"
        yield Condition("hold", site.name, Severity.WARNING, text)
    if site.power_w is not None and site.power_w > (site.budget_w or 0.0):
        text = f"{site.power_w:,.0f} W drawn under a budget of {site.budget_w:,.0f} W"
        is_metered = site.power_source == "meter"
        after = OVER_BUDGET_AFTER if is_metered else OVER_MODEL_AFTER
        yield Condition("over_budget", site.name, Severity.CRITICAL, text, (), after)
    if site.alarms:
        kind = "power_alarms"
        yield Condition(
            kind, site.name, Severity.WARNING, site.alarms[0], tuple(site.alarms)
        )


def is_well(status: StatusView) -> bool:
    """Tell whether a heartbeat may say so: the ledger keeps shares, no site trips."""
    return status.ledger == "ok" and all(s.state != "trip" for s in status.sites)
