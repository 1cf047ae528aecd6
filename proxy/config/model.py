"""The sections of the file: what may stand in each, what each key defaults to."""

from pathlib import Path
from typing import Annotated, Literal

from msgspec import Meta

from proxy.config.alerts import MAX_ALERTS, AlertConfig
from proxy.config.cluster import ClusterConfig
from proxy.config.fields import (
    Count,
    Glob,
    Group,
    Mode,
    Name,
    NotNegative,
    Positive,
    Section,
    written,
)
from proxy.config.fleet import FleetConfig
from proxy.config.machines import ModelConfig
from proxy.config.power import PowerConfig
from proxy.config.secret import Secret
from proxy.config.sources import NodeConfig, PoolConfig
from proxy.config.transparency import TransparencyConfig
from proxy.config.web import WebConfig

Sources = Annotated[list[str], Meta(min_length=1)]

MAX_SITES = 256
"""A site's place in the file is a byte of a coinbase."""


MAX_MODELS = 1000
"""Kinds of machines; there are some hundred on the market."""

MAX_NETWORKS = 1000
"""Looked at for each connection: 1 ms."""

Networks = Annotated[
    tuple[Annotated[str, Meta(min_length=1, max_length=64)], ...],
    Meta(max_length=MAX_NETWORKS),
]
"""Networks in CIDR form, or addresses."""


class LedgerConfig(Section, frozen=True, kw_only=True):
    """`[proxy.ledger]`: the ledger in `state_dir/ledger.sqlite3`.

    Attributes:
        durability: What a share survives that its miner was told of: the death of the
            process, or of the machine.
        keep_shares_s: How long single shares are kept, seconds.
        max_bytes: Of shares and minutes together: beyond it the oldest go first.
    """

    durability: Literal["process", "power"] = "process"
    keep_shares_s: Annotated[float, Meta(ge=3600)] = 86400.0
    max_bytes: Annotated[int, Meta(ge=1_000_000)] = 20_000_000_000


class ProxyConfig(Section, frozen=True, kw_only=True):
    """`[proxy]`: the process itself.

    Attributes:
        name: What it is called in `status`, and to pools.
        state_dir: Where it keeps the ledger, keys and all else that a restart finds.
        admin: Endpoint of the admin socket.
        engine: Who judges shares over plain TCP: C, Python, or C where it was built.
        log_level: From where on lines are written.
        observer: Endpoint of the read-only socket; None: off.
        admin_mode: Permissions of the admin socket, octal.
        admin_group: Whose it is, by name or number; None: the process's.
        observer_mode: Of the observer's: one that its owner alone may open is none.
        observer_group: Whose that is.
        web: Endpoint of the dashboard, or a table that has it as `listen`; None: off.
        instance: Tells it from others that mine on the same nodes; None: a number
            drawn once and kept in `state_dir`.
        engine_threads: Of the native engine, for each site.
        log: How lines of the log are written.
        log_file: Where to; None: to standard error.
        log_max_bytes: What `log_file` may hold before it is moved aside; 0: no end.
        log_keep: How many files that were moved aside are kept.
        transparency: The event log for others to check; None: nobody else sees it.
    """

    name: Name = "baseload"
    state_dir: str = "state"
    admin: str = "unix:state/admin.sock"
    admin_mode: Mode = "0600"
    admin_group: Group | None = None
    observer: str | None = None
    observer_mode: Mode = "0660"
    observer_group: Group | None = None
    web: str | WebConfig | None = None
    instance: Annotated[int, Meta(ge=0, le=65535)] | None = None
    engine: Literal["auto", "native", "python"] = "auto"
    engine_threads: Annotated[int, Meta(ge=1, le=16)] = 1
    log: Literal["text", "json"] = "text"
    log_level: Literal["debug", "info", "warn", "error", "critical"] = "info"
    log_file: str | None = None
    log_max_bytes: Annotated[int, Meta(ge=0)] = 100_000_000
    log_keep: Annotated[int, Meta(ge=0, le=1000)] = 5
    ledger: LedgerConfig = LedgerConfig()
    transparency: TransparencyConfig | None = None

    @property
    def web_settings(self) -> WebConfig | None:
        """Return `[proxy.web]`, also where it is written as its endpoint alone."""
        return WebConfig(listen=self.web) if isinstance(self.web, str) else self.web


class ExtranonceConfig(Section, frozen=True, kw_only=True):
    """`[sites.extranonce]`: how the extranonce of a source is cut.

    Attributes:
        layout: Bytes of the slot that is ours and of the extranonce2 that a miner
            rolls; `auto`: by what the sources leave.
    """

    layout: Annotated[
        str,
        written(r"^(auto|[1-4]\+[1-8])$", 'auto, or bytes of both as in "4+4"'),
    ] = "auto"


class DifficultyConfig(Section, frozen=True, kw_only=True):
    """`[sites.difficulty]`.

    Attributes:
        start: Of a miner that asks for none.
        minimum: The lowest that it is lowered to.
        maximum: The highest that it is raised to.
        shares_per_minute: 0: fixed difficulty.
    """

    start: Positive = 65536.0
    minimum: Positive = 1024.0
    maximum: Positive = 1e12
    shares_per_minute: NotNegative = 18.0


