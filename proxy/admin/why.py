"""Why a miner is as it is, in sentences made of facts."""

from collections.abc import Iterator
from datetime import UTC, datetime

from msgspec import Struct

from protocol.units import Seconds
from protocol.work.share import Verdict
from proxy.admin.text_columns import span
from proxy.downstream.miner import Miner
from proxy.shares.reader import RecordedShare

REJECTS_SHOWN = 5

PLAIN = {
    "stale": "it came after its job was over: a slow network, or slow firmware",
    "duplicate": "it was sent before: firmware that repeats itself, or two machines"
    " behind one proxy that search the same space",
    "low_difficulty": "its hash is above the target: firmware that goes by another"
    " difficulty, or a wrong job",
    "unknown_job": "its job is not known: it is older than ten minutes, or of another"
    " connection",
    "unauthorized": "the worker is not authorised on this connection, or the machine is"
    " parked",
    "bad_ntime": "its time is not one that the job allows: firmware that rolls time",
    "bad_version": "it rolled version bits that it may not",
    "malformed": "it could not be read",
}
"""Reasons of a rejection, for people."""

STALE_PARKED = (
    "it was parked, and went on with its last job, whose tip had moved, until its"
    " firmware stopped: that takes up to 135 s, and is not held against it (one that"
    " hashes on longer has an alarm: `baseload power show`)"
)


class WhyView(Struct):
    """A miner, and why it is as it is."""

    id: int
    site: str
    worker: str | None
    address: str
    sentences: list[str]


def why_view(
    site: str,
    miner: Miner,
    ruled_by: str | None,
    rejects: list[RecordedShare],
    now: Seconds,
) -> WhyView:
    """Return what is known of a miner.

    Args:
        site: Its name.
        miner: The miner.
        ruled_by: What the site's budget is ruled by; None: it has none.
        rejects: Its last ones in the ledger, the newest first.
        now: The clock that its moments are measured by.
    """
    sentences = [
        _who(miner, now),
        _work(miner, ruled_by, now),
        _difficulty(miner),
        *_shares(miner, now),
        *_rejects(rejects),
    ]
    worker = next(iter(miner.workers), None)
    return WhyView(miner.id, site, worker, miner.address, sentences)


def _who(miner: Miner, now: Seconds) -> str:
    agent = miner.user_agent or "no name"
    since = span(now - miner.connected_at)
    return f"connected for {since} by {miner.dialect}, as {agent}"


def _work(miner: Miner, ruled_by: str | None, now: Seconds) -> str:
    if not miner.workers:
        return "given no jobs: it has not said who it is (mining.authorize)"
    if miner.is_waiting:
        return "given no jobs: no source has said yet how much room it leaves"
    if not miner.is_granted:
        parked = span(now - (miner.parked_at or now))
        return f"parked for {parked}: {_why_parked(miner, ruled_by)}"
    source = miner.group.sourcing.source_name if miner.group else None
    if source is None:
        return "it goes on with its last job: no source has work for it now"
    return f"mines on {source}"


def _why_parked(miner: Miner, ruled_by: str | None) -> str:
    if miner.is_held_off:
        hold = miner.context.parking.held_by(miner)
        return f"by hand; `baseload unpark '{hold}'` ends that"
    if miner.is_allowed:
        return "no source has work; see `baseload pools`"
    rule = f"; the budget is ruled by {ruled_by}" if ruled_by else ""
    return (
        f"the site's power control holds it off{rule}; see"
        " `baseload power machines` and `power history`"
    )


def _difficulty(miner: Miner) -> str:
    """Return its difficulty, and the first reason that is true."""
    site, own = miner.context.policy, miner.vardiff.difficulty
    pace = f"{site.shares_per_minute:g} shares a minute"
    reasons = {
        f"its source takes no harder shares; by itself {own:g}": miner.difficulty < own,
        "it asked for it (d= in its password), and keeps it": miner.wishes.is_fixed,
        "the site's is fixed (shares_per_minute = 0)": site.shares_per_minute <= 0,
        "the lowest that the site allows": own == site.minimum,
        "the highest that the site allows": own == site.maximum,
        "it asked for no less": miner.has_own_difficulty,
        "what the site begins with, until its shares say more": not miner.accepted
        and own == miner.context.start,
        f"so that it sends about {pace}": True,
    }
    reason = next(reason for reason, is_true in reasons.items() if is_true)
    return f"difficulty {miner.difficulty:g}: {reason}"


def _shares(miner: Miner, now: Seconds) -> Iterator[str]:
    if miner.share_at is None:
        yield "no share of it was accepted yet"
    else:
        ago = span(now - miner.share_at)
        yield f"last share {ago} ago; {miner.accepted} accepted since it connected"
    parked = miner.stale_parked
    for reason, count in miner.rejected.most_common():
        ours = parked if reason == Verdict.STALE else 0
        if ours:
            yield f"{ours} rejected as {reason}: {STALE_PARKED}"
        if count > ours:
            yield f"{count - ours} rejected as {reason}: {PLAIN.get(reason, reason)}"


def _rejects(rejects: list[RecordedShare]) -> Iterator[str]:
    for share in rejects:
        at = datetime.fromtimestamp(share.at, UTC).strftime("%H:%M:%S UTC")
        yield (
            f"rejected at {at}: {share.verdict}, job {share.job}, difficulty"
            f" {share.difficulty:g}"
        )
