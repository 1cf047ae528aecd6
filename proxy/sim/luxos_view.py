"""What a machine shows of itself to LuxOS's device API, and can be told over it."""

from attrs import frozen

TOP_MEGAHERTZ = 545.0


@frozen
class Profile:
    """A profile of a machine: its name, hashes/s and watts by the nameplate."""

    name: str
    hashrate: float
    watts: float


@frozen
class PoolState:
    """A pool slot of a machine."""

    url: str
    user: str
    is_active: bool


@frozen
class LuxosView:
    """What a machine's API shows.

    Attributes:
        power_w: As its supply measures it: without the error of the machine.
        hashrate: Hashes per second.
        top_hashrate: At its nameplate.
        session: The token that commands need; "" while nobody is logged on.
        mac: Of its network interface.
    """

    type: str
    uptime_s: int
    power_w: float
    hashrate: float
    top_hashrate: float
    profiles: tuple[Profile, ...]
    profile: str
    is_asleep: bool
    session: str
    mac: str
    pools: tuple[PoolState, ...] = ()


@frozen
class LuxosCommand:
    """What a caller that showed the right token asks a machine to do."""

    name: str  # curtail, profileset, rebootdevice, logon, logoff
    argument: str = ""


def profiles_of(levels: list[tuple[float, float]]) -> tuple[Profile, ...]:
    """Return LuxOS profiles of (hashes/s, W) levels, slowest first."""
    top = levels[-1][0]
    return tuple(
        Profile(f"{round(TOP_MEGAHERTZ * hashes / top)}MHz", hashes, watts)
        for hashes, watts in levels
    )
