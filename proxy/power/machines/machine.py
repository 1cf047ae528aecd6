"""Machines, and what the fleet rows of a site say of them."""

import math
from collections.abc import Iterable, Iterator, Sequence
from enum import Enum
from fnmatch import fnmatchcase
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network

from attrs import define, evolve, field, frozen

from protocol.units import HashesPerSecond, Seconds, Watts
from proxy.config import FleetConfig, PowerConfig, SiteConfig
from proxy.power.machines.fleet import PARKED_DOWN, UNMANAGED
from proxy.power.machines.found import Points, is_of_owner, topped
from proxy.power.machines.hashing import Hashing
from proxy.power.machines.models import (
    MachineModel,
    Models,
    UnknownModelError,
    find_model,
)
from proxy.power.ports import NO_LOGIN, Login

PARKED_UP = Seconds(30.0)
"""How long a parked machine, its boards powered, takes to be at full speed again."""

ABSENT_AFTER = Seconds(135.0)
"""A machine without a connection has used up its last job by then."""

LONG_AGO = Seconds(-math.inf)

API_LAG = Seconds(3.0)
"""From a command until a device has it, and until the meter shows what it did."""

MAX_TOPS = 64
"""Variants that a kind keeps for limits that owners set; beyond, each has its own."""

UNKNOWN_IDLE = 0.1
"""Of its watts, what an unknown machine is taken to draw while parked."""


class Mode(Enum):
    """By what means a machine is held now, which decides its levels and timings."""

    TUNED = "tuned"  # device API: slower levels and sleep
    SWITCHED = "switched"  # device API: sleep alone
    PARKED = "parked"  # Stratum alone


class Api(Enum):
    """What the device API of a machine is good for, by what it has shown."""

    OBEYS = "obeys"  # it is commanded through it
    DEFIES = "defies"  # its last command had no effect: parked, until one has
    READS = "reads"  # it has no command to stop: parked from the start


@frozen
class Variant:
    """A machine's levels and timings in one mode."""

    points: Points
    t_down: Seconds
    t_up: Seconds


@frozen(eq=False)
class FleetKind:
    """Machines alike: one fleet row, or all that none describes.

    Attributes:
        has_api: They are commanded through their device API.
        is_known: A row describes them.
        keeps_found: The limit that one is found with is its top.
        row: What the fleet row is known by, for people.
        login: What their device API is shown.
    """

    name: str
    has_api: bool
    is_known: bool
    priority: int
    tenant: str | None
    variants: dict[Mode, Variant]
    keeps_found: bool = True
    row: str = ""
    login: Login = NO_LOGIN
    _topped: dict[tuple[Mode, Watts], Variant] = field(
        factory=dict, init=False, repr=False
    )

    def variant(self, mode: Mode, top_w: Watts | None) -> Variant:
        """Return the levels and timings of a machine, up to a top of its own if any."""
        plain = self.variants[mode]
        if top_w is None or top_w <= plain.points[0][1]:
            return plain
        key = (mode, top_w)
        known = self._topped.get(key)
        if known is None:
            known = evolve(plain, points=topped(plain.points, key[1]))
            if len(self._topped) < MAX_TOPS:
                self._topped[key] = known
        return known

    def owners_limit(self, limit_w: Watts) -> Watts | None:
        """Return a limit that a machine is found with if it is an owner's."""
        is_owners = self.keeps_found and is_of_owner(limit_w, self.full_w)
        return limit_w if is_owners else None

    @property
    def first_mode(self) -> Mode:
        """How a machine is held that has just been seen for the first time."""
        return Mode.TUNED if self.has_api else Mode.PARKED

    @property
    def idle_w(self) -> Watts:
        """Watts awake, without work, by the model."""
        return self.variants[Mode.PARKED].points[0][1]

    @property
    def full_w(self) -> Watts:
        """Watts at full speed by the model."""
        return self.variants[Mode.PARKED].points[-1][1]


