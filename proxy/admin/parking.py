"""Machines parked by hand: the methods `park` and `unpark`."""

from collections.abc import Awaitable, Callable
from typing import Annotated

from attrs import frozen
from msgspec import Meta

from proxy.admin.miner_pages import parts_of
from proxy.admin.refused import Refused
from proxy.admin.running import Running
from proxy.admin.views import Done
from proxy.power.machines.holds import MAX_HOLDS, Holds

Machines = Annotated[str, Meta(min_length=1, max_length=256)]


@frozen
class ParkOperations:
    """What an operator holds off.

    Attributes:
        turn: Lets others have a turn of the reactor.
    """

    running: Running
    turn: Callable[[], Awaitable[object]]

    async def park(
        self,
        machines: Machines,
        yes: bool = False,  # noqa: FBT001, FBT002  (a parameter on the wire)
    ) -> Done:
        """Give machines no work until they are unparked."""
        count = await self._count(Holds([machines]))
        if not count and not yes:
            raise Refused(
                f"no machine that is connected is called {machines!r}; --yes holds it"
                " off when it comes"
            )
        by_hand = self.running.by_hand
        if machines in by_hand.parked:
            raise Refused(f"{machines} is parked by hand already")
        if len(by_hand.parked) >= MAX_HOLDS:
            raise Refused(f"{MAX_HOLDS} holds are in force: take a glob for several")
        why = by_hand.park(machines)
        return Done.held(f"{machines} is parked until `unpark`: {count} connected", why)

    def unpark(self, machines: Machines) -> Done:
        """End the holds of this name, and those that it is a glob of."""
        by_hand = self.running.by_hand
        those = by_hand.named(machines)
        if not those:
            raise Refused(f"{machines!r} is not parked by hand{self._wider(machines)}")
        why = by_hand.unpark(those)
        others = "the power plan decides" if self.running.power else "it may work"
        return Done.held(f"{', '.join(those)} is parked by hand no more: {others}", why)

    def _wider(self, machines: str) -> str:
        address, _, worker = machines.partition(" ")
        holds = Holds(self.running.by_hand.parked)
        hold = holds.pattern_of(worker or machines, address)
        return f", but {hold!r} is: unpark that" if hold else ""

    async def _count(self, holds: Holds) -> int:
        count = 0
        for factory in self.running.factories.values():
            for some in parts_of(factory):
                names = ((next(iter(m.workers), ""), m.address) for m in some)
                count += sum(holds.holds(*name) for name in names)
                await self.turn()
        return count
