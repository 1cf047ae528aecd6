"""What a member of a cluster has outside of the database."""

from collections.abc import Callable, Sequence
from pathlib import Path

from attrs import frozen

from proxy.cluster.candidate import SiteMeter
from proxy.config.cluster import ClusterSiteConfig
from proxy.power.ports import SignalSource


@frozen
class Outside:
    """Meters, signals, a folder.

    Attributes:
        meter: Returns what asks the meter of a site.
        signals: Returns the signals of a site, not started, as those of a member.
        folder: Where words of signals are kept until the database has them.
    """

    meter: Callable[[ClusterSiteConfig], SiteMeter]
    signals: Callable[[ClusterSiteConfig, str], Sequence[SignalSource]]
    folder: Path