@define(eq=False, repr=False)
class Machine:
    """One machine, as far as the columns do not tell.

    Attributes:
        key: What it is known by, in events and in the database: its address; its
            address and worker where it has no device API of its own.
        row: Where it is in the columns.
        miners: Its connections, each with whether it is parked.
        gone_at: When its last connection went; None while it has one.
        is_new: No plan has decided yet whether it may work.
        is_responsive: It did what it was told last; else it counts at full power.
        heard_at: When its device API last answered.
        power_w: What it said then that it draws; None: it does not say.
        limit_w: The power limit in force, as it said; None: it has none.
        is_asleep: As it said; None: it never did, or cannot be told.
        api: What its device API is good for.
        fault: What its last command met with; empty: it did as it was told.
        is_locked_out: It did not take the user name or the password.
        slept_at: When its API was last told to put it to sleep; None: it never was,
            or has been seen at work since.
        limits_from: Until then it is not limited: it would not be.
        parked_at: Since when it has been given no jobs; None: it is given some.
        found_w: The limit that it had when it was first read; None: it said none yet.
        identity: What it says that it is, whatever its address: its MAC; None: it has
            not said, or several say the same.
        top_w: The same where its owner had set it: its top; None: its model's watts.
        hashed_at: When a share of it was last seen.
        kept_debt_h: Its fairness debt as last written down.
        granted_at: Since when it has been given jobs that a source has work for.
        hashing: What its shares prove.
    """

    key: str
    address: str
    worker: str
    kind: FleetKind
    mode: Mode
    row: int
    miners: dict[int, bool] = field(factory=dict)
    gone_at: Seconds | None = None
    is_new: bool = False
    is_responsive: bool = True
    heard_at: Seconds = LONG_AGO
    power_w: Watts | None = None
    limit_w: Watts | None = None
    is_asleep: bool | None = None
    api: Api = Api.OBEYS
    fault: str = ""
    is_locked_out: bool = False
    slept_at: Seconds | None = None
    limits_from: Seconds = LONG_AGO
    parked_at: Seconds | None = None
    found_w: Watts | None = None
    identity: str | None = None
    top_w: Watts | None = None
    hashed_at: Seconds = LONG_AGO
    kept_debt_h: float = 0.0
    granted_at: Seconds = LONG_AGO
    hashing: Hashing = field(factory=Hashing)

    @property
    def has_api(self) -> bool:
        """It is to be commanded through its device API."""
        return self.kind.has_api

    @property
    def has_jobs(self) -> bool:
        """A connection of it is given jobs."""
        return not all(self.miners.values())

    @property
    def may_sleep(self) -> bool:
        """It was told to sleep, and nothing has shown since that it works."""
        return self.slept_at is not None

    @property
    def is_supplied(self) -> bool:
        """It is given jobs, and a source has work for it."""
        return self.hashing.difficulty > 0 and self.has_jobs

    @property
    def variant(self) -> Variant:
        """Its levels and timings now."""
        return self.kind.variant(self.mode, self.top_w)

    @property
    def top(self) -> int:
        """Its highest level."""
        return len(self.variant.points) - 1

    @property
    def seen_at(self) -> Seconds:
        """When it was last connected or reachable, if it is no longer connected."""
        gone_at = LONG_AGO if self.gone_at is None else self.gone_at
        return max(gone_at, self.heard_at)

    def is_absent(self, now: Seconds) -> bool:
        """It is neither connected nor reachable: it can be given nothing."""
        if self.miners or (self.has_api and now - self.heard_at < ABSENT_AFTER):
            return False
        return self.gone_at is not None and now - self.gone_at >= ABSENT_AFTER


@frozen
class Saved:
    """A machine as a restart finds it.

    Attributes:
        changed_s: How long ago it was told to run, or not to.
        debt_h: Hours of full power that it had been curtailed.
        cycles: How often it had been switched in a day.
        found_w: The limit that it had when it was first read.
        identity: What it said that it is.
    """

    key: str
    address: str
    worker: str
    is_running: bool
    changed_s: float
    debt_h: float = 0.0
    cycles: float = 0.0
    found_w: float | None = None
    identity: str | None = None


