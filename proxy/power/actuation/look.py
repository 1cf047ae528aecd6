"""A look at all commands under way: which are to be minded, and whom to ask."""

from collections.abc import Iterable

from attrs import field, frozen

from protocol.units import Seconds
from proxy.power.actuation.command import PendingCommand
from proxy.power.machines.machine import Machine

READ_BACK_EVERY = Seconds(3.0)
"""Firmware takes seconds to do as it was told: five questions until a read-back is due
(`verify.READ_BACK_WITHIN`)."""


@frozen
class Looked:
    """What a look found.

    Attributes:
        due: Commands of which something may be said now.
        falling: Rows of machines that shall draw less, and do not know it yet.
        asked: Machines whose devices are to be read.
    """

    due: list[PendingCommand] = field(factory=list)
    falling: list[int] = field(factory=list)
    asked: list[Machine] = field(factory=list)


def look(pending: Iterable[PendingCommand], now: Seconds) -> Looked:
    """Return what is to be done now about commands under way."""
    found = Looked()
    for one in pending:
        if one.is_yet_to_fall:
            found.falling.append(one.machine.row)
        if now < one.mind_at:
            continue
        found.due.append(one)
        if now >= one.read_at and not one.waits:
            one.read_at = Seconds(now + READ_BACK_EVERY)
            found.asked.append(one.machine)
    return found
