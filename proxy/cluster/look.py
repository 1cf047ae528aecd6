"""A site as one candidate knows it, for operators."""

from collections.abc import Iterator, Mapping, Sequence

from protocol.units import Seconds
from proxy.cluster.candidate import Candidate
from proxy.cluster.found import Found
from proxy.cluster.member import Member
from proxy.cluster.views import ClusterMember, ClusterSignal, ClusterView


def site_view(
    candidate: Candidate, mine: Sequence[Member], described: Mapping[str, str]
) -> ClusterView:
    """Return what there is to see.

    Args:
        candidate: Our part in leading the site.
        mine: Our own halls there.
        described: How its signals stand that are heard here.
    """
    found, budget = candidate.found, candidate.budget()
    members = [] if found is None else _members(candidate, found)
    faults = [member.refusal for member in mine if member.refusal]
    if candidate.unknown:
        faults.append(
            f"{candidate.site.name} is not in the tables: baseload cluster migrate"
        )
    return ClusterView(
        site=candidate.site.name,
        leader="" if found is None else found.leader.holder,
        is_here=candidate.leads,
        epoch=0 if found is None else found.leader.epoch,
        budget_w=budget.watts,
        ruled_by=budget.reason,
        trim_w=candidate.trim_w,
        sum_granted_w=sum(member.granted_w for member in members),
        members=members,
        signals=[*_signals(candidate, described)],
        answered_s=candidate.answered_for(),
        fault="; ".join(faults),
    )


def _signals(
    candidate: Candidate, described: Mapping[str, str]
) -> Iterator[ClusterSignal]:
    orders, now = candidate.orders, Seconds(candidate.clock.seconds())
    for name, lease_s in sorted(orders.leases.items()):
        yield ClusterSignal(
            name=name,
            lease_s=lease_s,
            silent_s=orders.silent_for(name, now),
            orders=sum(order.source == name for order in orders.standing),
            said=described.get(name, ""),
        )


def _members(candidate: Candidate, found: Found) -> list[ClusterMember]:
    refused = {} if candidate.step is None else candidate.step.refused
    members = []
    for name, row in found.rows.items():
        grant, figures = found.grants.get(name), found.figures[name]
        silent_s = candidate.silent_for(name)
        state = "draining" if figures.is_draining else "live"
        state = "silent" if candidate.is_silent(name) else state
        members.append(
            ClusterMember(
                name=name,
                state="refused" if name in refused else state,
                why=refused.get(name, ""),
                life=row.life,
                need_w=sum(need.wanted_w for need in row.need),
                granted_w=row.floor_w if grant is None else grant.watts,
                held_w=row.held_w,
                floor_w=row.floor_w,
                applied=grant is not None and row.applied == grant.number,
                silent_s=silent_s,
                power_w=figures.power_w,
                budget_w=figures.budget_w,
                instance=figures.instance,
                release=figures.release,
            )
        )
    return members
