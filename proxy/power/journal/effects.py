"""What site control wants done: written down first, then done by its shell."""

from enum import Enum

from attrs import define, field, frozen

from protocol.units import Watts
from proxy.power.journal.chain import Event
from proxy.power.machines.rows import FoundLimit, MachineRow
from proxy.power.orders.documents import DocumentRow

NO_WATTS = Watts(0.0)

MAX_UNWRITTEN = 100_000
"""Events kept while the database cannot be written to, about 50 MB; then the oldest are
lost."""


class Verb(Enum):
    """What a device is asked to do through its own API."""

    SLEEP = "sleep"
    WAKE = "wake"
    LIMIT = "limit"
    READ = "read"


@frozen
class Call:
    """A call to a device.

    Attributes:
        number: Of the command that it is part of; its answer carries it back. 0: of
            none.
        watts: Of LIMIT.
        is_down: It makes the device draw less: it goes before all others.
    """

    key: str
    address: str
    verb: Verb
    number: int = 0
    watts: Watts = NO_WATTS
    is_down: bool = False


@frozen
class Learned:
    """What the estimator has learned, kept for a restart."""

    bias: float
    reference: float


@define(eq=False, repr=False)
class Effects:
    """What is to be done, in this order: what is durable, the link, the devices.

    Attributes:
        events: To be appended to the log.
        machines: To be saved; each changed its state now.
        forgotten: Keys of machines to be deleted.
        found: Limits to be kept; they do not go with the machines.
        documents: Signed documents to be kept.
        has_orders: The orders changed.
        park: Connections to be given no more jobs.
        grant: Connections to be given jobs.
        calls: To devices.
    """

    events: list[Event] = field(factory=list)
    machines: list[MachineRow] = field(factory=list)
    forgotten: list[str] = field(factory=list)
    found: list[FoundLimit] = field(factory=list)
    documents: list[DocumentRow] = field(factory=list)
    has_orders: bool = False
    park: list[int] = field(factory=list)
    grant: list[int] = field(factory=list)
    calls: list[Call] = field(factory=list)

    @property
    def is_to_be_written(self) -> bool:
        """Something of it is to be durable."""
        rows = self.machines or self.forgotten or self.found or self.documents
        return bool(self.events or rows or self.has_orders)

    def after(self, unwritten: "Effects") -> "Effects":
        """Return all that is to be durable of `unwritten`, then of these.

        A machine has one row at the most, by what became of it last.
        """
        rows = {row.key: row for row in unwritten.machines}
        for key in self.forgotten:
            rows.pop(key, None)
        rows |= {row.key: row for row in self.machines}
        gone = dict.fromkeys([*unwritten.forgotten, *self.forgotten])
        return Effects(
            events=[*unwritten.events, *self.events][-MAX_UNWRITTEN:],
            machines=list(rows.values()),
            forgotten=[key for key in gone if key not in rows],
            found=[*unwritten.found, *self.found][-MAX_UNWRITTEN:],
            documents=[*unwritten.documents, *self.documents],
            has_orders=unwritten.has_orders or self.has_orders,
        )
