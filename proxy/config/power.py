"""`[sites.power]`: what a site may draw, and who says so."""

from datetime import time
from pathlib import Path
from typing import Annotated, Literal

from msgspec import Meta, field

from proxy.config.fields import (
    Name,
    NotNegative,
    Positive,
    Section,
    written,
)
from proxy.config.fleet import Priority
from proxy.config.meter import MeterConfig
from proxy.config.secret import Secret

MeterUrl = Annotated[
    str, written(r"^(model|modbus://\S+)$", '"model" or modbus://host:port/unit')
]
HttpUrl = Annotated[
    str, written(r"^https?://[^/\s]+(/\S*)?$", "http://host/path or https://host/path")
]
MAX_NETWORKS = 64
"""Of a signal: a plant has a handful of masters."""

MAX_BROKERS = 2
"""Of a signal: a primary and a secondary one."""

Named = Annotated[str, Meta(min_length=1, max_length=128)]
"""A name in OpenADR."""

POLL_S = 10.0
"""Of `openadr3`: a third of the lease, so that two looks may fail."""

Part = Annotated[float, Meta(ge=0, le=1)]
PolicyId = Annotated[
    str, written(r"^[0-9a-f]{64}$", "64 hexadecimal digits: sha256sum of the file")
]

OPERATOR = "operator"
"""What orders are said to come from that operators give: no signal may be called so."""


TRIP_INPUT = "trip_input"
"""What the order comes from that a tripped contact is: no signal may be called so."""


MAX_ADDERS = 64


