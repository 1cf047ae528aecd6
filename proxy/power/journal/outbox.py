"""Where the parts of one site's control put what they want done."""

from typing import Any

from attrs import define, field

from protocol.units import UnixTime
from proxy.power.journal.batches import batched
from proxy.power.journal.chain import Event
from proxy.power.journal.effects import Effects
from proxy.power.machines.rows import MachineRow


@define(eq=False, repr=False)
class SiteOutbox:
    """What the control of one site wants done, gathered until it is drained.

    Attributes:
        site: The site's name, as it stands in the event log.
        at: Wall time of what is being heard or done, in Unix seconds.
        effects: What was gathered since the last `drain`.
    """

    site: str
    at: UnixTime = field(default=UnixTime(0.0), init=False)
    effects: Effects = field(factory=Effects, init=False)

    def log(
        self,
        kind: str,
        cause: str,
        body: dict[str, Any],
        openings: tuple[tuple[str, str], ...] = (),
    ) -> None:
        """Put an event into the log; see `Event`."""
        event = Event(self.at, self.site, kind, cause, body, openings)
        self.effects.events.append(event)

    def save(self, row: MachineRow) -> None:
        """Have a machine's state kept for a restart."""
        self.effects.machines.append(row)

    def drain(self) -> Effects:
        """Return what was gathered since the last call."""
        effects, self.effects = self.effects, Effects()
        effects.events = batched(effects.events)
        return effects
