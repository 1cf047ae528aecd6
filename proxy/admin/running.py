"""The share process as operators see and steer it."""

from collections.abc import Callable, Sequence
from typing import Protocol

from protocol.units import Seconds, UnixTime
from proxy.admin.by_hand import ByHand
from proxy.alerts.service import Alerts
from proxy.cluster.ship_told import Shipped
from proxy.config import Config
from proxy.downstream.connection import SiteFactory
from proxy.downstream.fast.choice import EngineChoice
from proxy.node.service import NodeService
from proxy.node.source import NodeSource
from proxy.runtime.limits import Limit
from proxy.shares.ledger import SqliteLedger
from proxy.shares.record import Recorder
from proxy.supervisor.child_link import ControllerLink
from proxy.upstream.pool import Pool


class Limits(Protocol):
    """What the process can hold."""

    def all(self) -> list[Limit]:
        """Return every limit as it is now."""


class Changed(Protocol):
    """What a reload changes."""

    @property
    def key(self) -> str:
        """Where in the file."""

    @property
    def kind(self) -> str:
        """`live`, `rebuild` or `restart`."""

    @property
    def what(self) -> str:
        """In words."""


class Running(Protocol):
    """The parts of the share process that are shown and steered."""

    @property
    def config(self) -> Config:
        """As loaded."""

    @property
    def factories(self) -> dict[str, SiteFactory]:
        """Sites by name."""

    @property
    def pools(self) -> dict[str, Pool]:
        """Pools by name."""

    @property
    def nodes(self) -> dict[str, NodeService]:
        """Nodes by name."""

    @property
    def node_sources(self) -> dict[str, NodeSource]:
        """The same nodes, as sources of work."""

    @property
    def instance(self) -> int:
        """Tells the process from others that mine on the same nodes."""

    @property
    def ledger(self) -> SqliteLedger:
        """The ledger."""

    @property
    def recorder(self) -> Recorder:
        """The intake of shares."""

    @property
    def engine(self) -> EngineChoice:
        """Which share engine it runs with."""

    @property
    def wall_clock(self) -> Callable[[], UnixTime]:
        """What time it is."""

    @property
    def limits(self) -> Limits:
        """What the process can hold."""

    @property
    def started_at(self) -> Seconds:
        """When the process began."""

    @property
    def by_hand(self) -> ByHand:
        """What operators hold until they end it."""

    @property
    def alerts(self) -> Alerts:
        """The alarms that stand, and who is told."""

    @property
    def log_level(self) -> str:
        """The least level that is logged."""

    @property
    def power(self) -> ControllerLink | None:
        """The site controller; None where no site has power settings."""

    @property
    def shipped(self) -> Shipped | None:
        """How far the ledger was copied upward; None: nobody copies it."""

    async def reload(self, *, dry_run: bool = False) -> Sequence[Changed]:
        """Read the configuration again; return what changed.

        Raises:
            Refused: It cannot be taken on.
            ConfigError: It cannot be used.
        """
