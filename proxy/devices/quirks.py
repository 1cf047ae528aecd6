"""What each maker's firmware can do, and where its word is not to be taken.

From pyasic 0.79's backends: most report `is_mining` true for ever where firmware does
not say, so that sleep has to be inferred from watts and hashes.
"""

from collections.abc import Iterable
from typing import Literal

from attrs import frozen

from protocol.units import HashesPerSecond, Seconds, Watts
from proxy.power.ports import DEVICE_DEADLINE, SLOWEST_ANSWER

_SLOW = Seconds(10.0)
"""Of most firmware: a command takes several connections, or a restart of its miner."""


LIMIT_DEADLINE = _SLOW
"""Of a limit to any firmware: LuxOS, whose sleep is one connection, needs five."""


@frozen
class Quirks:
    """What to expect of the machines of one firmware.

    Attributes:
        firmware: For messages.
        can_sleep: It has a command to stop and one to go on.
        can_limit: It takes a power limit in watts.
        tells_sleep: Its `is_mining` can be believed.
        sleeps_below_w: Of one that does not tell: asleep where it draws less and
            finds nothing. Asleep the catalogue has 25 to 100 W, idle 132 and up.
        has_session: Its commands need a token that it may forget (LuxOS).
        writes_whole: A command writes its whole configuration (stock Antminers, and
            Hiveon, which has their web API).
        has_selector: It sleeps by a mode among others of its configuration (MaraFW).
        has_power_modes: A limit is a mode beside those that owners choose (Auradine).
        has_verdict: Its answer to a limit says whether it takes it (Whatsminer).
        has_presets: Its limits are presets that it has tuned (VNish).
        says_why: Whose way of saying why it refuses to sleep is read (`said_why`).
        answers_within: A command to it has been answered by then, or never is.
    """

    firmware: str
    can_sleep: bool = True
    can_limit: bool = True
    tells_sleep: bool = True
    sleeps_below_w: Watts = Watts(120.0)  # noqa: RUF009  (a NewType is no call)
    has_session: bool = False
    writes_whole: bool = False
    has_selector: bool = False
    has_power_modes: bool = False
    has_verdict: bool = False
    has_presets: bool = False
    says_why: Literal["", "epic", "whatsminer"] = ""
    answers_within: Seconds = _SLOW


_UNKNOWN = Quirks("unknown firmware", can_sleep=False, can_limit=False)

_FANS_W = Watts(250.0)
"""Whatsminers leave their fans on."""

QUIRKS: dict[str, Quirks] = {
    "LUXMiner": Quirks(
        "LuxOS", tells_sleep=False, has_session=True, answers_within=DEVICE_DEADLINE
    ),
    "BTMinerV2": Quirks(
        "Whatsminer v2",
        tells_sleep=False,
        sleeps_below_w=_FANS_W,
        has_verdict=True,
        says_why="whatsminer",
    ),
    "BTMinerV3": Quirks(
        "Whatsminer v3", tells_sleep=False, sleeps_below_w=_FANS_W, has_verdict=True
    ),
    "BOSer": Quirks("Braiins OS"),
    # its limit writes the whole bosminer.toml: pools were lost (hass-miner 380, 553)
    "BOSMiner": Quirks("Braiins OS, BOSminer", can_limit=False),
    "VNish": Quirks("VNish", has_presets=True),
    "ePIC": Quirks("ePIC", can_limit=False, says_why="epic"),
    "Auradine": Quirks("Auradine", has_power_modes=True),
    # its watts are always None; its limit writes a configuration without a good read
    "MaraMiner": Quirks("MaraFW", can_limit=False, has_selector=True),
    "AvalonMiner": Quirks("Avalon", can_limit=False, tells_sleep=False),
    "HiveonModern": Quirks("Hiveon", can_limit=False, writes_whole=True),
    "GoldshellMiner": Quirks("Goldshell", can_limit=False, tells_sleep=False),
    "AntminerOld": Quirks("Antminer stock, old", can_sleep=False, can_limit=False),
    "ESPMiner": Quirks("ESP-Miner", can_sleep=False, can_limit=False),
    "AntminerModern": Quirks(
        "Antminer stock",
        can_limit=False,
        writes_whole=True,
        answers_within=SLOWEST_ANSWER,
    ),
}
"""By the name of pyasic's backend class. What is not here is never commanded."""


def quirks_of(classes: Iterable[str]) -> Quirks:
    """Return the quirks of a pyasic machine.

    Args:
        classes: The names of its class and bases, nearest first.
    """
    return next((QUIRKS[name] for name in classes if name in QUIRKS), _UNKNOWN)


def is_asleep(
    quirks: Quirks,
    *,
    is_mining: bool | None,
    power_w: Watts | None,
    hashrate_hs: HashesPerSecond | None,
) -> bool | None:
    """Return whether a machine sleeps, None if it cannot be told."""
    if hashrate_hs is not None and hashrate_hs > 0:
        return False
    if quirks.tells_sleep:
        return None if is_mining is None else not is_mining
    if power_w is None:
        return None
    return power_w < quirks.sleeps_below_w
