"""What a listener keeps of signed documents, and the events that tell of them."""

from collections.abc import Mapping, Sequence
from typing import Any

from attrs import evolve

from protocol.units import UnixTime
from proxy.power.orders.documents import DocumentRow, Recorded


class KeptDocuments:
    """The part of a listener that documents need."""

    def __init__(self) -> None:
        self.events: list[tuple[str, str, dict[str, Any]]] = []
        self.kept: dict[str, DocumentRow] = {}
        self.disk_is_full = False
        self.times = [UnixTime(0.0)]  # what it may be
        self.witnesses: dict[str, float] = {}

    def record(
        self,
        kind: str,
        cause: str,
        body: dict[str, Any],
        rows: Sequence[DocumentRow] = (),
    ) -> Recorded | None:
        if self.disk_is_full:
            return None
        self.events.append((kind, cause, body))
        for row in rows:
            leaf = row.leaf or len(self.events)
            self.kept[row.id] = evolve(row, leaf=leaf)
        last = len(self.events)
        return Recorded(last, self.moments()[0], "x/log/1", last - 1)

    def documents(self) -> Sequence[DocumentRow]:
        return sorted(self.kept.values(), key=lambda row: row.leaf)

    def forget_documents(self, until: UnixTime) -> None:
        self.kept = {i: r for i, r in self.kept.items() if r.until > until}

    def moments(self) -> Sequence[UnixTime]:
        return self.times

    def cosigned(self) -> Mapping[str, float]:
        return self.witnesses
