"""Channels of Stratum V2 that miners ask for: which wait, which cannot be opened."""

from attrs import define, field

from protocol.sv2 import codes
from protocol.sv2.miner_events import ChannelAsked
from protocol.units import WorkerName
from proxy.downstream.site_context import SiteContext
from proxy.downstream.sv2_miner import bound_of
from proxy.jobs.pending_miners import PendingMiner

MAX_ASKED = 1024
"""Channels that a connection may ask for while the layout is not decided."""


@define(eq=False, repr=False)
class AskedChannels:
    """Those of one connection that wait until the site's layout is decided."""

    _context: SiteContext
    _waiting: list[ChannelAsked] = field(factory=list, init=False)

    def __bool__(self) -> bool:
        return bool(self._waiting)

    def wait(self, asked: ChannelAsked, connection: PendingMiner) -> bool:
        """Keep `asked`; False if there are too many. `connection` is told when."""
        if len(self._waiting) >= MAX_ASKED:
            return False
        self._waiting.append(asked)
        self._context.board.layout.wait(connection)
        return True

    def take(self) -> list[ChannelAsked]:
        """Return those that waited, oldest first, and forget them."""
        waiting, self._waiting = self._waiting, []
        return waiting

    def forget(self, connection: PendingMiner) -> None:
        """Wait no more: the connection is gone."""
        self._waiting.clear()
        self._context.board.layout.stop_waiting(connection)


def fault_of(asked: ChannelAsked, worker: WorkerName, context: SiteContext) -> str:
    """Return the code for why a site cannot serve a channel; empty if it can."""
    board = context.board
    most, whose = board.slots.most_extranonce2(board.routes.sources_of(worker))
    if (asked.min_size or 0) > most:
        return f"{codes.EXTRANONCE_SIZE}: {whose} leaves {most} B"
    if bound_of(asked.max_target) > context.policy.maximum:
        return codes.MAX_TARGET
    return ""
