"""What becomes of the shares that a pool was sent on one link."""

from attrs import define

from protocol.units import Seconds
from protocol.work.pool_events import ShareAnswered
from proxy.upstream.pool_link_settings import LinkPorts
from proxy.upstream.pool_protocol import PoolProtocol
from proxy.upstream.sent_shares import SentShares
from proxy.upstream.silence import Silence
from proxy.upstream.standing import Outcome


@define(eq=False, repr=False)
class Settlement:
    """Tells of each share what the pool made of it, and what that says of the pool.

    Attributes:
        sent: The shares: one that is settled is forgotten there.
        silence: When the pool was last heard of.
    """

    sent: SentShares
    silence: Silence
    protocol: PoolProtocol
    ports: LinkPorts

    def on_answer(self, event: ShareAnswered) -> None:
        """Settle a share as the pool says; nothing if it waits for no such answer."""
        pending = self.sent.answered(event.submit_id)
        if pending is None:
            return
        # Since its bytes came: what waited for its turn with us is not the pool's time.
        self.ports.answered(Seconds(max(0.0, self.silence.heard_at - pending.since)))
        if event.refusal is None:
            self.ports.settled(pending.token, "accepted", "")
            self.ports.judged(Outcome.ACCEPTED)
            return
        self.ports.settled(pending.token, "rejected", event.refusal.value)
        # A pool that has changed its difficulty may hold older jobs to the new one.
        if pending.difficulty == self.protocol.difficulty:
            self.ports.judged(Outcome.REFUSED)
        # else it is older than the pool's last set_difficulty: no fault of the pool

    def give_up(self, now: Seconds) -> None:
        """Settle those that have waited for too long."""
        for pending in self.sent.overdue(now, self.protocol.answer_timeout):
            self.ports.settled(pending.token, "lost", "no_answer")
            self.judge_unanswered(pending.since)

    def lose(self) -> None:
        """Settle all that wait: their connection is gone."""
        for one in self.sent.drain():
            self.ports.settled(one.token, "lost", "connection_lost")

    def judge_unanswered(self, since: Seconds) -> None:
        """Hold a share sent at `since` against the pool, unless the line is dead."""
        # It has said something since, so the line is up and the share was passed over.
        if self.silence.heard_at > since:
            self.ports.judged(Outcome.UNANSWERED)
