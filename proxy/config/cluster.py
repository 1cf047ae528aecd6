"""`[cluster]`: several proxies, one site, one budget."""

from collections.abc import Iterable, Iterator, Sequence
from hashlib import blake2b
from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from proxy.config.fields import Name, NotNegative, Positive, Section
from proxy.config.power import MeterUrl, PowerConfig, SignalConfig
from proxy.config.secret import Secret

CLUSTER = "cluster"
"""What the order comes from that a grant is: no signal may be called so."""

MAX_CLUSTER_SITES = 16
"""Each is a candidate of its own, and a look at the database each `poll_s`."""

MAX_SITE_SIGNALS = 16
"""Of a site: each is heard by every member that lists it."""

OF_HALLS = ("price", "signed")
"""Kinds of signal that a site of halls cannot have: prices steer the models of a hall,
and documents are kept in a hall's log."""

POLLS_OF_A_LEASE = 5
"""A site's signal is heard by its leader two polls after it has spoken; three more may
fail."""

URL_SCHEMES = ("postgresql://", "postgres://")


class ClusterSiteConfig(Section, frozen=True, kw_only=True):
    """`[[cluster.sites]]`: the same on every member; who differs is granted nothing.

    Attributes:
        name: What halls are a `part_of`.
        budget_w: Contract envelope of all halls together: no order goes above it.
        fail_safe_w: The most that their floors may be together.
        meter: Of the whole site, read by the leader, which grants less while it shows
            more than the budget; `model`: there is none.
        signals: Who says what the budget of all halls is, as in
            `[[sites.power.signals]]`. Each member that lists them runs them; what they
            say is stored once, and rules whoever leads. `price` and `signed` are of
            halls alone.
    """

    name: Name
    budget_w: Positive
    fail_safe_w: NotNegative
    meter: MeterUrl = "model"
    signals: Annotated[tuple[SignalConfig, ...], Meta(max_length=MAX_SITE_SIGNALS)] = ()

    @property
    def digest(self) -> str:
        """Tells whether two members mean the same site.

        Signals are left out: not every member need run them, nor listen alike.
        """
        same = {name: getattr(self, name) for name in _ALIKE}
        return blake2b(msgspec.json.encode(same), digest_size=8).hexdigest()

    @property
    def as_power(self) -> PowerConfig:
        """The settings of a single site of this budget, meter and signals."""
        return PowerConfig(
            budget_w=self.budget_w,
            fail_safe_w=self.fail_safe_w,
            meter=self.meter,
            signals=self.signals,
        )


_ALIKE = ("name", "budget_w", "fail_safe_w", "meter")


class ClusterConfig(Section, frozen=True, kw_only=True):
    """`[cluster]`: where the halls of a site meet; without it each is by itself.

    Attributes:
        url: Of PostgreSQL, `postgresql://user@a,b/name`, with all that libpq takes:
            several hosts, TLS and its files.
        member: What the hall is called there; None: `[proxy] name`.
        may_lead: It takes over when a leader stands still; a role that may not write
            grants (`cluster admit --follows`) has it false.
        ship: What `baseload ship` copies upward: sums by minute, or single shares,
            too.
        keep_days: Sums by minute and single shares that are older go from the database,
            a day at once; of several members the shortest counts, never less than 7.
        poll_s: How often it says what it needs, and looks who leads.
        ttl_s: How long a grant holds, from when its hall asked.
        lease_s: How long a leader may be silent. `lease_s + 6 poll_s` is below
            `ttl_s`, or grants lapse when a leader dies.
    """

    url: Secret
    member: Name | None = None
    may_lead: bool = True
    ship: Literal["work", "shares", "off"] = "work"
    keep_days: Annotated[int, Meta(ge=7, le=3650)] = 35
    poll_s: Annotated[float, Meta(ge=0.1, le=60)] = 1.0
    ttl_s: Annotated[float, Meta(ge=1, le=600)] = 10.0
    lease_s: Annotated[float, Meta(ge=0.3, le=300)] = 3.0
    sites: Annotated[
        tuple[ClusterSiteConfig, ...], Meta(max_length=MAX_CLUSTER_SITES)
    ] = ()

    @property
    def secrets(self) -> list[Secret]:
        """What no log may show."""
        signals = [signal for site in self.sites for signal in site.signals]
        return [self.url, *(s for signal in signals for s in signal.secrets)]

    def site(self, name: str) -> ClusterSiteConfig | None:
        """Return the site that is called so."""
        return next((site for site in self.sites if site.name == name), None)


