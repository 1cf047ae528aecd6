"""Hold what pools ask for against what a node knows of the chain."""

from collections.abc import Callable

from attrs import define, field
from twisted.logger import Logger

from protocol.units import Seconds, UnixTime
from protocol.work.job import Work
from proxy.node.pool_check import Mismatch, MismatchKind, mismatch
from proxy.node.service import NodeService


@define(eq=False, repr=False)
class PoolWatch:
    """Checks one pool's newest work against one node.

    Attributes:
        pool: The pool's name.
        node: Whom we believe.
        found: What is wrong now; None while nothing is, or nothing can be said.
    """

    _log = Logger()

    pool: str
    node: NodeService
    wall_clock: Callable[[], UnixTime]
    found: Mismatch | None = field(default=None, init=False)
    _prev_hash: bytes = field(default=b"", init=False)
    _since: Seconds = field(default=Seconds(0.0), init=False)
    _has_warned: bool = field(default=False, init=False)

    def check(self, work: Work | None, now: Seconds) -> None:
        """Look at `work`; a change for worse or better is one line each."""
        view = self.node.view
        if work is None or view is None:
            return
        # By the tip, not by the job: a pool that repeats a wrong one must not gain
        # time.
        if work.prev_hash != self._prev_hash:
            self._prev_hash, self._since = work.prev_hash, now
        wall = self.wall_clock()
        found = mismatch(work, view, work_since=self._since, now=now, wall=wall)
        if found is not None and found.kind is MismatchKind.OTHER_NETWORK:
            self._warn_once(found)
            found = None
        if (found is None) != (self.found is None):
            self._tell(found)
        self.found = found

    def _warn_once(self, found: Mismatch) -> None:
        if not self._has_warned:
            self._has_warned = True
            self._log.warn(
                "pool {pool} is not checked: {why}", pool=self.pool, why=found.text
            )

    def _tell(self, found: Mismatch | None) -> None:
        if found is None:
            self._log.info("pool {pool} agrees with its node again", pool=self.pool)
        else:
            self._log.error(
                "pool {pool} contradicts {node}: {why}",
                pool=self.pool,
                node=self.node.node_name,
                why=found.text,
            )
