"""What the database keeps of machines."""

from attrs import frozen

from protocol.units import Watts


@frozen
class MachineRow:
    """A machine's line in the database."""

    key: str
    address: str
    worker: str
    is_running: bool
    found_w: Watts | None = None  # the limit that it was first read with
    identity: str | None = None


@frozen
class FoundLimit:
    """The limit that a machine was first read with, kept by its identity."""

    identity: str
    watts: Watts


@frozen
class Debt:
    """What a machine is owed beside its equals, kept for a restart.

    Attributes:
        hours: Of full power that it was curtailed.
        cycles: How often it was switched in the last day.
    """

    key: str
    hours: float
    cycles: float