class ListenerConfig(Section, frozen=True, kw_only=True):
    """`[[sites.listeners]]`: a port with a policy of its own.

    Attributes:
        endpoint: Endpoint string of Twisted.
        start: As under `[sites.difficulty]`; None: as the site has it.
        minimum: Likewise.
        maximum: Likewise.
        protocol: What miners speak there; `auto`: either version of Stratum.
        allow: Networks that may come; empty: everybody. Where an address is in some of
            `deny`, too, the smallest network decides.
        deny: Networks that may not.
        proxy_protocol: `required`: balancers come there, and say by the PROXY protocol,
            version 1 or 2, whose connection it is. It is that address that `allow`,
            `deny` and all limits are for.
        trusted: Networks of these balancers; nobody else is taken there.
        client_ca: Authorities, in PEM: who shows no certificate of theirs is not taken.
            Of `ssl:` endpoints; None: nobody is asked for one.
        tls_identity: `must-prefix`: a worker is called as the certificate is, by its
            common name or a DNS name, or so and a dot before what follows.
    """

    endpoint: str
    start: Positive | None = None
    minimum: Positive | None = None
    maximum: Positive | None = None
    protocol: Literal["sv1", "sv2", "auto"] = "sv1"
    allow: Networks = ()
    deny: Networks = ()
    proxy_protocol: Literal["off", "required"] = "off"
    trusted: Networks = ()
    client_ca: Path | None = None
    tls_identity: Literal["any", "must-prefix"] = "any"

    def difficulty(self, site: DifficultyConfig) -> DifficultyConfig:
        """Return what holds on this listener of a site."""
        return DifficultyConfig(
            start=site.start if self.start is None else self.start,
            minimum=site.minimum if self.minimum is None else self.minimum,
            maximum=site.maximum if self.maximum is None else self.maximum,
            shares_per_minute=site.shares_per_minute,
        )


class LimitsConfig(Section, frozen=True, kw_only=True):
    """`[sites.limits]`; 0: no limit, no ban.

    Attributes:
        connections_per_address: At a time.
        ban_s: For so long an address is refused when ten of its connections were
            dropped within a minute for what they sent. Not where machines share one.
        connections: Miners, and connections that may have many, each: beyond it one
            that never had a share accepted makes room.
    """

    connections_per_address: Count = 0
    ban_s: NotNegative = 0.0
    connections: Annotated[int, Meta(ge=1)] = 100_000


class RouteConfig(Section, frozen=True, kw_only=True):
    """`[[sites.routes]]`: workers with sources of their own.

    Attributes:
        workers: Glob on the worker name.
        sources: Pools and nodes for these, best first.
    """

    workers: Glob
    sources: Sources


class SiteConfig(Section, frozen=True, kw_only=True):
    """`[[sites]]`: miners in one place.

    Attributes:
        name: What it is called everywhere.
        listen: Endpoint strings of Twisted.
        sources: Pools and nodes, best first.
        fail_back_s: How long a better source must hold before it is gone back to.
        hold_s: How long the last job stays when no source is left.
        power: None: every miner is granted work.
        places: Where machines are by hand, on the map of the dashboard: a CSV file as
            `baseload places --csv` prints it. It comes before `place` of the fleet.
    """

    name: Name
    listen: tuple[str, ...] = ()
    listeners: tuple[ListenerConfig, ...] = ()
    sources: Sources
    routes: tuple[RouteConfig, ...] = ()
    fail_back_s: NotNegative = 30.0
    hold_s: Positive = 600.0
    extranonce: ExtranonceConfig = ExtranonceConfig()
    difficulty: DifficultyConfig = DifficultyConfig()
    limits: LimitsConfig = LimitsConfig()
    power: PowerConfig | None = None
    fleet: tuple[FleetConfig, ...] = ()
    places: Path | None = None

    @property
    def source_names(self) -> list[str]:
        """Every source of the site and its routes, once."""
        routed = [name for route in self.routes for name in route.sources]
        return list(dict.fromkeys([*self.sources, *routed]))


class Config(Section, frozen=True, kw_only=True):
    """The whole file."""

    proxy: ProxyConfig = ProxyConfig()
    pools: tuple[PoolConfig, ...] = ()
    nodes: tuple[NodeConfig, ...] = ()
    models: Annotated[tuple[ModelConfig, ...], Meta(max_length=MAX_MODELS)] = ()
    alerts: Annotated[tuple[AlertConfig, ...], Meta(max_length=MAX_ALERTS)] = ()
    cluster: ClusterConfig | None = None
    sites: Annotated[list[SiteConfig], Meta(min_length=1, max_length=MAX_SITES)]

    @property
    def secrets(self) -> list[Secret]:
        """Everything that no log may show."""
        found = [p.password for p in self.pools]
        found += [n.password for n in self.nodes if n.password is not None]
        web = self.proxy.web_settings
        if web is not None and web.token is not None:
            found.append(web.token)
        rows = [row for site in self.sites for row in site.fleet]
        found += [row.password for row in rows if row.password]
        found += [secret for alert in self.alerts for secret in alert.secrets]
        if self.cluster is not None:
            found += self.cluster.secrets
        return found + [
            s for site in self.sites if site.power for s in site.power.secrets
        ]
