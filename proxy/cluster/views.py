"""What operators are shown of a cluster."""

from msgspec import Struct


class ClusterMember(Struct, kw_only=True):
    """A hall of a site.

    Attributes:
        state: `live`, `draining` (it wants nothing), `silent` (nothing new was heard of
            it beyond a grant's life) or `refused`.
        why: Of one that is refused.
        need_w: What it would draw.
        granted_w: What it was granted last.
        held_w: The most that it says it may draw.
        applied: It holds that grant.
        silent_s: For how long nothing new was heard of it here.
        instance: Of its proxy, the number that node coinbases of it begin with.
    """

    name: str
    state: str
    why: str = ""
    life: int
    need_w: int
    granted_w: int
    held_w: int
    floor_w: int
    applied: bool
    silent_s: float
    power_w: float
    budget_w: float
    instance: int
    release: str


class ClusterSignal(Struct, kw_only=True):
    """A signal of a whole site.

    Attributes:
        lease_s: How long it may be silent; null: for ever.
        silent_s: For how long it has been; null: it was never heard.
        orders: Of it in the table.
        said: How it stands, as the one here says; empty: it does not, or is not here.
    """

    name: str
    lease_s: float | None
    silent_s: float | None
    orders: int
    said: str


class ClusterView(Struct, kw_only=True):
    """A site of several halls, as one proxy knows it.

    Attributes:
        leader: Who grants; empty: nobody does.
        is_here: We lead.
        ruled_by: Where `budget_w` comes from.
        trim_w: What the leader grants less, for what the site's meter shows; of the
            leader alone.
        sum_granted_w: Of all newest grants, and of the floors of those who have none.
        answered_s: How long ago the database answered; null: not since the start.
        fault: What is wrong with our own part; empty: nothing.
        ship_lag_s: How old the oldest row is that `baseload ship` has not copied;
            null: it does not run, or has nothing to copy.
    """

    site: str
    leader: str
    is_here: bool
    epoch: int
    budget_w: float
    ruled_by: str
    trim_w: float
    sum_granted_w: int
    members: list[ClusterMember]
    signals: list[ClusterSignal]
    answered_s: float | None
    fault: str = ""
    ship_lag_s: float | None = None
