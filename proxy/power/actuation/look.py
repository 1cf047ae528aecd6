"""A look at all commands under way: which are to be minded, and who has yet to fall."""

from collections.abc import Iterable

from protocol.units import Seconds
from proxy.power.actuation.command import PendingCommand


def look(
    pending: Iterable[PendingCommand], now: Seconds
) -> tuple[list[PendingCommand], list[int]]:
    """Look at all commands under way each second; what is due is done in slices.

    Returns:
        Commands of which something may be said now, and the rows of machines that
        shall draw less and do not know it yet.
    """
    due: list[PendingCommand] = []
    falling: list[int] = []
    for one in pending:
        if one.is_yet_to_fall:
            falling.append(one.machine.row)
        if now >= one.mind_at:
            due.append(one)
    return due, falling
