"""Pools as operators see them."""

from protocol.units import Seconds, UnixTime
from proxy.admin.running import Running
from proxy.admin.source_views import HeldView, LatencyView, PoolView
from proxy.upstream.pool import Pool

DAY = 86400.0


def pool_view(pool: Pool, running: Running, now: Seconds) -> PoolView:
    """Return a pool as it is at `now`."""
    work, mask = pool.work, pool.version_mask
    reason, held = _why(pool, running), running.by_hand.view_of(pool.name)
    boards = [one.context.board for one in running.factories.values()]
    return PoolView(
        name=pool.name,
        state=_state_of(pool, reason, held),
        difficulty=work.difficulty if work else None,
        accepted=pool.accepted,
        rejected=sum(pool.rejected.values()),
        connections=pool.connections,
        last_job_age_s=None if work is None else now - pool.job_at,
        url=pool.config.url,
        reason=reason,
        version_mask=None if mask is None else f"{mask:08x}",
        extranonce2_size=pool.room,
        rejects=dict(pool.rejected),
        lost=dict(pool.lost),
        by_hand=held,
        next_try_s=None if (at := pool.dials_at) is None else at - now,
        unanswered_s=pool.unanswered_s(now),
        latency=_latency_of(pool, now),
        switches=sum(board.source_choice.switches[pool.name] for board in boards),
        certificate_days=_days_to(pool.certificate_until, running.wall_clock()),
    )


def _why(pool: Pool, running: Running) -> str:
    """Return why a pool is not in use somewhere, or not at all; else empty."""
    if pool.unusable or pool.doubt:
        return pool.unusable or pool.doubt
    for name, factory in running.factories.items():
        why = factory.context.board.slots.why_not_here(pool)
        if name in pool.listeners and why:
            return f"{why} at {name}"
    return pool.contradicted or pool.reason


def _state_of(pool: Pool, reason: str, held: HeldView | None) -> str:
    """Return a pool's state: `left` where it has work that we do not take."""
    if held is not None and held.how == "disabled":
        return "disabled"
    state = pool.state()
    return "left" if state == "ready" and reason and not pool.contradicted else state


def _latency_of(pool: Pool, now: Seconds) -> LatencyView | None:
    found = pool.answer_times.within((0.5, 0.99), now)
    return None if found is None else LatencyView(*found)


def _days_to(until: UnixTime | None, now: UnixTime) -> float | None:
    return None if until is None else round((until - now) / DAY, 2)
