"""Which row of a site's fleet describes a machine, and what it says of it."""

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from fnmatch import translate
from ipaddress import (
    IPv4Address,
    IPv4Network,
    IPv6Address,
    IPv6Network,
    ip_address,
    ip_network,
)

from attrs import define, field

from protocol.units import HashesPerSecond, Seconds, Watts
from proxy.config import FleetConfig, PowerConfig, SiteConfig
from proxy.power.machines.fleet import PARKED_DOWN, UNMANAGED
from proxy.power.machines.found import Points
from proxy.power.machines.kinds import FleetKind, Mode, Variant
from proxy.power.machines.models import (
    HASHES_PER_TERAHASH,
    MachineModel,
    Models,
    UnknownModelError,
    find_model,
)
from proxy.power.ports import Login

PARKED_UP = Seconds(30.0)
"""How long a parked machine, its boards powered, takes to be at full speed again."""

API_LAG = Seconds(3.0)
"""From a command until a device has it, and until the meter shows what it did."""

UNKNOWN_IDLE = 0.1
"""Of its watts, what an unknown machine is taken to draw while parked."""

Match = Callable[[str], object]
Network = IPv4Network | IPv6Network


@define(eq=False, repr=False)
class FleetRows:
    """Finds the row of a fleet that describes a machine; the first that fits rules."""

    _rows: Sequence[FleetConfig]
    _tests: list[tuple[Match | None, Network | None]] = field(init=False)

    def __attrs_post_init__(self) -> None:
        # made once: a hall has 20,000 machines, and its fleet may have 100 rows
        self._tests = [
            (
                None if (glob := row.workers) is None else _matcher_of(glob),
                None if row.addresses is None else ip_network(row.addresses),
            )
            for row in self._rows
        ]

    def find(self, worker: str, address: str) -> int | None:
        """Return the number of the row, None if none describes it.

        Args:
            worker: Name that it works under.
            address: Of its peer; that of a Unix socket is in no network.
        """
        number = _address_of(address)
        for row, (matches, network) in enumerate(self._tests):
            if matches is not None and matches(worker):
                return row
            if network is not None and number is not None and number in network:
                return row
        return None


@define(eq=False, repr=False)
class Describer:
    """Finds the row that describes a machine; the first that fits rules."""

    _rows: Sequence[FleetConfig]
    _unknown: FleetKind
    _models: Models | None = None
    _kinds: list[FleetKind] = field(init=False)
    _matcher: FleetRows = field(init=False)

    def __attrs_post_init__(self) -> None:
        self._kinds = [_kind_of(row, self._models) for row in self._rows]
        self._matcher = FleetRows(self._rows)

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
        number = self._matcher.find(worker, address)
        return self._unknown if number is None else self._kinds[number]

    @property
    def joules_per_terahash(self) -> tuple[float, float] | None:
        """Least and most of what its rows describe, at any level; None: they are none.

        At the wall, by the nameplates.
        """
        variants = (v for kind in self._kinds for v in kind.variants.values())
        levels = (point for one in variants for point in one.points)
        found = [w / h * HASHES_PER_TERAHASH for h, w in levels if h > 0]
        return (min(found), max(found)) if found else None


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


def _matcher_of(glob: str) -> Match:
    return re.compile(translate(glob)).match


def _address_of(address: str) -> IPv4Address | IPv6Address | None:
    try:
        return ip_address(address)
    except ValueError:  # a Unix socket has none
        return None


def _kind_of(row: FleetConfig, models: Models | None) -> FleetKind:
    model = find_model(row.model, models=models)
    parked = _scaled(model.points(sleeps=False), row.hash_scale)
    variants = {Mode.PARKED: Variant(parked, PARKED_DOWN, min(PARKED_UP, model.t_up_s))}
    if row.has_api:
        variants |= _api_variants(model, row.hash_scale)
    return FleetKind(
        name=model.name,
        has_api=row.has_api,
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
