"""What the admin socket answers of pools and nodes, and of what is held by hand."""

from msgspec import Struct

from proxy.admin.text_columns import minute, span
from proxy.node.service import NodeService
from proxy.node.source import NodeSource
from proxy.shares.reader import PoolHour


class HeldView(Struct):
    """What an operator holds by hand until it is ended.

    Attributes:
        kind: `source`: a pool or a node; `machine`: one or several; `site`.
        name: Its name; of machines a glob, perhaps.
        how: `preferred` or `disabled`; machines are `parked`, sites are `drained`.
        since: Unix seconds.
        left_s: After how long it ends by itself; null: when an operator ends it.
    """

    kind: str
    name: str
    how: str
    since: float
    left_s: float | None = None

    @property
    def text(self) -> str:
        """All of it in words."""
        since = f"since {minute(self.since)} UTC"
        until = "until that is ended"
        if self.left_s is not None:
            until = f"for {span(self.left_s)} more"
        return f"{self.kind} {self.name} is {self.how} by hand {since}, {until}"


class LatencyView(Struct):
    """How long a pool took to answer shares in the last ten minutes.

    Attributes:
        p50_s: Half of the answers came within that.
        p99_s: All but one in a hundred did.
    """

    p50_s: float
    p99_s: float


class PoolView(Struct):
    """A pool, and the reason if it is not in use.

    Attributes:
        by_hand: What an operator holds of it; null: nothing.
        next_try_s: Until it is dialled again; null: it is not waited with.
        unanswered_s: How long nothing has come from it though shares wait for answers;
            null: not for so long that it need be told of.
        latency: Null where it answered no share in the last ten minutes.
        switches: How often sites came to mine on it since the start.
        certificate_days: Until its TLS certificate ends; null where there is none, or
            none was seen yet.
    """

    name: str
    state: str
    difficulty: float | None
    accepted: int
    rejected: int
    connections: int
    last_job_age_s: float | None
    url: str
    reason: str
    version_mask: str | None
    extranonce2_size: int | None
    rejects: dict[str, int]
    lost: dict[str, int]
    hours: list[PoolHour] = []
    by_hand: HeldView | None = None
    next_try_s: float | None = None
    unanswered_s: float | None = None
    latency: LatencyView | None = None
    switches: int = 0
    certificate_days: float | None = None


class NodeView(Struct):
    """A Bitcoin node.

    Attributes:
        chain: Its network; None while it is not known.
        reason: Why it is not up, or not mined on; empty if it is.
        instance: What tells our process from others that mine on it.
        prefixes: By site that mines on it: what the free bytes of its coinbases begin
            with, the instance and the site's place in the file, hexadecimal.
        by_hand: What an operator holds of it as a source; null: nothing.
    """

    name: str
    state: str
    height: int | None
    tip: str | None
    chain: str | None = None
    reason: str = ""
    instance: int = 0
    prefixes: dict[str, str] = {}
    by_hand: HeldView | None = None

    @classmethod
    def of(
        cls,
        node: NodeService,
        source: NodeSource,
        instance: int,
        by_hand: HeldView | None,
    ) -> "NodeView":
        """Return how a node is, and what we mine on it with."""
        return cls(
            node.node_name,
            node.state.value,
            node.height,
            node.tip or None,
            node.network,
            node.reason or source.unusable or node.fault,
            instance,
            {site: source.prefixes[site].hex() for site in source.listeners},
            by_hand,
        )
