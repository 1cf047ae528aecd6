"""Miners that came before it was known how the extranonce is cut."""

from collections.abc import Callable
from itertools import islice
from typing import Protocol

from attrs import define, field
from twisted.internet.interfaces import IDelayedCall, IReactorTime

from protocol.units import Seconds
from proxy.runtime.contain import Servable, serve_each

LONGEST_WAIT = Seconds(10.0)
"""For an answer to mining.subscribe: firmware gives up after 15 s and more."""

AT_ONCE = 64
"""Miners that are told in one turn of the reactor: some 5 ms."""


class PendingMiner(Servable, Protocol):
    """A miner that waits for its slot, or a connection whose channels do."""

    def slots_available(self) -> None:
        """Take slots now: their size is decided."""


@define(eq=False, repr=False)
class PendingMiners:
    """Those who wait for a slot, in the order in which they came.

    Attributes:
        on_timeout: Called once the first has waited for 10 s.
    """

    clock: IReactorTime
    on_timeout: Callable[[], None]
    _miners: dict[PendingMiner, None] = field(factory=dict, init=False)
    _timeout: IDelayedCall | None = field(default=None, init=False)
    _going_on: IDelayedCall | None = field(default=None, init=False)

    def add(self, miner: PendingMiner) -> None:
        """Have `miner` told, 10 s after the first of all at the latest."""
        self._miners[miner] = None
        if self._timeout is None:
            self._timeout = self.clock.callLater(LONGEST_WAIT, self._on_time)

    def remove(self, miner: PendingMiner) -> None:
        """Tell `miner` nothing more: it is gone."""
        self._miners.pop(miner, None)

    def release_all(self) -> None:
        """Tell all that there are slots, some of them in each turn of the reactor."""
        if self._timeout is not None:
            self._timeout.cancel()
            self._timeout = None
        # This may come again while a sweep goes on, which serves all who wait in any
        # case.
        if self._going_on is None:
            self._go_on()

    def stop(self) -> None:
        """Tell nobody any more."""
        self._miners.clear()
        for call in (self._timeout, self._going_on):
            if call is not None:
                call.cancel()
        self._timeout = self._going_on = None

    def _go_on(self) -> None:
        self._going_on = None
        first = list(islice(self._miners, AT_ONCE))
        for miner in first:
            # Out before they are served: one that still finds no slot may put itself in
            # again.
            del self._miners[miner]
        serve_each(first, lambda miner: miner.slots_available(), "giving a slot")
        if self._miners:
            self._going_on = self.clock.callLater(0, self._go_on)

    def _on_time(self) -> None:
        self._timeout = None
        self.on_timeout()
