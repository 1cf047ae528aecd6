"""When a pool was last heard of on a link, and whether that is too long ago."""

from attrs import define

from protocol.units import Seconds

HANDSHAKE_TIMEOUT = Seconds(30.0)
"""From dialling to the first job."""

SILENCE_TIMEOUT = Seconds(120.0)
STALE_TIMEOUT = Seconds(600.0)
"""Between jobs: a pool that only pings has lost its node. Pools refresh each minute."""


SAID_AFTER = 0.25
"""Of the silence that ends a connection: then it is told of. Pools answer within a
second, and within ten where a block has just come. It is 15 s of Stratum V1, and 30 s
of V2, whose pools may answer many shares at once."""


@define
class Silence:
    """The times of one connection.

    Attributes:
        dialled_at: When it was begun.
        heard_at: When anything came last.
        job_at: When a job came last; None before the first.
    """

    dialled_at: Seconds = Seconds(0.0)  # noqa: RUF009  (a float)
    heard_at: Seconds = Seconds(0.0)  # noqa: RUF009
    job_at: Seconds | None = None

    def begin(self, now: Seconds) -> None:
        """Note that the pool is dialled."""
        self.dialled_at = self.heard_at = now
        self.job_at = None

    def unanswered_s(
        self, now: Seconds, waiting_since: Seconds, answer_timeout: Seconds
    ) -> Seconds | None:
        """Return how long the pool has been silent with shares to answer.

        None: not for so long that it need be told of. Arguments as of `fault`.
        """
        silent = Seconds(now - max(self.heard_at, waiting_since))
        least = SAID_AFTER * min(answer_timeout, SILENCE_TIMEOUT)
        return silent if silent >= least else None

    def fault(
        self, now: Seconds, waiting_since: Seconds, answer_timeout: Seconds
    ) -> str:
        """Return why to hang up; empty if there is no reason.

        Args:
            now: On the same clock.
            waiting_since: When the oldest unanswered share was sent, or `now`.
            answer_timeout: How long an answer may take.
        """
        if self.job_at is None and now - self.dialled_at >= HANDSHAKE_TIMEOUT:
            return f"no job in {HANDSHAKE_TIMEOUT:g} s"
        # A pool with nothing to say may be silent; with a share to answer it may not.
        if now - max(self.heard_at, waiting_since) >= answer_timeout:
            return f"silent for {answer_timeout:g} s with shares to answer"
        if now - self.heard_at >= SILENCE_TIMEOUT:
            return f"silent for {SILENCE_TIMEOUT:g} s"
        if self.job_at is not None and now - self.job_at >= STALE_TIMEOUT:
            return f"no new job for {STALE_TIMEOUT:g} s"
        return ""