@define(eq=False, repr=False)
class Describer:
    """Finds the row that describes a machine; the first that fits rules."""

    _rows: Sequence[FleetConfig]
    _unknown: FleetKind
    _models: Models | None = None
    _kinds: list[FleetKind] = field(init=False)
    _networks: list[IPv4Network | IPv6Network | None] = field(init=False)

    def __attrs_post_init__(self) -> None:
        self._kinds = [_kind_of(row, self._models) for row in self._rows]
        self._networks = [
            None if row.addresses is None else ip_network(row.addresses)
            for row in self._rows
        ]

    @classmethod
    def of(
        cls,
        power: PowerConfig,
        rows: Sequence[FleetConfig],
        models: Models | None = None,
    ) -> "Describer":
        """Return a describer for a site.

        Args:
            power: Of the site.
            rows: Of its fleet.
            models: Where to look for machines; None: the shipped catalogue.

        Raises:
            UnknownModelError: A row names a machine that is not in the catalogue.
        """
        return cls(rows, _unknown_kind(Watts(power.unknown_w)), models)

    def kind_of(self, worker: str, address: str) -> FleetKind:
        """Return what a machine of this worker name and peer address is."""
        for row, kind, network in zip(
            self._rows, self._kinds, self._networks, strict=True
        ):
            if row.workers is not None and fnmatchcase(worker, row.workers):
                return kind
            if network is not None and _is_within(address, network):
                return kind
        return self._unknown


def unknown_models(
    sites: Iterable[SiteConfig], models: Models | None = None
) -> Iterator[str]:
    """Yield a sentence for each model of the fleets that is in no table.

    It names the key.
    """
    for s, site in enumerate(sites):
        for f, row in enumerate(site.fleet):
            try:
                where = f"$.sites[{s}].fleet[{f}].model"
                find_model(row.model, where=where, models=models)
            except UnknownModelError as error:
                yield str(error)


def _is_within(address: str, network: IPv4Network | IPv6Network) -> bool:
    try:
        return ip_address(address) in network
    except ValueError:  # a Unix socket has no address
        return False


def _kind_of(row: FleetConfig, models: Models | None) -> FleetKind:
    model = find_model(row.model, models=models)
    parked = _scaled(model.points(sleeps=False), row.hash_scale)
    variants = {Mode.PARKED: Variant(parked, PARKED_DOWN, min(PARKED_UP, model.t_up_s))}
    if row.control == "pyasic":
        variants |= _api_variants(model, row.hash_scale)
    return FleetKind(
        name=model.name,
        has_api=row.control == "pyasic",
        is_known=True,
        priority=row.priority,
        tenant=row.tenant,
        variants=variants,
        keeps_found=row.top == "found",
        row=row.named,
        login=Login(row.username, row.password),
    )


def _api_variants(model: MachineModel, scale: float) -> dict[Mode, Variant]:
    tuned = _scaled(model.points(sleeps=True), scale)
    t_down = Seconds(model.t_down_s + API_LAG)
    t_up = Seconds(model.t_up_s + API_LAG)
    return {
        Mode.TUNED: Variant(tuned, t_down, t_up),
        Mode.SWITCHED: Variant((tuned[0], tuned[-1]), t_down, t_up),
    }


def _scaled(points: Points, scale: float) -> Points:
    return tuple((HashesPerSecond(h * scale), w) for h, w in points)


def _unknown_kind(watts: Watts) -> FleetKind:
    """Return the kind of machines that no row describes: nobody knows their hashrate.

    It counts as none, so that the cap promises no hash that they do not find.
    """
    none = HashesPerSecond(0.0)
    points = ((none, Watts(UNKNOWN_IDLE * watts)), (none, watts))
    return FleetKind(
        name="unknown",
        has_api=False,
        is_known=False,
        priority=UNMANAGED,
        tenant=None,
        variants={Mode.PARKED: Variant(points, PARKED_DOWN, PARKED_UP)},
    )
