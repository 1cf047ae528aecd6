"""One upstream channel as the jobs side sees it: its newest work, or why none."""

from typing import Protocol

from attrs import define, field

from protocol.units import Seconds
from protocol.work.job import Work


@define(eq=False, repr=False)
class Feed:
    """What one connection to a pool, or one node, has for us at this moment.

    Owned by the edge that speaks to the source; others read it.

    Attributes:
        source: Name of the pool or node.
        work: The newest work; None while there is none to hash.
        reason: Why there is none.
        ready_since: When `work` last came after there was none.
    """

    source: str
    work: Work | None = None
    reason: str = "not connected yet"
    ready_since: Seconds = field(default=Seconds(0.0))

    @property
    def session(self) -> int:
        """The session of the newest work; 0 while there is none."""
        return self.work.session if self.work else 0


class FeedListener(Protocol):
    """Who wants to know what feeds bring."""

    def work_arrived(self, feed: Feed) -> None:
        """`feed.work` is new."""

    def room_known(self) -> None:
        """A source has told how much room it leaves, or that it is another now."""

    def feed_lost(self, feed: Feed, session: int) -> None:
        """`feed.work` is gone, and shares for `session` cannot be delivered."""


class Source(Protocol):
    """A pool or a node, as a site chooses among them."""

    @property
    def name(self) -> str:
        """As in the configuration."""

    @property
    def unusable(self) -> str:
        """Why no work is taken from it now though it may offer some; else empty."""

    @property
    def doubt(self) -> str:
        """Why any other source is better; else empty."""

    @property
    def room(self) -> int | None:
        """Bytes of extranonce2 it leaves to us; None while it is not known."""

    @property
    def numbering_bytes(self) -> int:
        """Bytes of `room` that tell groups apart, where connections cannot."""

    def takes_identity(self) -> bool:
        """Each worker needs a connection of its own."""

    def open(self, site: str, identity: str, number: int) -> Feed:
        """Return a connection's feed, connecting if need be.

        Args:
            site: Whose miners it is for.
            identity: The worker, for a source that `takes_identity`; else empty. Empty
                for such a source too: it is only asked how much room it leaves.
            number: Which of the connections for these; as many search spaces share
                one as the padding can tell apart.
        """

    def close(self, site: str, identity: str, number: int) -> None:
        """Let go what `open` returned; nobody there needs it now."""
