"""`[cluster]`: several proxies, one site, one budget."""

from collections.abc import Iterable, Iterator, Sequence
from hashlib import blake2b
from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from proxy.config.fields import Name, NotNegative, Positive, Section
from proxy.config.power import MeterUrl, PowerConfig
from proxy.config.secret import Secret

CLUSTER = "cluster"
"""What the order comes from that a grant is: no signal may be called so."""

MAX_CLUSTER_SITES = 16
"""Each is a candidate of its own, and a look at the database each `poll_s`."""

URL_SCHEMES = ("postgresql://", "postgres://")


class ClusterSiteConfig(Section, frozen=True, kw_only=True):
    """`[[cluster.sites]]`: the same on every member; who differs is granted nothing.

    Attributes:
        name: What halls are a `part_of`.
        budget_w: Contract envelope of all halls together: no order goes above it.
        fail_safe_w: The most that their floors may be together.
        meter: Of the whole site, read by the leader, which grants less while it shows
            more than the budget; `model`: there is none.
    """

    name: Name
    budget_w: Positive
    fail_safe_w: NotNegative
    meter: MeterUrl = "model"

    @property
    def digest(self) -> str:
        """Tells whether two members mean the same site."""
        return blake2b(msgspec.json.encode(self), digest_size=8).hexdigest()


class ClusterConfig(Section, frozen=True, kw_only=True):
    """`[cluster]`: where the halls of a site meet; without it each is by itself.

    Attributes:
        url: Of PostgreSQL, `postgresql://user@a,b/name`, with all that libpq takes:
            several hosts, TLS and its files.
        member: What the hall is called there; None: `[proxy] name`.
        ship: What `baseload ship` copies upward: sums by minute, or single shares,
            too.
        poll_s: How often it says what it needs, and looks who leads.
        ttl_s: How long a grant holds, from when its hall asked.
        lease_s: How long a leader may be silent. `lease_s + 6 poll_s` is below
            `ttl_s`, or grants lapse when a leader dies.
    """

    url: Secret
    member: Name | None = None
    ship: Literal["work", "shares", "off"] = "work"
    poll_s: Annotated[float, Meta(ge=0.1, le=60)] = 1.0
    ttl_s: Annotated[float, Meta(ge=1, le=600)] = 10.0
    lease_s: Annotated[float, Meta(ge=0.3, le=300)] = 3.0
    sites: Annotated[
        tuple[ClusterSiteConfig, ...], Meta(max_length=MAX_CLUSTER_SITES)
    ] = ()

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
    if cluster is not None:
        yield from _own_faults(cluster, sites)
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
