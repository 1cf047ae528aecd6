"""What the share process and the controller say to each other over their link.

Newline-delimited JSON, each message an array that begins with its name. Miners are
numbered by the share process; a number is never used twice in its life.
"""

from typing import Any

import msgspec
from msgspec import Raw, Struct

MAX_LINE_BYTES = 1 << 20
"""A fleet of any size is told in messages of `MAX_ROWS` rows, 750 kB at the most."""

MAX_ROWS = 1000

CLUSTER_TOPIC = "cluster"
"""Of an `EventNotice` that goes to no subscriber: how the cluster stands."""


class Message(Struct, frozen=True, tag=True, array_like=True):
    """One line of the link."""


class Joined(Struct, frozen=True, array_like=True):
    """A miner that has authorised.

    Attributes:
        address: Of its end of the connection, without the port.
        is_parked: It is given no jobs.
    """

    id: int
    worker: str
    address: str
    is_parked: bool


class MinerWork(Struct, frozen=True, array_like=True):
    """What a miner's shares came to since they were last told.

    Attributes:
        shares: Accepted ones.
        work: Sum of their difficulties.
        work2: Sum of the squares of their difficulties.
        parked_work: The part of `work` from its first 135 s of being parked.
        unauthorised_work: Work of shares refused because it was parked for longer.
        stale: Shares refused because their job was over.
    """

    id: int
    shares: int
    work: float
    work2: float
    parked_work: float
    unauthorised_work: float
    stale: int = 0

    @property
    def proves_hashing(self) -> bool:
        """It holds more than stale shares, which anybody can make up."""
        return bool(self.shares or self.unauthorised_work)


class Setup(Message, frozen=True):
    """The first message: the part of the configuration that the controller needs.

    Attributes:
        held: See `HeldMachines`.
    """

    config: Raw
    held: list[str] = []


class FleetReport(Message, frozen=True):
    """The miners of a site: what has changed since the last report.

    Attributes:
        is_whole: Nothing that was told before holds any more.
        parked: Those whose state has changed, with what it is now.
        difficulty: Those whose shares are judged at another difficulty, with what it
            is now; 0: no source has work for it, it may stop at any time.
    """

    site: str
    is_whole: bool
    joined: list[Joined]
    left: list[int]
    parked: list[tuple[int, bool]]
    work: list[MinerWork]
    difficulty: list[tuple[int, float]] = []


class HeldMachines(Message, frozen=True):
    """What operators hold off by hand, at every site: all of it.

    Attributes:
        patterns: See `machines.holds.Holds`.
    """

    patterns: list[str]


class DrainedSites(Message, frozen=True):
    """Sites that are drained: all of them; a hall of a cluster wants nothing then."""

    sites: list[str]


class FailSafe(Message, frozen=True):
    """What the share process did while there was no controller, told to the next.

    Attributes:
        ago_s: When.
        limit_w: What it held the site to.
        parked: The miners that it parked; not all where they are many.
    """

    site: str
    ago_s: float
    limit_w: float
    parked: list[int]


class Ask(Message, frozen=True):
    """A request that wants an `AskAnswer`."""

    id: int
    method: str
    params: dict[str, Any]


class Beat(Message, frozen=True):
    """A sign of life."""


class SiteFigures(Struct, frozen=True):
    """A site's power as status shows it.

    Attributes:
        power_source: Where `power_w` is from: meter, telemetry or model.
        state: normal, hold, failsafe or trip.
        ruled_by: Why the budget is what it is.
        alarms: What stands, a line each; not all where they are many.
        top_ratio: The largest top of a machine, as a part of its nameplate; 1 at least.
    """

    site: str
    budget_w: float
    cap_hs: float
    power_w: float
    power_source: str
    state: str
    ruled_by: str
    alarms: list[str] = []
    top_ratio: float = 1.0


class Figures(Message, frozen=True):
    """Every site's power; also a sign of life."""

    sites: list[SiteFigures]


class ParkMiners(Message, frozen=True):
    """Give these miners no more jobs."""

    site: str
    miners: list[int]


class GrantMiners(Message, frozen=True):
    """Give these miners jobs."""

    site: str
    miners: list[int]


class AskAnswer(Message, frozen=True):
    """What an `Ask` led to.

    Attributes:
        refusal: Why not, a sentence; empty if it was done.
    """

    id: int
    result: Raw
    refusal: str = ""


class EventNotice(Message, frozen=True):
    """Something for those who subscribed to `topic`."""

    topic: str
    value: Raw


Down = Setup | HeldMachines | DrainedSites | FleetReport | FailSafe | Ask | Beat
"""What the controller hears."""

Up = Beat | Figures | ParkMiners | GrantMiners | AskAnswer | EventNotice
"""What the share process hears."""

decode_down = msgspec.json.Decoder(Down).decode
decode_up = msgspec.json.Decoder(Up).decode