def cluster_faults(
    cluster: ClusterConfig | None,
    sites: Sequence[str],
    halls: Iterable[tuple[str, PowerConfig]],
) -> Iterator[str]:
    """Yield each fault as a sentence that ends in its key.

    Args:
        cluster: None: there is no such table.
        sites: Names of `[[sites]]`.
        halls: Power settings of these, each with its key.
    """
    halls = list(halls)
    if cluster is not None:
        yield from _own_faults(cluster, sites)
        parts = {power.part_of for _, power in halls}
        for n, site in enumerate(cluster.sites):
            key = f"$.cluster.sites[{n}].signals"
            if site.signals and site.name not in parts:
                yield f"No [[sites]] here is part_of {site.name!r} - at `{key}`"
            yield from _signal_faults(cluster, site, key)
    for key, power in halls:
        yield from _hall_faults(cluster, power, key)


def _own_faults(cluster: ClusterConfig, sites: Sequence[str]) -> Iterator[str]:
    key = "$.cluster"
    if not cluster.url.startswith(URL_SCHEMES):
        yield f"Expected postgresql://user@host/database - at `{key}.url`"
    least = cluster.lease_s + 6 * cluster.poll_s
    if least >= cluster.ttl_s:
        yield (
            f"Expected more than lease_s + 6 poll_s = {least:g}, or grants lapse when a"
            f" leader dies, got {cluster.ttl_s:g} - at `{key}.ttl_s`"
        )
    names: set[str] = set()
    for n, site in enumerate(cluster.sites):
        if site.name in names:
            yield f"two sites are called {site.name!r} - at `{key}.sites[{n}].name`"
        names.add(site.name)
        if site.name in sites:
            what = f"{site.name!r} is one of [[sites]]: halls have other names"
            yield f"{what} than their site - at `{key}.sites[{n}].name`"
        if site.fail_safe_w > site.budget_w:
            yield (
                f"Expected at most budget_w = {site.budget_w:g}, got"
                f" {site.fail_safe_w:g} - at `{key}.sites[{n}].fail_safe_w`"
            )


def _signal_faults(
    cluster: ClusterConfig, site: ClusterSiteConfig, key: str
) -> Iterator[str]:
    """Yield what is wrong with signals because they are of a site of halls."""
    least = POLLS_OF_A_LEASE * cluster.poll_s
    for n, signal in enumerate(site.signals):
        if signal.kind in OF_HALLS:
            kinds = "schedule, http, modbus, mqtt or openadr3"
            what = f"A signal of kind {signal.kind!r} is of a hall, in"
            yield (
                f"{what} [[sites.power.signals]]; expected {kinds}"
                f" - at `{key}[{n}].kind`"
            )
        elif signal.kind != "schedule" and signal.lease_s < least:
            yield (
                f"Expected {POLLS_OF_A_LEASE} poll_s = {least:g} or more, got"
                f" {signal.lease_s:g} - at `{key}[{n}].lease_s`"
            )


def _hall_faults(
    cluster: ClusterConfig | None, power: PowerConfig, key: str
) -> Iterator[str]:
    if power.part_of is None:
        if power.floor_w is not None:
            yield f"Of a hall that is part_of a site alone - at `{key}.floor_w`"
        return
    if any(signal.source == CLUSTER for signal in power.signals):
        yield f"{CLUSTER!r} is what a hall's grant comes from - at `{key}.signals`"
    site = None if cluster is None else cluster.site(power.part_of)
    if site is None:
        yield f"No [[cluster.sites]] is called {power.part_of!r} - at `{key}.part_of`"
    if power.floor_w is None:
        yield f"Needed of a hall that is part_of a site - at `{key}.floor_w`"
        return
    if power.floor_w > power.fail_safe_w:
        yield (
            f"Expected at most fail_safe_w = {power.fail_safe_w:g}, got"
            f" {power.floor_w:g} - at `{key}.floor_w`"
        )
    if site is not None and power.floor_w > site.fail_safe_w:
        yield (
            f"Expected at most the fail_safe_w of {site.name} = {site.fail_safe_w:g},"
            f" got {power.floor_w:g} - at `{key}.floor_w`"
        )
