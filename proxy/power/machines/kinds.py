"""What machines alike are: their levels and timings, by what they are held by."""

from enum import Enum

from attrs import evolve, field, frozen

from protocol.units import Seconds, Watts
from proxy.power.machines.found import Points, is_of_owner, topped
from proxy.power.ports import NO_LOGIN, Login

MAX_TOPS = 64
"""Variants that a kind keeps for limits that owners set; beyond, each has its own."""


class Mode(Enum):
    """By what means a machine is held now, which decides its levels and timings."""

    TUNED = "tuned"  # device API: slower levels and sleep
    SWITCHED = "switched"  # device API: sleep alone
    PARKED = "parked"  # Stratum alone


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
