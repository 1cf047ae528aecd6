"""What is shown and asked of a cluster: the `cluster.*` methods."""

from collections.abc import Callable
from typing import Any

from msgspec import Raw

from proxy.admin.power import SiteName, ask_controller
from proxy.cluster.ship_told import Shipped
from proxy.supervisor.child_link import ControllerLink


class ClusterOperations:
    """What may be asked of the cluster that the controller takes part in."""

    def __init__(self, link: Callable[[], ControllerLink | None]) -> None:
        self._link = link

    async def status(self) -> Raw:
        """Return each site of several halls: its members, grants, leader."""
        return await ask_controller(self._link(), "cluster.status")

    async def leave(self, member: SiteName) -> Raw:
        """Forget a member that is known to be off."""
        return await ask_controller(self._link(), "cluster.leave", member=member)


def cluster_of(
    link: ControllerLink | None, shipped: Shipped | None
) -> dict[str, Any] | None:
    """Return the site that our halls are part of, and how far the ledger was copied.

    None: there is no cluster, or neither has said anything yet.
    """
    sites = link.cluster if link is not None else []
    if not sites and shipped is None:
        return None
    copied: dict[str, Any] = {"ship_lag_s": None, "ship_fault": "", "ship_gaps": []}
    if shipped is not None:
        copied = {
            "ship_lag_s": shipped.lag_s,
            "ship_fault": shipped.fault,
            "ship_gaps": shipped.gaps,
        }
    return {**(sites[0] if sites else {}), **copied}
