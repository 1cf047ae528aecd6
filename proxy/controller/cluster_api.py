"""What operators ask of a cluster: orders for a whole site, and who is in it."""

from proxy.controller.answers import AskError, LeaveResult, OrderResult
from proxy.controller.cluster_part import ClusterPart


def no_cluster_here() -> None:
    """Return that there is no cluster."""


async def set_site(
    cluster: ClusterPart, site: str, watts: float, for_s: float | None, reason: str
) -> OrderResult:
    """Give an order for all halls of a site.

    Raises:
        AskError: It was not taken, or nobody knows.
    """
    from proxy.cluster.session import DatabaseError  # noqa: PLC0415  (an extra)

    try:
        text = await cluster.set(site, watts, for_s, reason)
    except DatabaseError as error:
        raise AskError(f"not ordered: {error}") from error
    return _given(cluster, site, text)


async def clear_site(cluster: ClusterPart, site: str) -> OrderResult:
    """Take back what operators have ordered for a site.

    Raises:
        AskError: There is nothing to take back, or nobody knows what became of it.
    """
    from proxy.cluster.session import DatabaseError  # noqa: PLC0415

    try:
        count = await cluster.clear(site)
    except DatabaseError as error:
        raise AskError(f"not cleared: {error}") from error
    if not count:
        raise AskError(f"no operator's order is in force at {site}")
    return _given(cluster, site, f"{count} orders cleared")


async def leave_cluster(cluster: ClusterPart, member: str) -> LeaveResult:
    """Forget a member that is off: its watts are the others' from then on.

    Raises:
        AskError: It is heard of, is no member, or nobody knows what became of it.
    """
    from proxy.cluster.session import DatabaseError  # noqa: PLC0415

    for view in cluster.views():
        for one in view.members:
            if one.name == member and one.state != "silent":
                raise AskError(
                    f"{member} is {one.state} at {view.site}: stop it first, and see"
                    " that its machines are off"
                )
    try:
        count = await cluster.leave(member)
    except DatabaseError as error:
        raise AskError(f"nobody knows whether {member} has left: {error}") from error
    if not count:
        raise AskError(f"no member is called {member!r}")
    return LeaveResult(member, f"{member} has left {count} sites")


def _given(cluster: ClusterPart, site: str, text: str) -> OrderResult:
    budget = cluster.candidates[site].budget()
    return OrderResult(site, budget.watts, budget.reason, text)
