"""What the admin socket answers, as values."""

from typing import Any

from msgspec import Struct

from protocol.work.hashrate import Hashrates
from proxy.admin.source_views import HeldView, NodeView, PoolView
from proxy.runtime.limits import Limit
from proxy.shares.room import Reach


class MinerCounts(Struct):
    """How many miners a site has."""

    connected: int
    active: int
    parked: int


class ShareCounts(Struct):
    """What became of a site's shares since the start.

    Attributes:
        parked_work: Difficulties of accepted shares that came within 135 s of parking.
        unauthorised_work: Of shares refused because they came later than that.
        parked_rejected: The part of `rejected` that came while its miner was parked.
    """

    accepted: int
    rejected: dict[str, int]
    lost: dict[str, int]
    parked_work: float = 0.0
    unauthorised_work: float = 0.0
    parked_rejected: dict[str, int] = {}


class SiteView(Struct):
    """A site; power fields are null where it has no power settings.

    Attributes:
        ruled_by: Why the budget is what it is.
        alarms: Of its power: what stands, a line each; not all where they are many.
        slow_readers: Connections that were closed because their peer did not read.
        tls_failures: Connections that were lost for their TLS: an old version, no
            certificate or a wrong one, no TLS at all.
        draining: It takes no miners until `undrain`.
    """

    name: str
    budget_w: float | None
    cap_hs: float | None
    power_w: float | None
    power_source: str | None
    state: str | None
    ruled_by: str | None
    alarms: list[str] | None
    hashrate_hs: Hashrates
    miners: MinerCounts
    shares: ShareCounts
    source: str | None
    slow_readers: int = 0
    tls_failures: int = 0
    draining: bool = False


class BlockCounts(Struct):
    """Blocks since the start.

    Attributes:
        unlisted: Of those found, how many were too many to be listed one by one.
    """

    found: int
    accepted: int
    unlisted: int = 0


class LimitView(Struct):
    """What the process can hold of something.

    Attributes:
        turned_away: How many were refused for it since the start.
    """

    name: str
    used: int
    most: int
    reached: bool
    turned_away: int

    @classmethod
    def of(cls, limit: Limit) -> "LimitView":
        """Return a limit as clients see it."""
        return cls(
            limit.name, limit.used, limit.most, limit.is_reached, limit.turned_away
        )


class StatusView(Struct):
    """The whole process at a glance.

    Attributes:
        state: `starting` until each site has reached a source, `draining` once all
            sites are being drained, else `running`.
        waits_for: Sources of the sites that have reached none yet.
        ledger_reason: What the disk said, while `ledger` is `degraded`; else empty.
        unrecorded: Rows that the ledger could not keep at all, since the start.
        kept_since: How far back the ledger goes, Unix seconds.
        by_hand: What operators hold until they end it.
        cluster: The site that our halls are part of, as `cluster status` has it; null:
            there is none, or its controller has not spoken.
    """

    version: str
    name: str
    state: str
    waits_for: list[str]
    uptime_s: float
    engine: str
    ledger: str
    ledger_reason: str
    unrecorded: int
    kept_since: Reach
    sites: list[SiteView]
    pools: list[PoolView]
    nodes: list[NodeView]
    blocks: BlockCounts
    limits: list[LimitView]
    by_hand: list[HeldView] = []
    cluster: dict[str, Any] | None = None


class MinerView(Struct):
    """A connected miner.

    Attributes:
        protocol: `sv1`, or `sv2`: then it is one channel of its connection.
        stale_parked: How many of its stale shares came while it was parked.
    """

    id: int
    site: str
    worker: str | None
    workers: int
    address: str
    protocol: str
    user_agent: str
    state: str
    source: str | None
    extranonce1: str | None
    difficulty: float
    version_mask: str
    hashrate_hs: Hashrates
    accepted: int
    rejected: dict[str, int]
    connected_s: float
    last_share_s: float | None
    stale_parked: int = 0


class BanView(Struct):
    """An address or a network that a site refuses.

    Attributes:
        left_s: For how much longer.
    """

    address: str
    site: str
    left_s: float
    why: str


class Done(Struct):
    """What a command did."""

    done: bool
    text: str

    @classmethod
    def held(cls, text: str, why: str) -> "Done":
        """Return what was done, and `why` a restart would forget it, if it would."""
        return cls(True, f"{text}; but a restart forgets it: {why}" if why else text)


class ChangeView(Struct):
    """A change of the configuration.

    Attributes:
        key: Where in the file; rows of a list by name.
        kind: `live`: at once; `rebuild`: something is opened or closed, miners stay;
            `restart`: it cannot be done while running.
    """

    key: str
    kind: str
    what: str


class ReloadView(Struct):
    """What a reload did, or would do.

    Attributes:
        done: It is in force.
    """

    done: bool
    text: str
    changes: list[ChangeView]
