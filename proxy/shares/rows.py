"""Shares as rows of the ledger's tables."""

from protocol.work.share import JudgedShare

INSERT_SHARE = (
    "INSERT OR IGNORE INTO share (at, site, worker, job, difficulty, verdict, hash)"
    " VALUES (?, ?, ?, ?, ?, ?, ?)"
)
INSERT_UPSTREAM = (
    "INSERT OR IGNORE INTO upstream"
    " (id, at, site, pool, worker, job, hash, difficulty)"
    " VALUES (?, ?, ?, ?, ?, ?, ?, ?)"
)
INSERT_BLOCK = (
    "INSERT OR IGNORE INTO block (hash, at, site, worker, source, height)"
    " VALUES (?, ?, ?, ?, ?, ?)"
)
SETTLE = "UPDATE upstream SET verdict = ?, reason = ?, settled_at = ? WHERE id = ?"
SETTLE_BLOCK = "UPDATE block SET verdict = ?, reason = ?, settled_at = ? WHERE hash = ?"
LOSE_PENDING = (
    "UPDATE upstream SET verdict = 'lost', reason = 'restart', settled_at = ?"
    " WHERE verdict = 'pending'"
)

NEWEST_SHARE = "SELECT coalesce(max(id), 0) FROM share"
NEWEST_UPSTREAM = "SELECT coalesce(max(id), 0) FROM upstream"

ShareRow = tuple[float, str, str, str, float, str, str]
UpstreamRow = tuple[int, float, str, str, str, str, str, float]
BlockRow = tuple[str, float, str, str, str, int | None]


def upstream_row(token: int, share: JudgedShare) -> UpstreamRow:
    """Return the row of a forwarded share; its difficulty is its source's."""
    work = share.job.work if share.job else None
    return (
        token,
        share.at,
        share.site,
        work.source if work else "",
        share.worker,
        share.job_id,
        share.hash[::-1].hex(),
        work.difficulty if work else share.difficulty,
    )


def block_row(share: JudgedShare, height: int | None) -> BlockRow:
    """Return the row of a block; `height` is None where the source does not say."""
    source = share.job.work.source if share.job else ""
    block = share.hash[::-1].hex()
    return (block, share.at, share.site, share.worker, source, height)
