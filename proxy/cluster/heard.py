"""How long nothing new was heard of each member, by our own clock."""

from collections.abc import Mapping

from attrs import define, field

from protocol.units import Seconds
from proxy.power.allotment.rows import Row


@define(eq=False, repr=False)
class Heard:
    """Since when each member's newest row is that."""

    _since: dict[str, tuple[int, int, Seconds]] = field(factory=dict, init=False)

    def read(self, rows: Mapping[str, Row], now: Seconds) -> None:
        """Take in a look at the table."""
        before, self._since = self._since, {}
        for name, row in rows.items():
            old = before.get(name)
            is_same = old is not None and old[:2] == (row.life, row.seq)
            self._since[name] = old if is_same and old else (row.life, row.seq, now)

    def silent_for(self, name: str, now: Seconds) -> Seconds:
        """Return for how long nothing new was read of a member."""
        known = self._since.get(name)
        return Seconds(0.0 if known is None else now - known[2])
