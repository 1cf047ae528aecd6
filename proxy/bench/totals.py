"""What the load counted."""

import msgspec


class Totals(msgspec.Struct, frozen=True, kw_only=True):
    """Sums since a load began: sent = accepted + rejected + in_flight + lost.

    Attributes:
        at: When they were read, monotonic seconds.
        lost: Shares whose connection ended before the answer.
        retargets: Difficulties that miners were told.
        skipped: Shares that the pace owed while the miner's window was full.
        working: Miners that are authorised and have a job, now.
        opened: Connections tried; `failed` of them never worked.
        dropped: Connections that the server ended, or that were for what it said.
        closed: Connections that we ended.
        why_failed: What the system said of the last one.
        working_at: When the last miner began to work, on the same clock as `at`.
        refusals: Shares rejected, by the code of the error.
    """

    at: float
    sent: int
    accepted: int
    rejected: int
    in_flight: int
    lost: int
    retargets: int
    skipped: int
    working: int
    opened: int
    failed: int
    dropped: int
    closed: int
    why_failed: str
    working_at: float
    refusals: dict[int, int]

    @property
    def answered(self) -> int:
        """Shares that were answered."""
        return self.accepted + self.rejected


class Notice(msgspec.Struct, frozen=True):
    """When a job came, monotonic seconds: to the first and to the last of `count`."""

    first: float
    last: float
    count: int