class AdderConfig(Section, frozen=True, kw_only=True):
    """`[[sites.power.signals.adders]]`: what is paid beside the price of electricity.

    Attributes:
        per_mwh: For each MWh, in the currency of the price.
        start: From when of each day on, by the clock of `time_zone`; None: all day.
        end: Not in it; at or before start: of the next day.
        days: On which days it begins; empty: on each.
    """

    per_mwh: float
    start: time | None = None
    end: time | None = None
    days: tuple[Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"], ...] = ()


class SignalConfig(Section, frozen=True, kw_only=True):
    """`[[sites.power.signals]]`: who says what the budget is.

    Attributes:
        kind: How it speaks.
        name: What its orders are said to come from; None: its kind.
        lease_s: How long a signal that must keep speaking may be silent; does not
            bind `schedule` and `price`.
        max_age_s: An order that says when it was issued, and did so longer ago, may
            only lower; binds no signal whose words have no time (`modbus`), or speak
            for the time ahead (`schedule`, `price`).
        file: Of `schedule`: TOML or CSV.
        time_zone: Of `schedule`: of times in a CSV file without an offset; None: UTC.
        listen: Of `http` and `modbus`: the endpoint that takes orders.
        token: Of `http`: who shows it may give them.
        map: Of `modbus`: which registers; `sunspec`: model 704, `simple`: for a PLC.
        unit: Of `modbus`: the unit that answers.
        exclusive: Of `modbus`: one master at a time writes.
        allow: Of `modbus`: networks that may connect; needed where the listener is not
            on the loopback interface alone.
        units: Of `modbus`: what one count is; None: W in `sunspec`, kW in `simple`, in
            which it may be `percent` of budget_w too. Of `openadr3`: of values whose
            event and programme say none; None: these are refused. Of `price`: what a
            price is of, `MWh`, `kWh` or `ct/kWh`.
        sign: Of `modbus`: `load` where drawn watts are written positive, `generator`
            where negative.
        brokers: Of `mqtt`: one or two, `mqtt://host[:1883]` or `mqtts://host[:8883]`.
        prefix: Of `mqtt`: topics are PREFIX/SITE/...; None: baseload.
        topic: Of `mqtt`: where orders are published; None: PREFIX/SITE/order.
        username: Of `mqtt`: who we are to the brokers.
        password: Of `mqtt`: shown to them.
        ca_file: Of `mqtt` and `openadr3`: who may have signed the certificates of
            brokers and servers; None: whom the system trusts.
        format: Of `mqtt`: `order` as of `POST /v1/orders`, or `target_timestamp`; of
            `price`: `csv`, `json`, `entsoe-a44` or `openadr3`.
        discovery: Of `mqtt`: Home Assistant is told of the site.
        allow_orders: Of `mqtt`: and shown a number by which it gives orders.
        url: Of `openadr3`: where the utility's server is, `/events` and the like below.
        program: Of `openadr3`: name or id of the programme; None: all that it shows.
        ven_name: Of `openadr3`: what this end node is called there.
        token_url: Of `openadr3`: where an access token is had.
        client_id: Of `openadr3`: shown for it.
        client_secret: Of `openadr3`: shown for it.
        poll_s: Of `openadr3`: between two looks at the events; None: 10. Of `price`:
            at its document; None: 300.
        report_s: Of `openadr3`: between two reports; None: 60.
        simple: Of `openadr3`: parts of budget_w that the levels 0 to 3 of SIMPLE mean;
            None: 1.0, 0.6, 0.2, 0.0.
        notices: Of `openadr3`: `mqtt`: what the server tells its broker calls for a
            look beside poll_s; None: off.
        policy: Of `signed`: a file with the policy that says whose signatures count.
        policy_id: Of `signed`: SHA-256 of that file, by which it is trusted.
        raise_needs: Of `signed`: so many parties must be present for anything to be
            raised; a party is present while its witness cosigns the log; None: 0.
        present_s: Of `signed`: how old its newest cosignature may be; None: 600.
        absent_s: Of `signed`: fewer for so long end what parties allowed; None: never.
        document: Of `price`: a path or an address, of `openadr3` a signal's name;
            `{from}` and `{until}` in it are days around now, `{token}` the token.
        zone: Of `price`: the bidding zone, where a document has several.
        currency: Of `price`: of all its numbers; one that a document states has to be
            the same.
        hashprice: Of `price`: what a PH/s earns in a day; this or `btc_price`.
        btc_price: Of `price`: of one bitcoin in `currency`, a path or an address;
            hashes earn their part of what the first of `[[nodes]]` says that blocks do.
        adders: Of `price`: what is paid beside it.
        hysteresis: Of `price`: part of its breakeven that a price has to be below for a
            model to come back; None: 0.05.
        min_on_s: Of `price`: a model that came back stays for so long; None: 900.
        min_off_s: Of `price`: one that was shed likewise; None: 900.
        on_missing: Of `price`: what holds where nobody says a price: `hold`, the last
            decision; `shed`; `run`; None: `hold`.
        negative: Of `price`: at a price below 0 what earns its costs runs (`run`), or
            nothing (`shed`); None: `run`.
    """

    kind: Literal["schedule", "http", "modbus", "openadr3", "mqtt", "price", "signed"]
    name: Name | None = None
    lease_s: Positive = 30.0
    max_age_s: Positive = 60.0
    file: Path | None = None
    time_zone: Annotated[str, Meta(min_length=1, max_length=64)] | None = None
    listen: str | None = None
    token: Secret | None = None
    map: Literal["sunspec", "simple"] | None = None
    unit: Annotated[int, Meta(ge=0, le=255)] | None = None
    exclusive: bool | None = None
    allow: Annotated[tuple[str, ...], Meta(max_length=MAX_NETWORKS)] = ()
    units: Literal["W", "kW", "MW", "percent", "MWh", "kWh", "ct/kWh"] | None = None
    sign: Literal["load", "generator"] | None = None
    brokers: Annotated[tuple[str, ...], Meta(max_length=MAX_BROKERS)] = ()
    prefix: str | None = None
    topic: str | None = None
    username: Annotated[str, Meta(min_length=1, max_length=256)] | None = None
    password: Secret | None = None
    ca_file: Path | None = None
    format: (
        Literal["order", "target_timestamp", "csv", "json", "entsoe-a44", "openadr3"]
        | None
    ) = None
    discovery: bool | None = None
    allow_orders: bool | None = None
    url: HttpUrl | None = None
    program: Named | None = None
    ven_name: Named | None = None
    token_url: HttpUrl | None = None
    client_id: Named | None = None
    client_secret: Secret | None = None
    poll_s: Annotated[float, Meta(ge=0.5, le=3600)] | None = None
    report_s: Annotated[float, Meta(ge=10, le=86400)] | None = None
    simple: Annotated[tuple[Part, ...], Meta(min_length=4, max_length=4)] | None = None
    notices: Literal["mqtt", "off"] | None = None
    policy: Path | None = None
    policy_id: PolicyId | None = None
    raise_needs: Annotated[int, Meta(ge=0, le=32)] | None = None
    present_s: Annotated[float, Meta(ge=10, le=86_400)] | None = None
    absent_s: Annotated[float, Meta(ge=0, le=31_622_400)] | None = None
    document: Annotated[str, Meta(min_length=1, max_length=1024)] | None = field(
        name="source", default=None
    )
    zone: Annotated[str, Meta(min_length=1, max_length=64)] | None = None
    currency: Annotated[str, Meta(pattern=r"^[A-Z]{3}$")] | None = None
    hashprice: Positive | None = None
    btc_price: Annotated[str, Meta(min_length=1, max_length=1024)] | None = None
    adders: Annotated[tuple[AdderConfig, ...], Meta(max_length=MAX_ADDERS)] = ()
    hysteresis: Annotated[float, Meta(ge=0, le=0.5)] | None = None
    min_on_s: Annotated[float, Meta(ge=0, le=86_400)] | None = None
    min_off_s: Annotated[float, Meta(ge=0, le=86_400)] | None = None
    on_missing: Literal["hold", "shed", "run"] | None = None
    negative: Literal["run", "shed"] | None = None

    @property
    def secrets(self) -> list[Secret]:
        """What no log may show."""
        found = (self.token, self.password, self.client_secret)
        return [secret for secret in found if secret is not None]

    @property
    def source(self) -> str:
        """What its orders are said to come from."""
        return self.name or self.kind

    @property
    def poll_or_default_s(self) -> float:
        """Between two looks."""
        return POLL_S if self.poll_s is None else self.poll_s


class PowerConfig(Section, frozen=True, kw_only=True):
    """`[sites.power]`: the budget, and what holds when nobody speaks.

    Attributes:
        ramp_up_w_per_s: How fast the site may rise, watts a second.
        budget_w: Contract envelope: no order goes above it.
        fail_safe_w: The most the site may draw once a lease has lapsed.
        ramp_down_w_per_s: How fast it goes down; 0: at once.
        meter: `modbus://host[:502]/unit[?model=213&nth=2]`, a SunSpec meter; a table,
            one with plain registers; or `model`: no meter, estimate only.
        unknown_w: A miner that no fleet row describes is counted so.
        firm_priority: From this priority on a trip spares machines, if all of them fit
            the budget; None: it spares none.
        aux_w: What cooling and network draw while no machine runs; None: 1 % of
            budget_w.
        aux_share: What they draw beside, as a part of what the machines draw.
        own_pools: `host` or `host:port` under which devices reach this proxy: any
            other in their pool slots is an alarm. Empty: slots are not looked at.
        relay: URL that is told each second that the site may run; silence means trip.
        relay_token: Shown to it.
        trip_input: `modbus://host[:502]/unit?input=3&trips=open`: a relay contact, a
            discrete input, that trips the site while it is open (or `closed`); None:
            there is none.
        trip_input_s: A contact that cannot be read for so long trips, too.
        part_of: The site of `[[cluster.sites]]` whose budget it shares with other
            halls; None: it has its own.
        floor_w: What it may draw without a grant, and falls to when its last lapses;
            at most `fail_safe_w`.
    """

    budget_w: Positive
    fail_safe_w: NotNegative
    ramp_up_w_per_s: NotNegative = 20_000.0
    ramp_down_w_per_s: NotNegative = 0.0
    meter: MeterUrl | MeterConfig = "model"
    unknown_w: Positive = 4000.0
    firm_priority: Priority | None = None
    aux_w: NotNegative | None = None
    aux_share: Annotated[float, Meta(ge=0, le=1)] = 0.03
    signals: tuple[SignalConfig, ...] = ()
    own_pools: tuple[Annotated[str, Meta(min_length=1, max_length=256)], ...] = ()
    relay: HttpUrl | None = None
    relay_token: Secret | None = None
    trip_input: Annotated[str, Meta(min_length=1, max_length=256)] | None = None
    trip_input_s: Annotated[float, Meta(ge=1, le=60)] = 2.0
    part_of: Name | None = None
    floor_w: NotNegative | None = None

    @property
    def asks_node(self) -> bool:
        """A price signal of it asks a node what a block earns."""
        return any(signal.btc_price is not None for signal in self.signals)

    @property
    def unheard_w(self) -> float:
        """The most that it may draw while nobody says anything."""
        if self.part_of is None or self.floor_w is None:
            return self.fail_safe_w
        return min(self.floor_w, self.fail_safe_w)

    @property
    def has_meter(self) -> bool:
        """The site is metered, not only estimated."""
        return self.meter != "model"

    @property
    def secrets(self) -> list[Secret]:
        """What no log may show."""
        own = [] if self.relay_token is None else [self.relay_token]
        return [*own, *(s for signal in self.signals for s in signal.secrets)]
